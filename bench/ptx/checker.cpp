#include "checker.h"

#include <algorithm>
#include <cstdio>

namespace {

constexpr double Tolerance = 2e-5;      // of the largest expected value, as in the tests of the C# devices
constexpr size_t TermBudget = 1 << 28;  // terms of the reference sums of one check
constexpr size_t GuardFloats = 64;
constexpr float Guard = 12345.0f;

std::vector<float> guarded(std::vector<float> content) {
    content.insert(content.end(), GuardFloats, Guard);
    return content;
}

}  // namespace

Output::Output(std::vector<float> start) : count(start.size()), buffer(guarded(std::move(start))) {}

std::vector<float> Output::read() const {
    std::vector<float> content(count);
    machine::download(content.data(), buffer.address, count * sizeof(float));
    return content;
}

bool Output::guardIsWhole() const {
    std::vector<float> guard(GuardFloats);
    machine::download(guard.data(), buffer.address + count * sizeof(float), GuardFloats * sizeof(float));
    return std::all_of(guard.begin(), guard.end(), [](float value) { return value == Guard; });
}

void Checker::begin(const Launch& newLaunch, const std::string& newShape, const std::vector<Range>& buffers, const void* constants, size_t bytes) {
    launch = newLaunch;
    shape = newShape;
    worst = 0;
    good = true;
    checked.insert(launch.kernel);
    machine::bind(buffers, constants, bytes);
    machine::run(launch);
}

void Checker::expect(const Output& output, size_t terms, const std::function<double(size_t)>& expected) {
    const std::vector<float> result = output.read();
    const size_t step = result.size() * terms / TermBudget + 1;
    double error = 0, largest = 0;
    for (size_t i = 0; i < result.size(); i += step) {
        const double right = expected(i);
        error = std::max(error, std::fabs(result[i] - right));
        largest = std::max(largest, std::fabs(right));
    }
    worst = std::max(worst, largest > 0 ? error / largest : error);
    good &= worst <= Tolerance && output.guardIsWhole() &&
            std::none_of(result.begin(), result.end(), [](float value) { return std::isnan(value); });
}

void Checker::expectExactly(const Output& output, const std::vector<uint32_t>& expected) {
    const std::vector<float> result = output.read();
    good &= output.guardIsWhole() && result.size() == expected.size() && !memcmp(result.data(), expected.data(), result.size() * sizeof(float));
}

void Checker::finish(double bytesMoved) {
    checks++;
    wrong += !good;
    const double time = bytesMoved > 0 ? machine::measure(launch) : 0;
    printf("%-26s %-26s", launch.kernel.c_str(), shape.c_str());
    if (time > 0)
        printf(" %8.0f %6.0f%%", bytesMoved / time / 1e9, 100 * bytesMoved / time / copyBytesPerSecond);
    else
        printf(" %8s %7s", "", "");
    printf(" %9.1e%s\n", worst, good ? "" : "  WRONG");
    fflush(stdout);
}

bool Checker::summarize(const std::vector<std::string>& kernels) const {
    int unchecked = 0;
    for (const std::string& kernel : kernels)
        if (!checked.count(kernel)) {
            printf("%s: not checked\n", kernel.c_str());
            unchecked++;
        }
    printf("\n%d checks of %zu kernels, %d wrong\n", checks, checked.size(), wrong);
    return wrong == 0 && unchecked == 0 && checks > 0;
}
