// Compares the tiles of this processor with the portable ones: make -C native/cpu check
// Another processor's, emulated: make -C native/cpu check OUT=/tmp/arm CXX=aarch64-linux-gnu-g++ LDFLAGS=-static RUN=qemu-aarch64-static
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "spmd_cpu.h"

namespace {

constexpr int kRows = 12;

spmd_cell random_cell() {
    auto element = [] { return (uint32_t)(0x3C00 | (rand() & 0x80FF) | (rand() & 0x0300)); };
    return element() | element() << 16;
}

float widen(uint32_t bits) {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

double dot(spmd_cell a, spmd_cell b) {
    return (double)widen(a << 16) * widen(b << 16) + (double)widen(a & 0xFFFF0000u) * widen(b & 0xFFFF0000u);
}

struct Case {
    int32_t depth;
    ptrdiff_t row_stride, depth_stride;
    std::vector<spmd_cell> a, b;

    Case(int32_t depth, bool whole_rows, int lanes)
        : depth(depth), row_stride(whole_rows ? depth + 3 : 1), depth_stride(whole_rows ? 1 : kRows + 4),
          a((size_t)(depth + 3) * (kRows + 4)), b((size_t)(depth + 1) * 2 * lanes) {
        for (spmd_cell& cell : a) cell = random_cell();
        for (spmd_cell& cell : b) cell = random_cell();
    }

    std::vector<float> run(int32_t kernel, bool wide) const {
        std::vector<float> c((size_t)kRows * 2 * spmd_cpu_lanes(kernel), 0.5f);
        spmd_cpu_tile(kernel, wide)(a.data(), row_stride, depth_stride, b.data(), depth, c.data());
        return c;
    }

    // Sums in double.
    double expected(int row, int lane, int stride) const {
        double sum = 0.5;
        for (int k = 0; k < depth; k++) sum += dot(a[row * row_stride + k * depth_stride], b[(size_t)k * stride + lane]);
        return sum;
    }
};

// Every depth to 66, a whole block's and a longer one, in both kinds of strides.
std::vector<Case> cases(int lanes) {
    std::vector<Case> all;
    for (int depth = 0; depth <= 66; depth++)
        for (bool whole_rows : {true, false}) all.emplace_back(depth, whole_rows, lanes);
    for (int depth : {128, 301})
        for (bool whole_rows : {true, false}) all.emplace_back(depth, whole_rows, lanes);
    return all;
}

// Largest relative difference from sums in double.
double largest_difference(int32_t kernel, bool wide) {
    int lanes = spmd_cpu_lanes(kernel), stride = 2 * lanes, used = wide ? stride : lanes;
    double largest = 0;
    for (const Case& test : cases(lanes)) {
        std::vector<float> c = test.run(kernel, wide);
        for (int row = 0; row < kRows; row++)
            for (int lane = 0; lane < stride; lane++) {
                double expected = lane < used ? test.expected(row, lane, stride) : 0.5;
                largest = std::fmax(largest, std::fabs(expected - c[(size_t)row * stride + lane]) / std::fmax(1, std::fabs(expected)));
            }
    }
    return largest;
}

// Whether a kernel gives the portable one's bits: vdpbf16ps is defined to, bit for bit, where no value is denormal.
bool is_portable(int32_t kernel, bool wide) {
    for (const Case& test : cases(spmd_cpu_lanes(kernel)))
        if (test.run(kernel, wide) != test.run(SPMD_PORTABLE, wide)) return false;
    return true;
}

bool passes(int32_t kernel) {
    double wide = largest_difference(kernel, true), narrow = largest_difference(kernel, false);
    bool passed = wide < 5e-5 && narrow < 5e-5;  // float32 sums of 600 products
    std::printf("kernel %d, %d lanes: differs by %.1e (wide) and %.1e (narrow): %s\n", kernel, spmd_cpu_lanes(kernel), wide, narrow, passed ? "passed" : "FAILED");
    if (kernel != SPMD_AVX512_BF16) return passed;
    bool same = is_portable(kernel, true) && is_portable(kernel, false);
    std::printf("kernel %d: %s the bits of the portable kernel: %s\n", kernel, same ? "has" : "has not", same ? "passed" : "FAILED");
    return passed && same;
}

}  // namespace

int main() {
    bool passed = passes(SPMD_PORTABLE);
    if (spmd_cpu_kernel() == SPMD_NONE)
        std::printf("this processor has no bfloat16 dot products\n");
    else
        passed &= passes(spmd_cpu_kernel());
    return passed ? 0 : 1;
}
