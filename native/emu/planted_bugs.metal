// Kernels with one mistake each. They are compiled only into the sanitizer builds, to prove that the sanitizers see what
// they are there to see: every one of them must be reported.
#include <metal_stdlib>
#ifdef PLANTED_BUGS

// Without its barrier the numbers may still be right: ThreadSanitizer must report it.
template <int = 0>
kernel void planted_missing_barrier(device const float* input BUFFER(0), device float* output BUFFER(1),
                                    threadgroup float* shared THREADGROUP_MEMORY(0), uint index BUILT_IN(thread_index_in_threadgroup)) {
    shared[index] = input[index];
    output[index] = shared[index ^ 1];
}
EXPORT_KERNEL("planted_missing_barrier", planted_missing_barrier<0>)

// Two threadgroups write the same element: ThreadSanitizer must report it.
template <int = 0>
kernel void planted_shared_output(device const float* input BUFFER(0), device float* output BUFFER(1),
                                  uint3 group BUILT_IN(threadgroup_position_in_grid), uint index BUILT_IN(thread_index_in_threadgroup)) {
    output[index] = input[index] + group.x;
}
EXPORT_KERNEL("planted_shared_output", planted_shared_output<0>)

// Writes one element too far: AddressSanitizer must report it.
template <int = 0>
kernel void planted_write_past_end(device const float* input BUFFER(0), device float* output BUFFER(1),
                                   uint index BUILT_IN(thread_index_in_threadgroup)) {
    output[index + 1] = input[index];
}
EXPORT_KERNEL("planted_write_past_end", planted_write_past_end<0>)

// Reads threadgroup memory past its end: AddressSanitizer must report it.
template <int = 0>
kernel void planted_read_past_threadgroup(device float* output BUFFER(1), threadgroup float* shared THREADGROUP_MEMORY(0),
                                          uint index BUILT_IN(thread_index_in_threadgroup)) {
    output[index] = shared[index + 8];
}
EXPORT_KERNEL("planted_read_past_threadgroup", planted_read_past_threadgroup<0>)

// Reads four elements at an address that is not a multiple of sixteen: UndefinedBehaviorSanitizer must report it.
template <int = 0>
kernel void planted_misaligned_vector(device const float* input BUFFER(0), device float* output BUFFER(1),
                                      uint index BUILT_IN(thread_index_in_threadgroup)) {
    const float4 values = *(device const float4*)(input + 1);
    output[index] = values.x;
}
EXPORT_KERNEL("planted_misaligned_vector", planted_misaligned_vector<0>)

// Half of the threadgroup skips a barrier: the emulator itself must refuse.
template <int = 0>
kernel void planted_divergent_barrier(device float* output BUFFER(1), uint index BUILT_IN(thread_index_in_threadgroup)) {
    if (index < 32) threadgroup_barrier(mem_flags::mem_threadgroup);
    output[index] = 1.0f;
}
EXPORT_KERNEL("planted_divergent_barrier", planted_divergent_barrier<0>)

// Half of a SIMD-group reduces, the other half takes a maximum: the emulator itself must refuse.
template <int = 0>
kernel void planted_divergent_lanes(device const float* input BUFFER(0), device float* output BUFFER(1),
                                    uint index BUILT_IN(thread_index_in_threadgroup)) {
    output[index] = index % 32 < 16 ? simd_sum(input[index]) : simd_max(input[index]);
}
EXPORT_KERNEL("planted_divergent_lanes", planted_divergent_lanes<0>)

// Uses a buffer that nobody bound: the emulator itself must refuse.
template <int = 0>
kernel void planted_unbound_buffer(device float* output BUFFER(1), device const float* forgotten BUFFER(2),
                                   uint index BUILT_IN(thread_index_in_threadgroup)) {
    output[index] = forgotten[index];
}
EXPORT_KERNEL("planted_unbound_buffer", planted_unbound_buffer<0>)

#endif
