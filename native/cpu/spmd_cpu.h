// Instructions that .NET has no intrinsics for: bfloat16 dot products. C# finds the library at run time and does without it
// where it is missing; what it computes is defined here and in src/SpmdDbrx.Compute/Cpu/Tiles/ITileFormat.cs.
#pragma once
#include <stddef.h>
#include <stdint.h>

#define SPMD_API __attribute__((visibility("default")))

#ifdef __cplusplus
extern "C" {
#endif

// A pair of bfloat16 values, the first in the low half.
typedef uint32_t spmd_cell;

enum spmd_kernel {
    SPMD_NONE = 0,
    SPMD_AVX512_BF16 = 1,  // vdpbf16ps, 16 lanes
    SPMD_NEON_BF16 = 2,    // bfmmla, 4 lanes
    SPMD_PORTABLE = 3,     // plain C++, 16 lanes: the same tiles where no such instruction is, for tests
};

// c[row][lane] += sum over k of a[row * row_stride + k * depth_stride] . b[k][lane], where . multiplies two pairs and adds.
// b is [depth][2 * lanes], c is [12][2 * lanes]; strides count cells and one of them is 1. A narrow tile leaves the second half of
// the lanes alone.
typedef void spmd_tile(const spmd_cell* a, ptrdiff_t row_stride, ptrdiff_t depth_stride, const spmd_cell* b, int32_t depth, float* c);

// The best kernel of this processor; SPMD_NONE without such instructions.
SPMD_API int32_t spmd_cpu_kernel(void);

// Lanes of a register of a kernel.
SPMD_API int32_t spmd_cpu_lanes(int32_t kernel);

// A kernel's tile; it must not be called on a processor without its instructions.
SPMD_API spmd_tile* spmd_cpu_tile(int32_t kernel, int32_t wide);

// Nothing but dot products in independent chains, to measure a core's peak; returns the floating-point operations done.
SPMD_API double spmd_cpu_chains(int32_t kernel, int64_t rounds);

#ifdef __cplusplus
}
#endif
