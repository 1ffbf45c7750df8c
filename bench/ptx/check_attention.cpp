// attention.metal, attention_prefill.metal
#include <algorithm>

#include "checks.h"

namespace {

constexpr unsigned DecodeSimdgroups = 8, PrefillThreads = 128, PrefillQueries = 32;

struct AttentionArguments {
    uint32_t heads, kvHeads, headDim, capacity, position, tokens;
    float clip, scale;
    uint32_t blockKeys, blocks;
};

AttentionArguments argumentsOf(uint32_t heads, uint32_t kvHeads, uint32_t headDim, uint32_t position, uint32_t tokens) {
    return {heads, kvHeads, headDim, position + tokens + 3, position, tokens, 0.25f, 1 / std::sqrt((float)headDim), position + tokens, 1};
}

std::string shapeOf(const AttentionArguments& a) {
    return std::to_string(a.heads) + "/" + std::to_string(a.kvHeads) + "x" + std::to_string(a.headDim) + ", " + std::to_string(a.tokens) + " at " +
           std::to_string(a.position);
}

size_t cacheElements(const AttentionArguments& a) { return (size_t)a.kvHeads * a.capacity * a.headDim; }
size_t qkvColumns(const AttentionArguments& a) { return (size_t)(a.heads + 2 * a.kvHeads) * a.headDim; }

// What lies in the cache, and queries that spread the scores.
struct Attention {
    explicit Attention(const AttentionArguments& a)
        : a(a), qkv(activations(a.tokens * qkvColumns(a), 1)), keys(activations(cacheElements(a), 2)), values(activations(cacheElements(a), 3)),
          q(qkv), k(keys), v(values) {}

    // Softmax weights, unnormalised, of the keys first … end − 1 for one head and token; returns the largest score.
    double weigh(size_t token, size_t head, uint32_t first, uint32_t end, std::vector<double>& weights) const {
        const float* query = &qkv[token * qkvColumns(a) + head * a.headDim];
        double largest = -INFINITY;
        weights.assign(end - first, 0);
        for (uint32_t key = first; key < end; key++) {
            for (uint32_t i = 0; i < a.headDim; i++) weights[key - first] += (double)query[i] * keys[row(head, key) + i] * a.scale;
            largest = std::max(largest, weights[key - first]);
        }
        for (double& weight : weights) weight = std::exp(weight - largest);
        return largest;
    }
    double weighted(size_t head, uint32_t first, const std::vector<double>& weights, size_t column) const {
        double sum = 0;
        for (size_t key = 0; key < weights.size(); key++) sum += weights[key] * values[row(head, first + key) + column];
        return sum;
    }
    size_t row(size_t head, size_t key) const { return (head / (a.heads / a.kvHeads) * a.capacity + key) * a.headDim; }
    // Keys and values that the last token sees, once.
    double cacheBytes() const { return 2.0 * a.kvHeads * (a.position + a.tokens) * a.headDim * sizeof(float); }

