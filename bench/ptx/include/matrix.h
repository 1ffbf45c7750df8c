// 8×8 matrices spread over a warp: lane i keeps elements 2i and 2i + 1 in row-major order. Correct, not fast: products go
// through shuffles, not through tensor cores.
#pragma once

namespace msl {

template <typename T, int Rows, int Columns>
struct simdgroup_matrix {
    static_assert(Rows == 8 && Columns == 8);
    T element[2];
};
typedef simdgroup_matrix<float, 8, 8> simdgroup_float8x8;

template <typename T, int Rows, int Columns>
inline simdgroup_matrix<T, Rows, Columns> make_filled_simdgroup_matrix(T value) {
    return {{value, value}};
}

template <typename T, typename Pointer>
inline void simdgroup_load(simdgroup_matrix<T, 8, 8>& matrix, Pointer source, ulong elementsPerRow,
                           ulong2 origin = msl::ulong2{0, 0}, bool transpose = false) {
    const uint first = position().thread_index_in_simdgroup * 2;
    for (uint i = 0; i < 2; i++) {
        const ulong row = (first + i) / 8, column = (first + i) % 8;
        matrix.element[i] = transpose ? source[(column + origin.y) * elementsPerRow + row + origin.x]
                                      : source[(row + origin.y) * elementsPerRow + column + origin.x];
    }
}

template <typename T, typename Pointer>
inline void simdgroup_store(const simdgroup_matrix<T, 8, 8>& matrix, Pointer target, ulong elementsPerRow,
                            ulong2 origin = msl::ulong2{0, 0}) {
    const uint first = position().thread_index_in_simdgroup * 2;
    for (uint i = 0; i < 2; i++)
        target[((first + i) / 8 + origin.y) * elementsPerRow + (first + i) % 8 + origin.x] = matrix.element[i];
}

// d = a · b + c: element (row, k) of a matrix lies in lane 4·row + k/2.
inline void simdgroup_multiply_accumulate(simdgroup_float8x8& d, simdgroup_float8x8 a, simdgroup_float8x8 b, simdgroup_float8x8 c) {
    const int lane = position().thread_index_in_simdgroup, row = lane / 4, columnPair = lane % 4;
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
