// Grouped-query attention: rotation, decode in one or two passes, prefill. Keys and values are [kvHeads, capacity, headDim].
#ifndef SPMD_COMMON_H
#include "common.h"
#endif

struct AttentionArguments {
    uint heads;
    uint kvHeads;
    uint headDim;
    uint capacity;
    uint position;  // of the first token
    uint tokens;
    float clip;     // q, k and v are clamped to ±clip
    float scale;    // 1 / sqrt(headDim)
    uint blockKeys; // keys a threadgroup of attend_rows reads
    uint blocks;
};

// Clamps, rotates (pairs i and i + headDim/2) and stores: q in place, k and v in the cache. A SIMD-group a head and token.
template <int = 0>
kernel void rotate_store(device float* qkv BUFFER(0), device const float* cosines BUFFER(1), device const float* sines BUFFER(2),
                         device float* keys BUFFER(3), device float* values BUFFER(4), constant AttentionArguments& a BUFFER(5),
                         uint3 group BUILT_IN(threadgroup_position_in_grid), ushort lane BUILT_IN(thread_index_in_simdgroup)) {
    const uint head = group.x, token = group.y, pairs = a.headDim / 2, position = a.position + token;
    device float* source = qkv + ((ulong)token * (a.heads + 2 * a.kvHeads) + head) * a.headDim;
    const bool isQuery = head < a.heads, isKey = !isQuery && head < a.heads + a.kvHeads;
    const uint kvHead = isKey ? head - a.heads : head - a.heads - a.kvHeads;
    device float* target = source;
    if (!isQuery) target = (isKey ? keys : values) + ((ulong)kvHead * a.capacity + position) * a.headDim;
    for (uint i = lane; i < pairs; i += SimdWidth) {
        const float x = clamp(source[i], -a.clip, a.clip), y = clamp(source[i + pairs], -a.clip, a.clip);
        float cosine = 1.0f, sine = 0.0f;
        if (isQuery || isKey) {
            cosine = cosines[(ulong)position * pairs + i];
            sine = sines[(ulong)position * pairs + i];
        }
        target[i] = x * cosine - y * sine;
        target[i + pairs] = y * cosine + x * sine;
    }
}
EXPORT_KERNEL("rotate_store", rotate_store<0>)

