// product.metal
#include "checks.h"

namespace {

constexpr unsigned RowsPerSimdgroup = 4, ManyOutputs = 4096, SplitSimdgroups = 8, TileTokens = 32, TileOutputs = 64;

struct ProductShape {
    uint32_t outputs, inputs, tokens, stripInputs;
    uint64_t rowStrideBytes, stripStrideBytes;
};

Launch launchOf(const std::string& form, const std::string& suffix, uint32_t outputs, uint32_t tokens) {
    const std::string kernel = "product_" + form + suffix;
    if (form == "tiled") return {kernel, ceiling(outputs, TileOutputs), ceiling(tokens, TileTokens), 1, 128, TileBytes};
    if (form == "split")
        return {kernel, ceiling(outputs, RowsPerSimdgroup), tokens, 1, SplitSimdgroups * SimdWidth,
                SplitSimdgroups * RowsPerSimdgroup * (unsigned)sizeof(float)};
    const unsigned simdgroups = outputs < ManyOutputs ? 4 : 8;
    return {kernel, ceiling(outputs, simdgroups * RowsPerSimdgroup), 1, 1, simdgroups * SimdWidth, 0};
}

// Rows of a strip lie `stride` elements apart, strips one behind the other. Both ways of reading where four elements at a time are possible.
void check(Checker& checker, const ElementType& type, const char* form, uint32_t tokens, uint32_t outputs, uint32_t inputs, uint32_t stride,
           uint32_t strips = 1) {
    const uint32_t stripInputs = inputs / strips;
    const size_t stripElements = (size_t)outputs * stride;
    const Buffer weight(encode(type, strips * stripElements));
    const std::vector<float> input = activations((size_t)tokens * inputs);
    const Buffer x(input);
    for (const char* width : {"", "_wide"}) {
        if (*width && (inputs % 4 || stride % 4)) continue;
        Output output((size_t)tokens * outputs);
        checker.run(launchOf(form, std::string("_") + type.name + width, outputs, tokens),
                    std::to_string(tokens) + " " + std::to_string(outputs) + "x" + std::to_string(inputs), {weight, x, output},
                    ProductShape{outputs, inputs, tokens, stripInputs, stride * type.bytes, stripElements * type.bytes});
        checker.expect(output, inputs, [&](size_t i) {
            double sum = 0;
            for (uint32_t k = 0; k < inputs; k++)
                sum += (double)input[i / outputs * inputs + k] * value(k / stripInputs * stripElements + i % outputs * stride + k % stripInputs);
            return sum;
        });
        checker.finish((double)outputs * inputs * type.bytes + (input.size() + output.count) * sizeof(float));
    }
}

}  // namespace

void checkProducts(Checker& checker) {
    for (const ElementType& type : elementTypes) {
        for (const auto& [outputs, inputs] : {std::pair{1u, 1u}, {5u, 3u}, {37u, 132u}, {101u, 515u}, {64u, 32u}, {130u, 128u}}) {
            check(checker, type, "rows1", 1, outputs, inputs, inputs);
            check(checker, type, "rows4", 3, outputs, inputs, 3 * inputs);
            check(checker, type, "split", 2, outputs, inputs, inputs);
            for (const uint32_t tokens : {5, 33, 70}) check(checker, type, "tiled", tokens, outputs, inputs, 3 * inputs);
        }
        for (const auto& [inputs, strips] : {std::pair{256u, 2u}, {1152u, 3u}}) {
            check(checker, type, "rows1", 1, 37, inputs, inputs / strips, strips);
            check(checker, type, "rows4", 3, 37, inputs, inputs / strips, strips);
            check(checker, type, "split", 2, 5, inputs, inputs / strips, strips);
            check(checker, type, "tiled", 33, 101, inputs, inputs / strips, strips);
        }
        for (const Archetype& model : archetypes) {
            check(checker, type, "split", 1, model.experts, model.hiddenDim, model.hiddenDim);
            check(checker, type, "rows1", 1, 40, model.hiddenDim, model.hiddenDim);
            if (!checker.large) continue;
            const uint32_t qkv = (model.heads + 2 * model.kvHeads) * model.headDim, query = model.heads * model.headDim;
            const uint32_t strips = stripsOf(model.hiddenDim), queryStrips = stripsOf(query);
            check(checker, type, "rows1", 1, qkv, model.hiddenDim, model.hiddenDim / strips, strips);
            check(checker, type, "rows4", 4, model.hiddenDim, query, query / queryStrips, queryStrips);
            check(checker, type, "tiled", 512, qkv, model.hiddenDim, model.hiddenDim / strips, strips);
        }
        if (checker.large) check(checker, type, "rows1", 1, 100352, 6144, 2048, 3);  // DBRX's LM head
    }
}
