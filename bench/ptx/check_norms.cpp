// norm.metal
#include "checks.h"

namespace {

struct NormShape {
    uint32_t columns;
    float epsilon;
};

void check(Checker& checker, const ElementType& type, bool subtractMean, uint32_t rows, uint32_t columns) {
    const NormShape shape{columns, 1e-5f};
    const unsigned threads = columns <= 1024 ? 128 : 512;
    std::vector<float> input = activations((size_t)rows * columns);
    for (float& x : input) x = x * 0.125f + 5;  // a large mean: squares summed before it is subtracted would cancel
    const Buffer x(input), weight(encode(type, columns));
    Output output(input.size());
    checker.run({std::string(subtractMean ? "layer_norm_" : "rms_norm_") + type.name, rows, 1, 1, threads, threads / SimdWidth * (unsigned)sizeof(float)},
                std::to_string(rows) + "x" + std::to_string(columns), {x, weight, output}, shape);
    size_t knownRow = SIZE_MAX;
    double mean = 0, scale = 0;
    checker.expect(output, 3, [&](size_t i) {
        if (i / columns != knownRow) {
            knownRow = i / columns;
            const float* row = &input[knownRow * columns];
            double squares = 0;
            mean = 0;
            for (uint32_t k = 0; subtractMean && k < columns; k++) mean += row[k] / (double)columns;
            for (uint32_t k = 0; k < columns; k++) squares += (row[k] - mean) * (row[k] - mean);
            scale = 1 / std::sqrt(squares / columns + shape.epsilon);
        }
        return (input[i] - mean) * scale * value(i % columns);
    });
    checker.finish(2.0 * input.size() * sizeof(float));
}

}  // namespace

void checkNorms(Checker& checker) {
    for (const ElementType& type : elementTypes)
        for (const bool subtractMean : {true, false}) {
            for (const uint32_t columns : {2, 31, 33, 1000, 1025}) check(checker, type, subtractMean, 3, columns);
            for (const Archetype& model : archetypes) check(checker, type, subtractMean, 1, model.hiddenDim);
            if (checker.large) check(checker, type, subtractMean, 4096, 6144);
        }
}
