// Products of simdgroup matrices through shuffles: correct, not fast, no tensor cores.
#pragma once

namespace msl {

// d = a · b + c: element (row, k) of a matrix lies in lane 4·row + k/2.
inline void simdgroup_multiply_accumulate(simdgroup_float8x8& d, simdgroup_float8x8 a, simdgroup_float8x8 b, simdgroup_float8x8 c) {
    const int lane = msl_position()->thread_index_in_simdgroup, row = lane / 4, columnPair = lane % 4;
    for (int k = 0; k < 8; k++) {
        const float even = shuffle(a.element[0], row * 4 + k / 2), odd = shuffle(a.element[1], row * 4 + k / 2);
        const float left = k % 2 ? odd : even;
        c.element[0] += left * shuffle(b.element[0], k * 4 + columnPair);
        c.element[1] += left * shuffle(b.element[1], k * 4 + columnPair);
    }
    d = c;
}
inline void simdgroup_multiply(simdgroup_float8x8& d, simdgroup_float8x8 a, simdgroup_float8x8 b) {
    simdgroup_multiply_accumulate(d, a, b, make_filled_simdgroup_matrix<float, 8, 8>(0.0f));
}

}  // namespace msl
