// What a kernel asks of the machine while it runs: a warp is a SIMD-group, a block a threadgroup.
#pragma once

// Addresses of the buffers, which the runner sets before a launch, and as much threadgroup memory as the launch asks for.
extern "C" {
__attribute__((address_space(4))) unsigned long msl_buffers[16] = {};
extern __attribute__((address_space(3), aligned(16))) char msl_threadgroup_memory[];
}

namespace msl {

// Named like the MSL attributes, as in the emulator. Threadgroups have one dimension in all kernels.
struct ThreadPosition {
    uint3 threadgroup_position_in_grid;
    uint thread_index_in_threadgroup;
    ushort thread_index_in_simdgroup;
    ushort simdgroup_index_in_threadgroup;
    ushort simdgroups_per_threadgroup;
    const ThreadPosition* operator->() const { return this; }
};

inline ThreadPosition msl_position() {
    const uint thread = __nvvm_read_ptx_sreg_tid_x();
    return {uint3{(uint)__nvvm_read_ptx_sreg_ctaid_x(), (uint)__nvvm_read_ptx_sreg_ctaid_y(), (uint)__nvvm_read_ptx_sreg_ctaid_z()},
            thread, (ushort)(thread % 32), (ushort)(thread / 32), (ushort)((__nvvm_read_ptx_sreg_ntid_x() + 31) / 32)};
}

enum class BindingKind { Buffer, Bytes, ThreadgroupMemory };

inline void* msl_binding(BindingKind kind, int index, size_t, size_t) {
    return kind == BindingKind::ThreadgroupMemory ? (void*)msl_threadgroup_memory : (void*)msl_buffers[index];
}

enum class mem_flags { mem_none = 0, mem_device = 1, mem_threadgroup = 2 };
inline void threadgroup_barrier(mem_flags) { __syncthreads(); }
inline void simdgroup_barrier(mem_flags) { __nvvm_bar_warp_sync(0xffffffffu); }

template <typename T>
inline T shuffle(T value, int source) {
    static_assert(sizeof(T) == sizeof(int));
    return __builtin_bit_cast(T, __nvvm_shfl_sync_idx_i32(0xffffffffu, __builtin_bit_cast(int, value), source, 31));
}
template <typename T>
inline T simd_shuffle_xor(T value, ushort mask) {
    static_assert(sizeof(T) == sizeof(int));
    return __builtin_bit_cast(T, __nvvm_shfl_sync_bfly_i32(0xffffffffu, __builtin_bit_cast(int, value), mask, 31));
}
template <typename T>
inline T simd_sum(T value) {
    for (int mask = 16; mask > 0; mask /= 2) value += simd_shuffle_xor(value, mask);
    return value;
}
template <typename T>
inline T simd_max(T value) {
    for (int mask = 16; mask > 0; mask /= 2) value = max(value, simd_shuffle_xor(value, mask));
    return value;
}
template <typename T>
inline T simd_min(T value) {
    for (int mask = 16; mask > 0; mask /= 2) value = min(value, simd_shuffle_xor(value, mask));
    return value;
}

}  // namespace msl

#define MSL_JOIN_(a, b) a##b
#define MSL_JOIN(a, b) MSL_JOIN_(a, b)
#define MSL_ENTRY(entry, name, ...) \
    void entry() __asm__(name);     \
    __attribute__((nvptx_kernel)) void entry() { __VA_ARGS__(); }
#define EXPORT_KERNEL(name, ...) MSL_ENTRY(MSL_JOIN(entry, __COUNTER__), name, __VA_ARGS__)
