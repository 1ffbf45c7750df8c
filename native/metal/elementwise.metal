// Embedding look-up, sums of rows, and the read that keeps weights wired.
#ifndef SPMD_LOADS_H
#include "loads.h"
#endif

struct EmbedShape {
    uint columns;
    uint tokens;
    ulong rowStrideBytes;
};

// output[t] = table[tokens[t]]; a thread an element.
template <typename T>
kernel void embed(device const uchar* table BUFFER(0), device const uint* tokens BUFFER(1), device float* output BUFFER(2),
                  constant EmbedShape& shape BUFFER(3), uint3 group BUILT_IN(threadgroup_position_in_grid),
                  uint index BUILT_IN(thread_index_in_threadgroup)) {
    const uint column = group.x * ElementwiseThreads + index;
    if (column >= shape.columns) return;
    device const T* row = weight_row<T>(table, tokens[group.y], shape.rowStrideBytes);
    output[(ulong)group.y * shape.columns + column] = float(row[column]);
}
EXPORT_KERNEL("embed_float32", embed<float>)
EXPORT_KERNEL("embed_float16", embed<half>)
EXPORT_KERNEL("embed_bfloat16", embed<bfloat>)

// target[i] += addend[i].
template <int = 0>
kernel void add(device float* target BUFFER(0), device const float* addend BUFFER(1), constant uint& count BUFFER(2),
                uint3 group BUILT_IN(threadgroup_position_in_grid), uint index BUILT_IN(thread_index_in_threadgroup)) {
    const uint i = group.x * ElementwiseThreads + index;
    if (i < count) target[i] += addend[i];
}
EXPORT_KERNEL("add", add<0>)

struct GroupSumShape {
    uint columns;
    uint groupSize;
};

// output[t] = Σ_j input[t · groupSize + j], j ascending: the same bits wherever the rows were computed.
template <int = 0>
kernel void sum_groups(device const float* input BUFFER(0), device float* output BUFFER(1), constant GroupSumShape& shape BUFFER(2),
                       uint3 group BUILT_IN(threadgroup_position_in_grid), uint index BUILT_IN(thread_index_in_threadgroup)) {
    const uint column = group.x * ElementwiseThreads + index;
    if (column >= shape.columns) return;
    device const float* first = input + (ulong)group.y * shape.groupSize * shape.columns + column;
    float sum = 0.0f;
    for (uint j = 0; j < shape.groupSize; j++) sum += first[(ulong)j * shape.columns];
    output[(ulong)group.y * shape.columns + column] = sum;
}
EXPORT_KERNEL("sum_groups", sum_groups<0>)

struct StandbyShape {
    ulong bytes;
    uint threads;  // of the whole grid
};

// Reads every byte once ("standby", RACS '24 §4): sums[threadgroup] = what its threads read, as 32-bit words modulo 2³².
template <int = 0>
kernel void standby_sum(device const uchar* weights BUFFER(0), device uint* sums BUFFER(1), constant StandbyShape& shape BUFFER(2),
                        threadgroup uint* parts THREADGROUP_MEMORY(0), uint3 group BUILT_IN(threadgroup_position_in_grid),
                        uint index BUILT_IN(thread_index_in_threadgroup), ushort lane BUILT_IN(thread_index_in_simdgroup),
                        ushort simdgroup BUILT_IN(simdgroup_index_in_threadgroup), ushort simdgroups BUILT_IN(simdgroups_per_threadgroup)) {
    const uint first = group.x * ElementwiseThreads + index;
    const ulong quads = shape.bytes / 16;
    device const uint4* words = (device const uint4*)weights;
    uint4 sum = 0;
    for (ulong i = first; i < quads; i += shape.threads) sum += words[i];
    uint total = sum.x + sum.y + sum.z + sum.w;
    for (ulong i = quads * 16 + first; i < shape.bytes; i += shape.threads) total += (uint)weights[i] << (i % 4 * 8);
    total = simd_sum(total);
    if (lane == 0) parts[simdgroup] = total;
    threadgroup_barrier(mem_flags::mem_threadgroup);
    if (index != 0) return;
    uint all = 0;
    for (uint i = 0; i < simdgroups; i++) all += parts[i];
    sums[group.x] = all;
}
EXPORT_KERNEL("standby_sum", standby_sum<0>)