    const AttentionArguments a;
    const std::vector<float> qkv, keys, values;
    const Buffer q, k, v;
};

// Output [tokens, heads, headDim] of any form of attention.
void expectAttention(Checker& checker, const Attention& attention, const Output& output) {
    const AttentionArguments& a = attention.a;
    std::vector<double> weights;
    size_t knownSlot = SIZE_MAX;
    double sum = 0;
    checker.expect(output, 2 * (a.position + a.tokens), [&](size_t i) {
        const size_t slot = i / a.headDim, token = slot / a.heads, head = slot % a.heads;
        if (slot != knownSlot) {
            attention.weigh(token, head, 0, a.position + (uint32_t)token + 1, weights);
            sum = 0;
            for (const double weight : weights) sum += weight;
            knownSlot = slot;
        }
        return attention.weighted(head, 0, weights, i % a.headDim) / sum;
    });
}

// Kernels exist for heads of up to 32, 64, 128 and 256 features.
unsigned formOf(uint32_t headDim) { return headDim <= 32 ? 0 : headDim <= 64 ? 1 : headDim <= 128 ? 2 : 3; }

Launch rowsLaunch(const std::string& name, const AttentionArguments& a) {
    return {name + std::to_string(1 << formOf(a.headDim)), a.heads, a.tokens, a.blocks, DecodeSimdgroups * SimdWidth,
            DecodeSimdgroups * (a.headDim + 2) * (unsigned)sizeof(float)};
}

void checkOnePass(Checker& checker, const Attention& attention) {
    Output output((size_t)attention.a.tokens * attention.a.heads * attention.a.headDim);
    checker.run(rowsLaunch("attend_rows", attention.a), shapeOf(attention.a), {attention.q, attention.k, attention.v, output}, attention.a);
    expectAttention(checker, attention, output);
    checker.finish(attention.cacheBytes());
}

void checkTwoPasses(Checker& checker, const Attention& attention) {
    AttentionArguments a = attention.a;
    a.blocks = std::min(128u, ceiling(a.position + a.tokens, 64));
    a.blockKeys = ceiling(a.position + a.tokens, a.blocks);
    const size_t slots = (size_t)a.tokens * a.heads, width = a.headDim + 2;
    Output partials(slots * a.blocks * width), output(slots * a.headDim);
    checker.run(rowsLaunch("attend_blocks", a), shapeOf(a), {attention.q, attention.k, attention.v, partials}, a);
    if (a.tokens == 1) {  // then no block is empty
        std::vector<double> weights;
        size_t knownBlock = SIZE_MAX;
        double largest = 0;
        checker.expect(partials, 2 * a.blockKeys, [&](size_t i) {
            const size_t head = i / width / a.blocks, block = i / width % a.blocks, j = i % width;
            const uint32_t first = (uint32_t)block * a.blockKeys;
            if (i / width != knownBlock) largest = attention.weigh(0, head, first, std::min(first + a.blockKeys, a.position + 1), weights);
            knownBlock = i / width;
            double sum = 0;
            for (const double weight : weights) sum += weight;
            return j == 0 ? largest : j == 1 ? sum : attention.weighted(head, first, weights, j - 2);
        });
    }
    checker.finish(attention.cacheBytes());
    checker.run({"attend_merge", a.heads, a.tokens, 1, SimdWidth, 0}, shapeOf(a), {partials, output}, a);
    expectAttention(checker, attention, output);
    checker.finish();
}

void checkPrefill(Checker& checker, const Attention& attention) {
    const AttentionArguments& a = attention.a;
    const unsigned form = formOf(a.headDim), width = 32u << form, keyBlock = form < 3 ? 32 : 16;
    const unsigned floats = keyBlock * width + PrefillThreads / SimdWidth * 8 * (keyBlock + 8);
    Output output((size_t)a.tokens * a.heads * a.headDim);
    checker.run({"attend_prefill" + std::to_string(4 << form), a.heads, ceiling(a.tokens, PrefillQueries), 1, PrefillThreads, floats * (unsigned)sizeof(float)},
                shapeOf(a), {attention.q, attention.k, attention.v, output}, a);
    expectAttention(checker, attention, output);
    checker.finish();
}

// Clamp, rotation and store: q changes in place, k and v go to the cache at their positions and nowhere else.
void checkRotate(Checker& checker, const AttentionArguments& a) {
    const std::vector<float> qkv = activations(a.tokens * qkvColumns(a), 4), keys = activations(cacheElements(a), 5), values = activations(cacheElements(a), 6);
    const uint32_t pairs = a.headDim / 2;
    std::vector<float> cosines((size_t)a.capacity * pairs), sines(cosines.size());
    for (size_t i = 0; i < cosines.size(); i++) {
        const double angle = i / pairs * std::pow(500000.0, -2.0 * (i % pairs) / a.headDim);
        cosines[i] = (float)std::cos(angle);
        sines[i] = (float)std::sin(angle);
    }
    const Buffer cosineTable(cosines), sineTable(sines);
    Output q(qkv), k(keys), v(values);
    checker.run({"rotate_store", a.heads + 2 * a.kvHeads, a.tokens, 1, SimdWidth, 0}, shapeOf(a), {q, cosineTable, sineTable, k, v}, a);

    const auto rotated = [&](size_t token, size_t head, size_t column) {
        const float* source = &qkv[token * qkvColumns(a) + head * a.headDim];
        const auto clipped = [&](size_t i) { return (double)std::clamp(source[i], -a.clip, a.clip); };
        const size_t pair = column % pairs, angle = (a.position + token) * pairs + pair;
        return column < pairs ? clipped(pair) * cosines[angle] - clipped(pair + pairs) * sines[angle]
                              : clipped(pair + pairs) * cosines[angle] + clipped(pair) * sines[angle];
    };
    checker.expect(q, 1, [&](size_t i) {
        const size_t token = i / qkvColumns(a), head = i % qkvColumns(a) / a.headDim;
        return head < a.heads ? rotated(token, head, i % a.headDim) : qkv[i];
    });
    const auto stored = [&](size_t i, const std::vector<float>& before, bool isKey) {
        const size_t head = i / a.headDim / a.capacity, position = i / a.headDim % a.capacity, token = position - a.position;
        if (position < a.position || token >= a.tokens) return (double)before[i];
        if (isKey) return rotated(token, a.heads + head, i % a.headDim);
        return (double)std::clamp(qkv[token * qkvColumns(a) + (a.heads + a.kvHeads + head) * a.headDim + i % a.headDim], -a.clip, a.clip);
    };
    checker.expect(k, 1, [&](size_t i) { return stored(i, keys, true); });
    checker.expect(v, 1, [&](size_t i) { return stored(i, values, false); });
    checker.finish();
}

void check(Checker& checker, uint32_t heads, uint32_t kvHeads, uint32_t headDim, uint32_t position, uint32_t tokens) {
    const Attention attention(argumentsOf(heads, kvHeads, headDim, position, tokens));
    checkRotate(checker, attention.a);
    if (tokens > 4) return checkPrefill(checker, attention);
    checkOnePass(checker, attention);
    checkTwoPasses(checker, attention);
}

}  // namespace

void checkAttention(Checker& checker) {
    struct {
        uint32_t heads, kvHeads, headDim;
    } const odd[] = {{4, 2, 32}, {5, 5, 6}, {3, 1, 50}, {6, 2, 128}, {2, 1, 256}, {2, 2, 130}};
    for (const auto& [heads, kvHeads, headDim] : odd) {
        for (const uint32_t position : {0, 131}) check(checker, heads, kvHeads, headDim, position, 1);
        check(checker, heads, kvHeads, headDim, 69, 3);
        for (const uint32_t tokens : {5, 41, 70}) check(checker, heads, kvHeads, headDim, tokens == 41 ? 30 : 0, tokens);
    }
    for (const Archetype& model : archetypes) {
        check(checker, model.heads, model.kvHeads, model.headDim, 99, 1);
        check(checker, model.heads, model.kvHeads, model.headDim, 3, 9);
        if (!checker.large) continue;
        check(checker, model.heads, model.kvHeads, model.headDim, 8191, 1);
        check(checker, model.heads, model.kvHeads, model.headDim, 0, 512);
    }
}
