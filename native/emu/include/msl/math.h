// The mathematical functions that the kernels use.
#pragma once
#include <cmath>

namespace msl {

template <typename T>
inline T min(T a, T b) {
    return a < b ? a : b;
}
template <typename T>
inline T max(T a, T b) {
    return a > b ? a : b;
}
template <typename T>
inline T clamp(T value, T low, T high) {
    return min(max(value, low), high);
}
inline float dot(float4 a, float4 b) {
    float4 p = a * b;
    return (p.x + p.y) + (p.z + p.w);
}
inline float exp(float x) { return ::expf(x); }
inline float pow(float x, float y) { return ::powf(x, y); }
inline float sqrt(float x) { return ::sqrtf(x); }

}  // namespace msl
