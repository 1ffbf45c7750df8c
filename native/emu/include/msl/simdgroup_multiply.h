// Products of simdgroup matrices: one rendezvous of all lanes, at which the whole product is computed.
#pragma once

namespace msl {

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
