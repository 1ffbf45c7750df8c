// Reading rows of weights and activations as float.
#ifndef SPMD_LOADS_H
#define SPMD_LOADS_H
#ifndef SPMD_COMMON_H
#include "common.h"
#endif

// Elements k … k + 3 of a row of `count`, zero beyond its end.
template <bool Wide, typename T>
inline float4 load4(device const T* row, uint k, uint count) {
    float4 values = 0.0f;
    if (Wide) {
        if (k < count) values = float4(*(device const vec<T, 4>*)(row + k));
        return values;
    }
    for (uint i = 0; i < 4; i++)
        if (k + i < count) values[i] = float(row[k + i]);
    return values;
}

// Row `index` of a weight matrix whose rows lie `strideBytes` apart.
template <typename T>
inline device const T* weight_row(device const uchar* matrix, ulong index, ulong strideBytes) {
    return (device const T*)(matrix + index * strideBytes);
}

inline float silu(float x) { return x / (1.0f + exp(-x)); }

#endif
