// router.metal
#include <algorithm>
#include <numeric>

#include "checks.h"

namespace {

struct RouterShape {
    uint32_t experts, topK;
    float normalizationPower;
};

void check(Checker& checker, uint32_t tokens, uint32_t experts, uint32_t topK, float power) {
    std::vector<float> logits = activations((size_t)tokens * experts);
    for (float& x : logits) x *= 8;
    for (uint32_t e = 0; e < experts; e++) logits[e] = 0.5f;  // all tie: the lowest indices win
    const Buffer x(logits);
    Output chosen((size_t)tokens * topK), weights((size_t)tokens * topK);
    checker.run({"route", tokens, 1, 1, SimdWidth, experts * (unsigned)sizeof(float)},
                std::to_string(topK) + " of " + std::to_string(experts) + ", p = " + std::to_string((int)power), {x, chosen, weights},
                RouterShape{experts, topK, power});
    std::vector<uint32_t> expectedChoice;
    std::vector<double> expectedWeights;
    for (uint32_t t = 0; t < tokens; t++) {
        const float* row = &logits[(size_t)t * experts];
        std::vector<uint32_t> order(experts);
        std::iota(order.begin(), order.end(), 0u);
        std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return row[a] != row[b] ? row[a] > row[b] : a < b; });
        double sum = 0, norm = 0;
        for (uint32_t e = 0; e < experts; e++) sum += std::exp((double)row[e] - row[order[0]]);
        for (uint32_t k = 0; k < topK; k++) {
            expectedChoice.push_back(order[k]);
            expectedWeights.push_back(std::exp((double)row[order[k]] - row[order[0]]) / sum);
            norm += std::pow(expectedWeights.back(), power);
        }
        for (uint32_t k = 0; power > 0 && k < topK; k++) expectedWeights[t * topK + k] /= std::pow(norm, 1 / power);
    }
    checker.expectExactly(chosen, expectedChoice);
    checker.expect(weights, 1, [&](size_t i) { return expectedWeights[i]; });
    checker.finish();
}

}  // namespace

void checkRouter(Checker& checker) {
    for (const float power : {0.0f, 1.0f, 2.0f, 3.0f}) {
        check(checker, 9, 1, 1, power);
        check(checker, 9, 5, 5, power);
        check(checker, 9, 33, 1, power);
        check(checker, 9, 300, 6, power);
        for (const Archetype& model : archetypes) check(checker, 7, model.experts, model.topK, power);
    }
}
