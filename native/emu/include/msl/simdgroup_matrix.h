// 8×8 matrices spread over a SIMD-group: lane i keeps elements 2i and 2i + 1 in row-major order. Apple's layout is
// another one and undocumented; a kernel that depended on either would be wrong.
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

struct MatrixOperands {
    float d[2], a[2], b[2], c[2];
};
inline void multiply_lanes(void** slots, unsigned) MSL_BETWEEN_LANES {
    typedef vec<float, 8> Row;
    Row b[8], result[8];
    for (unsigned row = 0; row < 8; row++)
        for (unsigned column = 0; column < 8; column++) {
            const MatrixOperands* lane = (MatrixOperands*)slots[row * 4 + column / 2];
            b[row][column] = lane->b[column % 2];
            result[row][column] = lane->c[column % 2];
        }
    for (unsigned row = 0; row < 8; row++)
        for (unsigned k = 0; k < 8; k++)
            result[row] += ((MatrixOperands*)slots[row * 4 + k / 2])->a[k % 2] * b[k];
    for (unsigned lane = 0; lane < 32; lane++) {
        ((MatrixOperands*)slots[lane])->d[0] = result[lane / 4][lane % 4 * 2];
        ((MatrixOperands*)slots[lane])->d[1] = result[lane / 4][lane % 4 * 2 + 1];
    }
}

// d = a · b + c. All 32 lanes must take part, as on the GPU.
inline void simdgroup_multiply_accumulate(simdgroup_float8x8& d, simdgroup_float8x8 a, simdgroup_float8x8 b,
                                          simdgroup_float8x8 c, MSL_CALLER_LINE) {
    MatrixOperands operands{
        {}, {a.element[0], a.element[1]}, {b.element[0], b.element[1]}, {c.element[0], c.element[1]}};
    msl_simdgroup_operation(&operands, multiply_lanes, "simdgroup_multiply_accumulate", line);
    d = {{operands.d[0], operands.d[1]}};
}
inline void simdgroup_multiply(simdgroup_float8x8& d, simdgroup_float8x8 a, simdgroup_float8x8 b, MSL_CALLER_LINE) {
    simdgroup_multiply_accumulate(d, a, b, make_filled_simdgroup_matrix<float, 8, 8>(0.0f), line);
}

}  // namespace msl
