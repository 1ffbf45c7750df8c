// How a kernel gets its arguments: where MSL has an attribute on a parameter, the parameter gets a default argument that
// fetches the binding. A kernel called without arguments thus binds itself.
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

struct KernelRegistration {
    KernelRegistration(const char* name, void (*entry)()) { msl_register_kernel(name, entry); }
};

}  // namespace msl

#define BUFFER(index) = msl::BufferBinding{index}
#define THREADGROUP_MEMORY(index) = msl::ThreadgroupBinding{index}
#define BUILT_IN(attribute) = msl::msl_position()->attribute

#define MSL_JOIN_(a, b) a##b
#define MSL_JOIN(a, b) MSL_JOIN_(a, b)
#define EXPORT_KERNEL(name, ...) \
    static msl::KernelRegistration MSL_JOIN(registration, __COUNTER__)(name, [] { __VA_ARGS__(); });
