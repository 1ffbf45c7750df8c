// bfmmla on 128 bits: two rows of weights times two tokens, four features of each. Compiled with +bf16 and called only where the
// processor has it.
#include <arm_neon.h>

#include "tile.h"

#ifndef __clang__
#pragma GCC optimize("no-schedule-insns")  // g++ 12 hoists all loads of a step to its top and then spills sums
#endif

namespace {

constexpr int kLanes = 4, kPairs = kRows / 2;

bfloat16x8_t as_bfloat16(uint32x4_t cells) { return vreinterpretq_bf16_u32(cells); }

// Cells k and k + 1 of two rows: [row][k].
template <bool kWholeRows>
bfloat16x8_t load_weights(const spmd_cell* a, ptrdiff_t row_stride, ptrdiff_t depth_stride) {
    if (kWholeRows) return as_bfloat16(vcombine_u32(vld1_u32(a), vld1_u32(a + row_stride)));
    uint32x2x2_t rows = vzip_u32(vld1_u32(a), vld1_u32(a + depth_stride));
    return as_bfloat16(vcombine_u32(rows.val[0], rows.val[1]));
}

bfloat16x8_t load_last_weights(const spmd_cell* a, ptrdiff_t row_stride) {
    uint32x4_t cells = vdupq_n_u32(0);
    cells = vsetq_lane_u32(a[0], cells, 0);
    return as_bfloat16(vsetq_lane_u32(a[row_stride], cells, 2));
}

// sums[p][q] holds rows 2p and 2p + 1 of tokens 2q and 2q + 1, row by row.
template <int kWidth>
struct Sums {
    float32x4_t of[kPairs][2 * kWidth];

    static const float* row(const float* c, int row, int column) { return c + (row * 2 + column) * kLanes; }

    void load(const float* c) {
        for (int pair = 0; pair < kPairs; pair++)
            for (int column = 0; column < kWidth; column++) {
                float32x4_t even = vld1q_f32(row(c, 2 * pair, column)), odd = vld1q_f32(row(c, 2 * pair + 1, column));
                of[pair][2 * column] = vcombine_f32(vget_low_f32(even), vget_low_f32(odd));
                of[pair][2 * column + 1] = vcombine_f32(vget_high_f32(even), vget_high_f32(odd));
            }
    }

    void store(float* c) const {
        for (int pair = 0; pair < kPairs; pair++)
            for (int column = 0; column < kWidth; column++) {
                float32x4_t first = of[pair][2 * column], second = of[pair][2 * column + 1];
                vst1q_f32(c + (4 * pair + column) * kLanes, vcombine_f32(vget_low_f32(first), vget_low_f32(second)));
                vst1q_f32(c + (4 * pair + 2 + column) * kLanes, vcombine_f32(vget_high_f32(first), vget_high_f32(second)));
            }
    }

    void add(int pair, bfloat16x8_t weights, const bfloat16x8_t* tokens) {
#pragma GCC unroll 4
        for (int column = 0; column < 2 * kWidth; column++) of[pair][column] = vbfmmlaq_f32(of[pair][column], weights, tokens[column]);
    }
};

// Cells k and k + 1 of two tokens each: [token][k].
template <int kWidth>
void load_tokens(const spmd_cell* b, bool last, bfloat16x8_t* tokens) {
#pragma GCC unroll 2
    for (int column = 0; column < kWidth; column++) {
        uint32x4_t first = vld1q_u32(b + column * kLanes);
        uint32x4_t second = last ? vdupq_n_u32(0) : vld1q_u32(b + (2 + column) * kLanes);
        tokens[2 * column] = as_bfloat16(vzip1q_u32(first, second));
        tokens[2 * column + 1] = as_bfloat16(vzip2q_u32(first, second));
    }
}

template <int kWidth, bool kWholeRows>
void multiply(const spmd_cell* a, ptrdiff_t row_stride, ptrdiff_t depth_stride, const spmd_cell* b, int32_t depth, float* c) {
    Sums<kWidth> sums;
    bfloat16x8_t tokens[2 * kWidth];
    sums.load(c);
    for (; depth >= 2; depth -= 2) {
        load_tokens<kWidth>(b, false, tokens);
#pragma GCC unroll 6
        for (int pair = 0; pair < kPairs; pair++)
            sums.add(pair, load_weights<kWholeRows>(a + 2 * pair * row_stride, row_stride, depth_stride), tokens);
        a += 2 * depth_stride;
        b += 4 * kLanes;
    }
    if (depth == 1) {
        load_tokens<kWidth>(b, true, tokens);
#pragma GCC unroll 6
        for (int pair = 0; pair < kPairs; pair++) sums.add(pair, load_last_weights(a + 2 * pair * row_stride, row_stride), tokens);
    }
    sums.store(c);
}

template <int kWidth>
void neon_tile(const spmd_cell* a, ptrdiff_t row_stride, ptrdiff_t depth_stride, const spmd_cell* b, int32_t depth, float* c) {
    if (depth_stride == 1)
        multiply<kWidth, true>(a, row_stride, 1, b, depth, c);
    else
        multiply<kWidth, false>(a, 1, depth_stride, b, depth, c);
}

struct Neon {
    static constexpr int kFlop = 32;
    using Sum = float32x4_t;
    using Cells = bfloat16x8_t;

    static Sum zero() { return vdupq_n_f32(0); }
    static Cells broadcast(spmd_cell cell) { return as_bfloat16(vdupq_n_u32(cell)); }
    static Sum dot(Sum sum, Cells left, Cells right) { return vbfmmlaq_f32(sum, left, right); }
    static float first(Sum sum) { return vgetq_lane_f32(sum, 0); }
};

}  // namespace

extern const Kernel neon_kernel = {kLanes, neon_tile<2>, neon_tile<1>, chains<Neon>};
