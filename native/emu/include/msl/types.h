// Scalar and vector types.
#pragma once
#include <cstddef>
#include <cstdint>

namespace msl {

typedef unsigned char uchar;
typedef unsigned short ushort;
typedef unsigned int uint;
typedef unsigned long ulong;
typedef __bf16 bfloat;
typedef _Float16 half;

template <typename T, int N>
using vec = T __attribute__((ext_vector_type(N)));

typedef vec<float, 4> float4;
typedef vec<uint, 3> uint3;
typedef vec<uint, 4> uint4;
typedef vec<ulong, 2> ulong2;

// MSL writes float4(x) for a conversion and for a splat; C++ has no constructors for vector types.
template <typename Vector, typename T>
inline Vector construct(T value) {
    if constexpr (requires { value.xy; })
        return __builtin_convertvector(value, Vector);
    else
        return (Vector)(decltype(Vector{}[0] + 0))value;
}
template <typename Vector, typename... T>
    requires(sizeof...(T) > 1)
inline Vector construct(T... values) {
    return Vector{(decltype(Vector{}[0] + 0))values...};
}
// A function-like macro fires only before '(', so declarations such as `float4 sum` are untouched.
#define float4(...) construct<msl::float4>(__VA_ARGS__)
#define ulong2(...) construct<msl::ulong2>(__VA_ARGS__)

}  // namespace msl
