// elementwise.metal
#include "checks.h"

namespace {

constexpr unsigned Threads = 256;

struct EmbedShape {
    uint32_t columns, tokens;
    uint64_t rowStrideBytes;
};

void checkEmbed(Checker& checker, const ElementType& type, uint32_t rows, uint32_t columns, uint32_t tokens) {
    const Buffer table(encode(type, (size_t)rows * columns));
    std::vector<uint32_t> chosen(tokens);
    for (uint32_t t = 0; t < tokens; t++) chosen[t] = (t * 7919 + rows - 1) % rows;
    const Buffer ids(chosen);
    Output output((size_t)tokens * columns);
    checker.run({std::string("embed_") + type.name, ceiling(columns, Threads), tokens, 1, Threads, 0},
                std::to_string(tokens) + " of " + std::to_string(rows) + "x" + std::to_string(columns), {table, ids, output},
                EmbedShape{columns, tokens, columns * type.bytes});
    checker.expect(output, 1, [&](size_t i) { return value((size_t)chosen[i / columns] * columns + i % columns); });
    checker.finish(output.count * (type.bytes + sizeof(float)));
}

void checkAdd(Checker& checker, uint32_t count) {
    const std::vector<float> start = activations(count, 1), addend = activations(count, 2);
    const Buffer right(addend);
    Output target(start);
    checker.run({"add", ceiling(count, Threads), 1, 1, Threads, 0}, std::to_string(count), {target, right}, count);
    checker.expect(target, 1, [&](size_t i) { return (double)start[i] + addend[i]; });
    checker.finish(3.0 * count * sizeof(float));
}

struct GroupSumShape {
    uint32_t columns, groupSize;
};

void checkSumGroups(Checker& checker, uint32_t rows, uint32_t groupSize, uint32_t columns) {
    const std::vector<float> input = activations((size_t)rows * groupSize * columns);
    const Buffer x(input);
    Output output((size_t)rows * columns);
    checker.run({"sum_groups", ceiling(columns, Threads), rows, 1, Threads, 0},
                std::to_string(rows) + "x" + std::to_string(groupSize) + "x" + std::to_string(columns), {x, output},
                GroupSumShape{columns, groupSize});
    checker.expect(output, groupSize, [&](size_t i) {
        double sum = 0;
        for (uint32_t j = 0; j < groupSize; j++) sum += input[(i / columns * groupSize + j) * columns + i % columns];
        return sum;
    });
    checker.finish((input.size() + output.count) * sizeof(float));
}

struct StandbyShape {
    uint64_t bytes;
    uint32_t threads;
};

// The sum of the threadgroups' sums is that of all 32-bit words, modulo 2³².
void checkStandby(Checker& checker, size_t bytes) {
    std::vector<char> content(bytes);
    uint32_t expected = 0;
    for (size_t i = 0; i < bytes; i++) {
        content[i] = (char)(i * 2654435761u >> 13);
        expected += (uint32_t)(uint8_t)content[i] << (i % 4 * 8);
    }
    const Buffer weights(content);
    const unsigned groups = (unsigned)std::min<size_t>(std::max<size_t>(bytes / (Threads * 1024), 1), 1024);
    Output sums(groups);
    checker.run({"standby_sum", groups, 1, 1, Threads, Threads / SimdWidth * sizeof(uint32_t)}, std::to_string(bytes) + " bytes",
                {weights, sums}, StandbyShape{bytes, groups * Threads});
    uint32_t total = 0;
    for (const float sum : sums.read()) {
        uint32_t word;
        memcpy(&word, &sum, sizeof word);
        total += word;
    }
    checker.expectTrue(total == expected && sums.guardIsWhole());
    checker.finish((double)bytes);
}

}  // namespace

void checkElementwise(Checker& checker) {
    for (const ElementType& type : elementTypes) {
        for (const uint32_t columns : {1, 3, 255, 257}) checkEmbed(checker, type, 5, columns, 3);
        for (const Archetype& model : archetypes) checkEmbed(checker, type, 9, model.hiddenDim, 2);
        if (checker.large) checkEmbed(checker, type, 100352, 6144, 2048);
    }
    for (const uint32_t count : {1, 255, 257, 6144, 100003}) checkAdd(checker, count);
    for (const uint32_t columns : {1, 301, 6144}) checkSumGroups(checker, 2, 4, columns);
    for (const size_t bytes : {1, 15, 16, 100003, 3 << 20}) checkStandby(checker, bytes);
    if (checker.large) {
        checkAdd(checker, 1 << 26);
        checkSumGroups(checker, 2048, 4, 6144);
        checkStandby(checker, 1ul << 30);
    }
}
