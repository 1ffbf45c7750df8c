// What the kernels share: a tile of 12 rows of weights, broadcast, times a panel of tokens on the lanes, for any vector type.
#pragma once
#include "spmd_cpu.h"

constexpr int kRows = 12;

// V has: Sum and Cells (registers), kLanes, load(float*), store(float*, Sum), load(cell*), broadcast(cell), dot(Sum, Cells, Cells).
template <class V, int kWidth>
void tile(const spmd_cell* a, ptrdiff_t row_stride, ptrdiff_t depth_stride, const spmd_cell* b, int32_t depth, float* c) {
    typename V::Sum sums[kRows][kWidth];
#pragma GCC unroll 12
    for (int row = 0; row < kRows; row++)
#pragma GCC unroll 2
        for (int column = 0; column < kWidth; column++) sums[row][column] = V::load(c + (row * 2 + column) * V::kLanes);
    for (; depth > 0; depth--) {
        typename V::Cells tokens[kWidth];
#pragma GCC unroll 2
        for (int column = 0; column < kWidth; column++) tokens[column] = V::load(b + column * V::kLanes);
#pragma GCC unroll 12
        for (int row = 0; row < kRows; row++) {
            typename V::Cells weight = V::broadcast(a[row * row_stride]);
#pragma GCC unroll 2
            for (int column = 0; column < kWidth; column++) sums[row][column] = V::dot(sums[row][column], weight, tokens[column]);
        }
        a += depth_stride;
        b += 2 * V::kLanes;
    }
#pragma GCC unroll 12
    for (int row = 0; row < kRows; row++)
#pragma GCC unroll 2
        for (int column = 0; column < kWidth; column++) V::store(c + (row * 2 + column) * V::kLanes, sums[row][column]);
}

// As many chains as the tile has sums. V has: Sum, kFlop (floating-point operations of a dot), zero(), broadcast(cell), dot(…), first(Sum).
template <class V>
double chains(int64_t rounds) {
    typename V::Sum sums[2 * kRows];
    for (auto& sum : sums) sum = V::zero();
    volatile spmd_cell one = 0x3F803F80;  // volatile: as a constant, g++ 12 builds it with float16 instructions on Arm
    typename V::Cells ones = V::broadcast(one);
    for (int64_t round = 0; round < rounds; round++)
#pragma GCC unroll 24
        for (int chain = 0; chain < 2 * kRows; chain++) sums[chain] = V::dot(sums[chain], ones, ones);
    volatile float sink = 0;
    for (auto& sum : sums) sink = sink + V::first(sum);
    return (double)V::kFlop * 2 * kRows * rounds;
}

// What a translation unit that was compiled for one processor offers.
struct Kernel {
    int lanes;
    spmd_tile* wide;
    spmd_tile* narrow;
    double (*chains)(int64_t);
};
