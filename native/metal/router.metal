// Softmax over all experts, then the k largest, then division by their p-norm: one SIMD-group a token.
#ifndef SPMD_COMMON_H
#include "common.h"
#endif

struct RouterShape {
    uint experts;
    uint topK;
    float normalizationPower;  // 0: no normalisation
};

template <int = 0>
kernel void route(device const float* logits BUFFER(0), device uint* chosen BUFFER(1), device float* weights BUFFER(2),
                  constant RouterShape& shape BUFFER(3), threadgroup float* scores THREADGROUP_MEMORY(0),
                  uint3 group BUILT_IN(threadgroup_position_in_grid), ushort lane BUILT_IN(thread_index_in_simdgroup)) {
    device const float* row = logits + (ulong)group.x * shape.experts;
    float largest = LOWEST_SCORE;
    for (uint e = lane; e < shape.experts; e += SimdWidth) {
        scores[e] = row[e];
        largest = max(largest, row[e]);
    }
    largest = simd_max(largest);
    float sum = 0.0f;
    for (uint e = lane; e < shape.experts; e += SimdWidth) sum += exp(row[e] - largest);
    sum = simd_sum(sum);

    // A row of NaN chooses the expert after the last one, which the host refuses.
    // Logits order like their softmax but never tie by rounding: every device picks the same experts.
    float norm = 0.0f;
    for (uint k = 0; k < shape.topK; k++) {
        float best = LOWEST_SCORE;
        uint index = shape.experts;
        for (uint e = lane; e < shape.experts; e += SimdWidth)
            if (scores[e] > best) {
                best = scores[e];
                index = e;
            }
        const float winner = simd_max(best);
        const uint expert = simd_min(best == winner ? index : shape.experts);  // ties: the lower index
        const float weight = exp(winner - largest) / sum;
        if (expert < shape.experts && expert % SimdWidth == lane) scores[expert] = LOWEST_SCORE;  // each lane owns the experts it scans
        if (lane == 0) {
            chosen[(ulong)group.x * shape.topK + k] = expert;
            weights[(ulong)group.x * shape.topK + k] = weight;
        }
        norm += shape.normalizationPower == 1.0f ? weight : pow(weight, shape.normalizationPower);
    }
    if (shape.normalizationPower == 0.0f || lane != 0) return;
    if (shape.normalizationPower != 1.0f) norm = pow(norm, 1.0f / shape.normalizationPower);
    for (uint k = 0; k < shape.topK; k++) weights[(ulong)group.x * shape.topK + k] /= norm;
}
EXPORT_KERNEL("route", route<0>)
