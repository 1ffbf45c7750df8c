// output[t, o] = Σ_k input[t, k] · weight[o, k], three ways. Weights are stored in strips of columns, one behind the other: whole
// rows are one strip. A strip has a multiple of 128 columns where there are several.
#ifndef SPMD_TILE_H
#include "tile.h"
#endif

struct ProductShape {
    uint outputs;
    uint inputs;
    uint tokens;
    uint stripInputs;  // columns of a strip
    ulong rowStrideBytes;
    ulong stripStrideBytes;
};

enum : uint { RowsPerSimdgroup = 4 };  // weight rows that share one read of the input (MLX, matmul.cpp)

// Decode: a SIMD-group computes four rows for up to `Tokens` tokens and reads each weight once.
template <typename T, bool Wide, int Tokens>
kernel void product_rows(device const uchar* weight BUFFER(0), device const float* input BUFFER(1), device float* output BUFFER(2),
                         constant ProductShape& shape BUFFER(3), uint3 group BUILT_IN(threadgroup_position_in_grid),
                         ushort lane BUILT_IN(thread_index_in_simdgroup), ushort simdgroup BUILT_IN(simdgroup_index_in_threadgroup),
                         ushort simdgroups BUILT_IN(simdgroups_per_threadgroup)) {
    const uint firstRow = (group.x * simdgroups + simdgroup) * RowsPerSimdgroup;
    if (firstRow >= shape.outputs) return;
    float sums[RowsPerSimdgroup][Tokens] = {};
    for (uint first = 0; first < shape.inputs; first += shape.stripInputs, weight += shape.stripStrideBytes)
        for (uint k = lane * 4; k < shape.stripInputs; k += SimdWidth * 4) {
            float4 x[Tokens];
            UNROLLED
            for (uint t = 0; t < Tokens; t++)
                x[t] = load4<Wide>(input + (ulong)min(t, shape.tokens - 1) * shape.inputs + first, k, shape.stripInputs);
            UNROLLED
            for (uint r = 0; r < RowsPerSimdgroup; r++) {
                const uint row = min(firstRow + r, shape.outputs - 1);
                const float4 w = load4<Wide>(weight_row<T>(weight, row, shape.rowStrideBytes), k, shape.stripInputs);
                UNROLLED
                for (uint t = 0; t < Tokens; t++) sums[r][t] += dot(w, x[t]);
            }
        }
    UNROLLED
    for (uint r = 0; r < RowsPerSimdgroup; r++)
        UNROLLED
        for (uint t = 0; t < Tokens; t++) {
            const float sum = simd_sum(sums[r][t]);
            if (lane == 0 && firstRow + r < shape.outputs && t < shape.tokens) output[(ulong)t * shape.outputs + firstRow + r] = sum;
        }
}
EXPORT_FOR_WEIGHTS("product_rows1", product_rows, 1)
EXPORT_FOR_WEIGHTS("product_rows4", product_rows, 4)

// Few outputs, many inputs (the router): the SIMD-groups of a threadgroup share four rows and split the inputs.
template <typename T, bool Wide>
kernel void product_split(device const uchar* weight BUFFER(0), device const float* input BUFFER(1), device float* output BUFFER(2),
                          constant ProductShape& shape BUFFER(3), threadgroup float* parts THREADGROUP_MEMORY(0),
                          uint3 group BUILT_IN(threadgroup_position_in_grid), uint index BUILT_IN(thread_index_in_threadgroup),
                          ushort lane BUILT_IN(thread_index_in_simdgroup), ushort simdgroup BUILT_IN(simdgroup_index_in_threadgroup),
                          ushort simdgroups BUILT_IN(simdgroups_per_threadgroup)) {
    const uint firstRow = group.x * RowsPerSimdgroup;
    device const float* x = input + (ulong)group.y * shape.inputs;
    float sums[RowsPerSimdgroup] = {};
    for (uint first = 0; first < shape.inputs; first += shape.stripInputs, weight += shape.stripStrideBytes)
        for (uint k = index * 4; k < shape.stripInputs; k += simdgroups * SimdWidth * 4) {
            const float4 xs = load4<Wide>(x + first, k, shape.stripInputs);
            UNROLLED
            for (uint r = 0; r < RowsPerSimdgroup; r++) {
                const uint row = min(firstRow + r, shape.outputs - 1);
                sums[r] += dot(load4<Wide>(weight_row<T>(weight, row, shape.rowStrideBytes), k, shape.stripInputs), xs);
            }
        }
    UNROLLED
    for (uint r = 0; r < RowsPerSimdgroup; r++) {
        const float sum = simd_sum(sums[r]);
        if (lane == 0) parts[simdgroup * RowsPerSimdgroup + r] = sum;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    if (index >= RowsPerSimdgroup || firstRow + index >= shape.outputs) return;
    float total = 0.0f;
    for (uint i = 0; i < simdgroups; i++) total += parts[i * RowsPerSimdgroup + index];
    output[(ulong)group.y * shape.outputs + firstRow + index] = total;
}
EXPORT_FOR_WEIGHTS("product_split", product_split)

// Prefill: 32 tokens × 64 outputs a threadgroup.
template <typename T, bool Wide>
kernel void product_tiled(device const uchar* weight BUFFER(0), device const float* input BUFFER(1), device float* output BUFFER(2),
                          constant ProductShape& shape BUFFER(3), threadgroup float* staging THREADGROUP_MEMORY(0),
                          uint3 group BUILT_IN(threadgroup_position_in_grid), uint index BUILT_IN(thread_index_in_threadgroup),
                          ushort simdgroup BUILT_IN(simdgroup_index_in_threadgroup)) {
    threadgroup float* inputs = staging;
    threadgroup float* weights = staging + TileInputFloats;
    const uint firstOutput = group.x * TileOutputs, firstToken = group.y * TileTokens;
    const uint token = firstToken + index / 4, row = firstOutput + index / 2;
    TileSum sum;
    tile_clear(sum);
    for (uint first = 0; first < shape.inputs; first += shape.stripInputs, weight += shape.stripStrideBytes)
        for (uint k = 0; k < shape.stripInputs; k += TileInputs) {
            threadgroup_barrier(mem_flags::mem_threadgroup);
            tile_load_input<Wide>(inputs, input + (ulong)token * shape.inputs + first, token < shape.tokens, k, shape.stripInputs, index);
            tile_load_weight<Wide>(weights, weight_row<T>(weight, row, shape.rowStrideBytes), row < shape.outputs, k, shape.stripInputs,
                                   TileInputs, index);
            threadgroup_barrier(mem_flags::mem_threadgroup);
            tile_multiply<true>(sum, inputs, weights, simdgroup);
        }
    tile_gather(sum, staging, simdgroup);
    if (token >= shape.tokens) return;
    for (uint i = index % 4; i < TileOutputs; i += 4)
        if (firstOutput + i < shape.outputs)
            output[(ulong)token * shape.outputs + firstOutput + i] = staging[index / 4 * TileOutputs + i];
}
EXPORT_FOR_WEIGHTS("product_tiled", product_tiled)
