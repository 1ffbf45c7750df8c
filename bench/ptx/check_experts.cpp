// experts.metal
#include "checks.h"

namespace {

constexpr unsigned NeuronsPerSimdgroup = 2, UpSimdgroups = 8, DownSimdgroups = 16, DownColumns = 128, TileTokens = 32, TileOutputs = 64;

struct ExpertShape {
    uint32_t neurons, columns, assignments, stripColumns;
    uint64_t gateStrideBytes, upStrideBytes, downStrideBytes;
    uint64_t gateStripBytes, upStripBytes, downStripBytes;
};

// An expert in memory, and the numbers it holds: w1, v1 and w2 one behind the other, each in strips of columns, as in prestacked files.
struct Expert {
    Expert(const ElementType& type, uint32_t neurons, uint32_t columns, uint32_t strips)
        : type(type), neurons(neurons), columns(columns), stripColumns(columns / strips), strip((size_t)neurons * stripColumns),
          matrix((size_t)neurons * columns), memory(encode(type, 3 * matrix)) {}

    // Part 0: w1, gate; 1: v1, up; 2: w2, down.
    double at(int part, size_t neuron, size_t column) const {
        return value(part * matrix + column / stripColumns * strip + neuron * stripColumns + column % stripColumns);
    }
    Range part(int index) const { return memory.from(index * matrix * type.bytes); }
    ExpertShape shape(uint32_t assignments) const {
        const uint64_t row = stripColumns * type.bytes, stripBytes = strip * type.bytes;
        return {neurons, columns, assignments, stripColumns, row, row, row, stripBytes, stripBytes, stripBytes};
    }