// Decode: a threadgroup a head, token and block of keys; its SIMD-groups take keys in turn, each with its own running
// maximum and sum, merged at the end. PerLane = ceil(headDim / 32). The last pass writes normalised output; an earlier one
// writes [maximum, sum, unnormalised output] for attend_merge.
template <int PerLane, bool LastPass>
kernel void attend_rows(device const float* qkv BUFFER(0), device const float* keys BUFFER(1), device const float* values BUFFER(2),
                        device float* output BUFFER(3), constant AttentionArguments& a BUFFER(4),
                        threadgroup float* merge THREADGROUP_MEMORY(0), uint3 group BUILT_IN(threadgroup_position_in_grid),
                        uint index BUILT_IN(thread_index_in_threadgroup), ushort lane BUILT_IN(thread_index_in_simdgroup),
                        ushort simdgroup BUILT_IN(simdgroup_index_in_threadgroup), ushort simdgroups BUILT_IN(simdgroups_per_threadgroup)) {
    const uint head = group.x, token = group.y, kvHead = head / (a.heads / a.kvHeads);
    const uint firstKey = group.z * a.blockKeys, endKey = min(firstKey + a.blockKeys, a.position + token + 1);
    device const float* q = qkv + ((ulong)token * (a.heads + 2 * a.kvHeads) + head) * a.headDim;
    float query[PerLane], sums[PerLane] = {};
    UNROLLED
    for (uint i = 0; i < PerLane; i++) query[i] = lane + i * SimdWidth < a.headDim ? q[lane + i * SimdWidth] * a.scale : 0.0f;

    float largest = LOWEST_SCORE, total = 0.0f;
    for (uint key = firstKey + simdgroup; key < endKey; key += simdgroups) {
        const ulong row = ((ulong)kvHead * a.capacity + key) * a.headDim;
        float score = 0.0f;
        UNROLLED
        for (uint i = 0; i < PerLane; i++)
            if (lane + i * SimdWidth < a.headDim) score += query[i] * keys[row + lane + i * SimdWidth];
        score = simd_sum(score);
        const float newLargest = max(largest, score), correction = exp(largest - newLargest), weight = exp(score - newLargest);
        UNROLLED
        for (uint i = 0; i < PerLane; i++)
            if (lane + i * SimdWidth < a.headDim) sums[i] = sums[i] * correction + weight * values[row + lane + i * SimdWidth];
        total = total * correction + weight;
        largest = newLargest;
    }

    threadgroup float* largests = merge;
    threadgroup float* totals = merge + simdgroups;
    threadgroup float* parts = merge + 2 * simdgroups;  // [simdgroups, headDim]
    if (lane == 0) {
        largests[simdgroup] = largest;
        totals[simdgroup] = total;
    }
    UNROLLED
    for (uint i = 0; i < PerLane; i++)
        if (lane + i * SimdWidth < a.headDim) parts[simdgroup * a.headDim + lane + i * SimdWidth] = sums[i];
    threadgroup_barrier(mem_flags::mem_threadgroup);

    float overall = LOWEST_SCORE, sum = 0.0f;
    for (uint s = 0; s < simdgroups; s++) overall = max(overall, largests[s]);
    for (uint s = 0; s < simdgroups; s++) sum += totals[s] * exp(largests[s] - overall);
    const ulong slot = (ulong)token * a.heads + head;
    device float* target = output + (LastPass ? slot * a.headDim : (slot * a.blocks + group.z) * (a.headDim + 2));
    if (!LastPass && index == 0) {
        target[0] = overall;
        target[1] = sum;
    }
    for (uint i = index; i < a.headDim; i += simdgroups * SimdWidth) {
        float value = 0.0f;
        for (uint s = 0; s < simdgroups; s++) value += parts[s * a.headDim + i] * exp(largests[s] - overall);
        target[LastPass ? i : i + 2] = LastPass ? value / sum : value;
    }
}
EXPORT_KERNEL("attend_rows1", attend_rows<1, true>)
EXPORT_KERNEL("attend_rows2", attend_rows<2, true>)
EXPORT_KERNEL("attend_rows4", attend_rows<4, true>)
EXPORT_KERNEL("attend_rows8", attend_rows<8, true>)
EXPORT_KERNEL("attend_blocks1", attend_rows<1, false>)
EXPORT_KERNEL("attend_blocks2", attend_rows<2, false>)
EXPORT_KERNEL("attend_blocks4", attend_rows<4, false>)
EXPORT_KERNEL("attend_blocks8", attend_rows<8, false>)

// Second pass: one SIMD-group a head and token merges the blocks. A block that saw no key has sum 0.
template <int = 0>
kernel void attend_merge(device const float* partial BUFFER(0), device float* output BUFFER(1), constant AttentionArguments& a BUFFER(2),
                         uint3 group BUILT_IN(threadgroup_position_in_grid), ushort lane BUILT_IN(thread_index_in_simdgroup)) {
    const ulong slot = (ulong)group.y * a.heads + group.x, stride = a.headDim + 2;
    device const float* blocks = partial + slot * a.blocks * stride;
    float overall = LOWEST_SCORE, sum = 0.0f;
    for (uint b = lane; b < a.blocks; b += SimdWidth) overall = max(overall, blocks[b * stride]);
    overall = simd_max(overall);
    for (uint b = lane; b < a.blocks; b += SimdWidth) sum += blocks[b * stride + 1] * exp(blocks[b * stride] - overall);
    sum = simd_sum(sum);
    for (uint i = lane; i < a.headDim; i += SimdWidth) {
        float value = 0.0f;
        for (uint b = 0; b < a.blocks; b++) value += blocks[b * stride + 2 + i] * exp(blocks[b * stride] - overall);
        output[slot * a.headDim + i] = value / sum;
    }
}
EXPORT_KERNEL("attend_merge", attend_merge<0>)
