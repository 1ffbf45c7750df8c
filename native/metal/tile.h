// The matrix product behind every prefill kernel: 32 tokens × 64 outputs a threadgroup of four SIMD-groups, 32 inputs at a
// time through threadgroup memory (tile sizes: ggml-metal, kernel_mul_mm). Staged as float32, so that the sum is as exact
// as the decode kernels'.
#ifndef SPMD_TILE_H
#define SPMD_TILE_H
#ifndef SPMD_LOADS_H
#include "loads.h"
#endif

enum : uint {
    TileTokens = 32,
    TileOutputs = 64,
    TileInputs = 32,
    TileInputFloats = TileTokens * TileInputs,    // [32 tokens][32 inputs]
    TileWeightFloats = TileOutputs * TileInputs,  // [64 outputs][32 inputs] or [32 inputs][64 outputs]
    // The finished tile [32 tokens][64 outputs] reuses the staging memory: 12 KiB in all.
};

// A SIMD-group's quarter: 16 tokens × 32 outputs.
struct TileSum {
    simdgroup_float8x8 part[2][4];
};

inline void tile_clear(thread TileSum& sum) {
    UNROLLED
    for (uint i = 0; i < 2; i++)
        UNROLLED
        for (uint j = 0; j < 4; j++) sum.part[i][j] = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
}

// Stages eight inputs of one token a thread; `row` may be anything when `present` is false.
template <bool Wide>
inline void tile_load_input(threadgroup float* inputs, device const float* row, bool present, uint k, uint count, uint index) {
    const uint column = index % 4 * 8;
    for (uint i = 0; i < 8; i += 4) {
        float4 values = 0.0f;
        if (present) values = load4<Wide>(row, k + column + i, count);
        UNROLLED
        for (uint j = 0; j < 4; j++) inputs[index / 4 * TileInputs + column + i + j] = values[j];
    }
}

// Stages sixteen consecutive elements of one weight row a thread; a tile row has `width` elements.
template <bool Wide, typename T>
inline void tile_load_weight(threadgroup float* weights, device const T* row, bool present, uint k, uint count, uint width, uint index) {
    const uint threadsPerRow = width / 16, column = index % threadsPerRow * 16;
    for (uint i = 0; i < 16; i += 4) {
        float4 values = 0.0f;
        if (present) values = load4<Wide>(row, k + column + i, count);
        UNROLLED
        for (uint j = 0; j < 4; j++) weights[index / threadsPerRow * width + column + i + j] = values[j];
    }
}

// sum += inputs · weights for the 32 staged inputs. RowsAreOutputs: weights are [64 outputs][32 inputs].
template <bool RowsAreOutputs>
inline void tile_multiply(thread TileSum& sum, threadgroup const float* inputs, threadgroup const float* weights, uint simdgroup) {
    const uint token = simdgroup % 2 * 16, output = simdgroup / 2 * 32;
    for (uint k = 0; k < TileInputs; k += 8) {
        simdgroup_float8x8 x[2], w;
        UNROLLED
        for (uint i = 0; i < 2; i++) simdgroup_load(x[i], inputs + (token + i * 8) * TileInputs + k, TileInputs);
        UNROLLED
        for (uint j = 0; j < 4; j++) {
            if (RowsAreOutputs)
                simdgroup_load(w, weights + (output + j * 8) * TileInputs + k, TileInputs, ulong2(0, 0), true);
            else
                simdgroup_load(w, weights + k * TileOutputs + output + j * 8, TileOutputs);
            UNROLLED
            for (uint i = 0; i < 2; i++) simdgroup_multiply_accumulate(sum.part[i][j], x[i], w, sum.part[i][j]);
        }
    }
}

// Lays the four quarters out as [32 tokens][64 outputs] where the staging was.
inline void tile_gather(thread TileSum& sum, threadgroup float* tile, uint simdgroup) {
    threadgroup_barrier(mem_flags::mem_threadgroup);
    const uint token = simdgroup % 2 * 16, output = simdgroup / 2 * 32;
    UNROLLED
    for (uint i = 0; i < 2; i++)
        UNROLLED
        for (uint j = 0; j < 4; j++)
            simdgroup_store(sum.part[i][j], tile + (token + i * 8) * TileOutputs + output + j * 8, TileOutputs);
    threadgroup_barrier(mem_flags::mem_threadgroup);
}

#endif
