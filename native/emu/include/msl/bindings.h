// How a kernel gets its arguments: where MSL has an attribute on a parameter, the parameter gets a default argument that
// fetches the binding. A kernel called without arguments thus binds itself. msl_position and msl_binding are the machine's.
#pragma once

namespace msl {

struct BufferBinding {
    int index;
    template <typename T>
    operator T*() const {
        return (T*)msl_binding(BindingKind::Buffer, index, 0, alignof(T));
    }
    template <typename T>
    operator T&() const {
        return *(T*)msl_binding(BindingKind::Bytes, index, sizeof(T), alignof(T));
    }
};

struct ThreadgroupBinding {
    int index;
    template <typename T>
    operator T*() const {
        return (T*)msl_binding(BindingKind::ThreadgroupMemory, index, 0, alignof(T));
    }
};

}  // namespace msl

#define BUFFER(index) = msl::BufferBinding{index}
#define THREADGROUP_MEMORY(index) = msl::ThreadgroupBinding{index}
#define BUILT_IN(attribute) = msl::msl_position()->attribute