    const ElementType& type;
    const uint32_t neurons, columns, stripColumns;
    const size_t strip, matrix;
    const Buffer memory;
};

void checkUp(Checker& checker, const Expert& expert, const char* width, bool tiled, uint32_t assignments, const std::string& shape) {
    const std::vector<float> input = activations((size_t)assignments * expert.columns);
    std::vector<uint32_t> rows(assignments);
    for (uint32_t a = 0; a < assignments; a++) rows[a] = assignments - 1 - a;
    const Buffer x(input), inputRows(rows);
    Output hidden((size_t)assignments * expert.neurons);
    const std::string suffix = std::string("_") + expert.type.name + width;
    const Launch launch = tiled ? Launch{"expert_up_tiled" + suffix, ceiling(expert.neurons, TileOutputs / 2), ceiling(assignments, TileTokens), 1, 128, TileBytes}
                                : Launch{"expert_up" + suffix, ceiling(expert.neurons, UpSimdgroups * NeuronsPerSimdgroup), assignments, 1, UpSimdgroups * SimdWidth, 0};
    checker.run(launch, shape, {expert.part(0), expert.part(1), x, inputRows, hidden}, expert.shape(assignments));
    checker.expect(hidden, 2 * expert.columns, [&](size_t i) {
        const float* row = &input[(size_t)rows[i / expert.neurons] * expert.columns];
        double gate = 0, up = 0;
        for (uint32_t k = 0; k < expert.columns; k++) {
            gate += row[k] * expert.at(0, i % expert.neurons, k);
            up += row[k] * expert.at(1, i % expert.neurons, k);
        }
        return gate / (1 + std::exp(-gate)) * up;
    });
    checker.finish(2.0 * expert.neurons * expert.columns * expert.type.bytes + (input.size() + hidden.count) * sizeof(float));
}

void checkDown(Checker& checker, const Expert& expert, const char* width, bool tiled, uint32_t assignments, const std::string& shape) {
    const std::vector<float> hidden = activations((size_t)assignments * expert.neurons);
    const Buffer h(hidden);
    Output result((size_t)assignments * expert.columns);
    const std::string suffix = std::string("_") + expert.type.name + width;
    const Launch launch = tiled ? Launch{"expert_down_tiled" + suffix, ceiling(expert.columns, TileOutputs), ceiling(assignments, TileTokens), 1, 128, TileBytes}
                                : Launch{"expert_down" + suffix, ceiling(expert.columns, DownColumns), assignments, 1, DownSimdgroups * SimdWidth,
                                         DownSimdgroups * DownColumns * (unsigned)sizeof(float)};
    checker.run(launch, shape, {expert.part(2), h, result}, expert.shape(assignments));
    checker.expect(result, expert.neurons, [&](size_t i) {
        double sum = 0;
        for (uint32_t f = 0; f < expert.neurons; f++) sum += hidden[i / expert.columns * expert.neurons + f] * expert.at(2, f, i % expert.columns);
        return sum;
    });
    checker.finish((double)expert.neurons * expert.columns * expert.type.bytes + (hidden.size() + result.count) * sizeof(float));
}

void check(Checker& checker, const ElementType& type, uint32_t neurons, uint32_t columns, uint32_t assignments, uint32_t strips = 1) {
    const Expert expert(type, neurons, columns, strips);
    const std::string shape = std::to_string(assignments) + " " + std::to_string(neurons) + "x" + std::to_string(columns);
    const bool tiled = assignments > 4;
    for (const char* width : {"", "_wide"}) {
        if (*width && expert.stripColumns % 4) continue;
        checkUp(checker, expert, width, tiled, assignments, shape);
        checkDown(checker, expert, width, tiled, assignments, shape);
    }
}

// Row r gets every assignment a with a % rows = r, row 0 none.
void checkCombine(Checker& checker, uint32_t rows, uint32_t assignments, uint32_t columns) {
    const std::vector<float> result = activations((size_t)assignments * columns, 1), weights = activations(assignments, 2);
    std::vector<uint32_t> starts{0}, list;
    for (uint32_t r = 0; r < rows; r++) {
        for (uint32_t a = r; r > 0 && a < assignments; a += rows) list.push_back(a);
        starts.push_back((uint32_t)list.size());
    }
    const Buffer x(result), rowStarts(starts), rowAssignments(list), w(weights);
    Output output((size_t)rows * columns);
    checker.run({"combine_experts", ceiling(columns, 256), rows, 1, 256, 0},
                std::to_string(assignments) + " into " + std::to_string(rows) + "x" + std::to_string(columns), {x, rowStarts, rowAssignments, w, output}, columns);
    checker.expect(output, assignments / rows + 1, [&](size_t i) {
        double sum = 0;
        for (uint32_t j = starts[i / columns]; j < starts[i / columns + 1]; j++) sum += (double)weights[list[j]] * result[(size_t)list[j] * columns + i % columns];
        return sum;
    });
    checker.finish((list.size() * columns + output.count) * sizeof(float));
}

}  // namespace

void checkExperts(Checker& checker) {
    for (const ElementType& type : elementTypes) {
        for (const auto& [neurons, columns] : {std::pair{1u, 1u}, {37u, 250u}, {33u, 77u}, {100u, 64u}, {70u, 200u}})
            for (const uint32_t assignments : {1, 3, 9, 40}) check(checker, type, neurons, columns, assignments);
        for (const auto& [columns, strips] : {std::pair{256u, 2u}, {1152u, 3u}})
            for (const uint32_t assignments : {1, 3, 9, 40}) check(checker, type, 37, columns, assignments, strips);
        check(checker, type, archetypes[0].expertDim, 8, 1);  // DBRX's whole sum over F
        for (const Archetype& model : archetypes) {
            const uint32_t strips = stripsOf(model.hiddenDim);
            check(checker, type, 8, model.hiddenDim, 1, strips);
            if (!checker.large) continue;
            check(checker, type, model.expertDim, model.hiddenDim, 1, strips);
            check(checker, type, model.expertDim, model.hiddenDim, 128, strips);
        }
    }
    checkCombine(checker, 2, 1, 1);
    checkCombine(checker, 5, 17, 301);
    checkCombine(checker, 3, 8, 6144);
    if (checker.large) checkCombine(checker, 2048, 8192, 6144);
}
