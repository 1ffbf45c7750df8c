// LayerNorm and RMSNorm: a threadgroup a token, the mean subtracted before the squares are summed (no cancellation).
#ifndef SPMD_LOADS_H
#include "loads.h"
#endif

struct NormShape {
    uint columns;
    float epsilon;
};

// Σ over the threadgroup's lanes; parts has one float a SIMD-group.
inline float threadgroup_sum(float value, threadgroup float* parts, ushort lane, ushort simdgroup, ushort simdgroups) {
    value = simd_sum(value);
    threadgroup_barrier(mem_flags::mem_threadgroup);  // the previous sum has been read
    if (lane == 0) parts[simdgroup] = value;
    threadgroup_barrier(mem_flags::mem_threadgroup);
    return simd_sum(lane < simdgroups ? parts[lane] : 0.0f);
}

// output = (input − mean) / sqrt(mean of squares + epsilon) · weight; mean = 0 unless SubtractMean.
template <typename T, bool SubtractMean>
kernel void norm(device const float* input BUFFER(0), device const T* weight BUFFER(1), device float* output BUFFER(2),
                 constant NormShape& shape BUFFER(3), threadgroup float* parts THREADGROUP_MEMORY(0),
                 uint3 group BUILT_IN(threadgroup_position_in_grid), uint index BUILT_IN(thread_index_in_threadgroup),
                 ushort lane BUILT_IN(thread_index_in_simdgroup), ushort simdgroup BUILT_IN(simdgroup_index_in_threadgroup),
                 ushort simdgroups BUILT_IN(simdgroups_per_threadgroup)) {
    const uint threads = simdgroups * SimdWidth;
    device const float* x = input + (ulong)group.x * shape.columns;
    device float* y = output + (ulong)group.x * shape.columns;
    float mean = 0.0f;
    if (SubtractMean) {
        float sum = 0.0f;
        for (uint i = index; i < shape.columns; i += threads) sum += x[i];
        mean = threadgroup_sum(sum, parts, lane, simdgroup, simdgroups) / (float)shape.columns;
    }
    float squares = 0.0f;
    for (uint i = index; i < shape.columns; i += threads) squares += (x[i] - mean) * (x[i] - mean);
    squares = threadgroup_sum(squares, parts, lane, simdgroup, simdgroups);
    const float scale = 1.0f / sqrt(squares / (float)shape.columns + shape.epsilon);
    for (uint i = index; i < shape.columns; i += threads) y[i] = (x[i] - mean) * scale * float(weight[i]);
}
EXPORT_KERNEL("layer_norm_float32", norm<float, true>)
EXPORT_KERNEL("layer_norm_float16", norm<half, true>)
EXPORT_KERNEL("layer_norm_bfloat16", norm<bfloat, true>)
EXPORT_KERNEL("rms_norm_float32", norm<float, false>)
EXPORT_KERNEL("rms_norm_float16", norm<half, false>)
EXPORT_KERNEL("rms_norm_bfloat16", norm<bfloat, false>)
