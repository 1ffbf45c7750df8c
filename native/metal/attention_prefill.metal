// Prefill attention with a running softmax (FlashAttention's recurrence): a threadgroup takes 32 queries of one head, eight
// a SIMD-group, and walks over the keys in blocks that all four SIMD-groups share through threadgroup memory.
#ifndef SPMD_COMMON_H
#include "common.h"
#endif

enum : uint { QueriesPerSimdgroup = 8, PrefillSimdgroups = 4, PrefillThreads = 128, QueriesPerThreadgroup = 32 };

// Stages rows first … first + rows − 1 of [available, headDim] as [rows][width], zero where there is nothing.
inline void stage_rows(threadgroup float* staged, device const float* source, uint first, uint available, uint rows, uint headDim,
                       uint width, uint index) {
    for (uint i = index; i < rows * width; i += PrefillThreads) {
        const uint row = first + i / width, column = i % width;
        staged[i] = row < available && column < headDim ? source[(ulong)row * headDim + column] : 0.0f;
    }
}

// Tiles = ceil(headDim / 8) rounded up to a power of two; KeyBlock keys are staged at a time.
template <int Tiles, int KeyBlock>
kernel void attend_prefill(device const float* qkv BUFFER(0), device const float* keys BUFFER(1), device const float* values BUFFER(2),
                           device float* output BUFFER(3), constant AttentionArguments& a BUFFER(4),
                           threadgroup float* memory THREADGROUP_MEMORY(0), uint3 group BUILT_IN(threadgroup_position_in_grid),
                           uint index BUILT_IN(thread_index_in_threadgroup), ushort lane BUILT_IN(thread_index_in_simdgroup),
                           ushort simdgroup BUILT_IN(simdgroup_index_in_threadgroup)) {
    const uint width = Tiles * 8, head = group.x, kvHead = head / (a.heads / a.kvHeads);
    threadgroup float* staged = memory;                                                     // [KeyBlock][width]
    threadgroup float* scores = memory + KeyBlock * width + simdgroup * 8 * (KeyBlock + 8);  // [8][KeyBlock], this SIMD-group's
    threadgroup float* diagonal = scores + 8 * KeyBlock;                                    // [8][8]
    const uint firstQuery = group.y * QueriesPerThreadgroup + simdgroup * QueriesPerSimdgroup;
    const uint qkvColumns = (a.heads + 2 * a.kvHeads) * a.headDim;

    // The queries pass through the staging memory, one SIMD-group after the other, into registers.
    simdgroup_float8x8 query[Tiles], sum[Tiles];
    for (uint owner = 0; owner < PrefillSimdgroups; owner++) {
        if (owner == simdgroup) {
            for (uint i = lane; i < 8 * width; i += SimdWidth) {
                const uint token = firstQuery + i / width, column = i % width;
                staged[i] = token < a.tokens && column < a.headDim
                                ? qkv[(ulong)token * qkvColumns + head * a.headDim + column] * a.scale : 0.0f;
            }
            simdgroup_barrier(mem_flags::mem_threadgroup);
            UNROLLED
            for (uint t = 0; t < Tiles; t++) simdgroup_load(query[t], staged + t * 8, width);
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
    }
    UNROLLED
    for (uint t = 0; t < Tiles; t++) sum[t] = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);

    // Four lanes a query row: lane / 4 is the row, lane % 4 which quarter of the block's keys.
    const uint row = lane / 4, quarter = lane % 4, visible = a.position + min(firstQuery + row, a.tokens - 1) + 1;
    const uint lastQuery = min((group.y + 1) * QueriesPerThreadgroup, a.tokens) - 1;
    const uint keyCount = a.position + lastQuery + 1;
    const ulong firstRow = (ulong)kvHead * a.capacity * a.headDim;
    float largest = LOWEST_SCORE, total = 0.0f;
    simdgroup_float8x8 left, right, product;
    for (uint key = 0; key < keyCount; key += KeyBlock) {
        stage_rows(staged, keys + firstRow, key, keyCount, KeyBlock, a.headDim, width, index);
        threadgroup_barrier(mem_flags::mem_threadgroup);
        for (uint block = 0; block < KeyBlock; block += 8) {
            product = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
            UNROLLED
            for (uint t = 0; t < Tiles; t++) {
                simdgroup_load(right, staged + block * width + t * 8, width, ulong2(0, 0), true);
                simdgroup_multiply_accumulate(product, query[t], right, product);
            }
            simdgroup_store(product, scores + block, KeyBlock);
        }
        simdgroup_barrier(mem_flags::mem_threadgroup);

        const uint first = quarter * (KeyBlock / 4);
        float newLargest = largest, added = 0.0f;
        for (uint i = first; i < first + KeyBlock / 4; i++)
            if (key + i < visible) newLargest = max(newLargest, scores[row * KeyBlock + i]);
        newLargest = max(newLargest, simd_shuffle_xor(newLargest, (ushort)1));
        newLargest = max(newLargest, simd_shuffle_xor(newLargest, (ushort)2));
        const float correction = exp(largest - newLargest);
        for (uint i = first; i < first + KeyBlock / 4; i++) {
            const float weight = key + i < visible ? exp(scores[row * KeyBlock + i] - newLargest) : 0.0f;
            scores[row * KeyBlock + i] = weight;
            added += weight;
        }
        added += simd_shuffle_xor(added, (ushort)1);
        added += simd_shuffle_xor(added, (ushort)2);
        total = total * correction + added;
        largest = newLargest;
        for (uint i = quarter * 2; i < quarter * 2 + 2; i++) diagonal[row * 8 + i] = i == row ? correction : 0.0f;

        threadgroup_barrier(mem_flags::mem_threadgroup);  // everybody has used the keys
        stage_rows(staged, values + firstRow, key, keyCount, KeyBlock, a.headDim, width, index);
        threadgroup_barrier(mem_flags::mem_threadgroup);
        simdgroup_load(left, diagonal, 8);
        UNROLLED
        for (uint t = 0; t < Tiles; t++) {
            simdgroup_multiply(product, left, sum[t]);
            sum[t] = product;
        }
        for (uint block = 0; block < KeyBlock; block += 8) {
            simdgroup_load(left, scores + block, KeyBlock);
            UNROLLED
            for (uint t = 0; t < Tiles; t++) {
                simdgroup_load(right, staged + block * width + t * 8, width);
                simdgroup_multiply_accumulate(sum[t], left, right, sum[t]);
            }
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);  // everybody has used the values
    }

    UNROLLED
    for (uint t = 0; t < Tiles; t++) {
        simdgroup_store(sum[t], diagonal, 8);
        simdgroup_barrier(mem_flags::mem_threadgroup);
        for (uint i = quarter * 2; i < quarter * 2 + 2; i++)
            if (firstQuery + row < a.tokens && t * 8 + i < a.headDim)
                output[((ulong)(firstQuery + row) * a.heads + head) * a.headDim + t * 8 + i] = diagonal[row * 8 + i] / total;
        simdgroup_barrier(mem_flags::mem_threadgroup);
    }
}
EXPORT_KERNEL("attend_prefill4", attend_prefill<4, 32>)
EXPORT_KERNEL("attend_prefill8", attend_prefill<8, 32>)
EXPORT_KERNEL("attend_prefill16", attend_prefill<16, 32>)
EXPORT_KERNEL("attend_prefill32", attend_prefill<32, 16>)
