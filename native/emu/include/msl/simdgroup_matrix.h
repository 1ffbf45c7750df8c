// 8×8 matrices spread over a SIMD-group: lane i keeps elements 2i and 2i + 1 in row-major order. Apple's layout is
// another one and undocumented; a kernel that depended on either would be wrong. How they multiply is the machine's.
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
    const uint first = msl_position()->thread_index_in_simdgroup * 2;
    for (uint i = 0; i < 2; i++) {
        const ulong row = (first + i) / 8, column = (first + i) % 8;
        matrix.element[i] = transpose ? source[(column + origin.y) * elementsPerRow + row + origin.x]
                                      : source[(row + origin.y) * elementsPerRow + column + origin.x];
    }
}

template <typename T, typename Pointer>
inline void simdgroup_store(const simdgroup_matrix<T, 8, 8>& matrix, Pointer target, ulong elementsPerRow,
                            ulong2 origin = msl::ulong2{0, 0}) {
    const uint first = msl_position()->thread_index_in_simdgroup * 2;
    for (uint i = 0; i < 2; i++)
        target[((first + i) / 8 + origin.y) * elementsPerRow + (first + i) % 8 + origin.x] = matrix.element[i];
}

}  // namespace msl
