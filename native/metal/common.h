// The only place that knows which compiler reads the kernels:
//   * Apple's, from newLibraryWithSource (the real attributes);
//   * clang 19 on Linux, with native/emu/include/metal_stdlib (an attribute becomes a default argument).
// The library's text is this folder's *.h then *.metal, in the order of their names, one after the other.
#ifndef SPMD_COMMON_H
#define SPMD_COMMON_H

#include <metal_stdlib>
#ifdef __METAL_VERSION__
#include <metal_simdgroup_matrix>
#define BUFFER(index) [[buffer(index)]]
#define THREADGROUP_MEMORY(index) [[threadgroup(index)]]
#define BUILT_IN(attribute) [[attribute]]
#define EXPORT_KERNEL(name, ...) template [[host_name(name)]] [[kernel]] decltype(__VA_ARGS__) __VA_ARGS__;
#endif

using namespace metal;

// One kernel for every way a weight can be stored. Wide: every row starts at a multiple of four elements and has a
// multiple of four columns, so that four elements are read at once.
#define EXPORT_FOR_WEIGHTS(name, kernelName, ...)                                  \
    EXPORT_KERNEL(name "_float32", kernelName<float, false, ##__VA_ARGS__>)        \
    EXPORT_KERNEL(name "_float32_wide", kernelName<float, true, ##__VA_ARGS__>)    \
    EXPORT_KERNEL(name "_float16", kernelName<half, false, ##__VA_ARGS__>)         \
    EXPORT_KERNEL(name "_float16_wide", kernelName<half, true, ##__VA_ARGS__>)     \
    EXPORT_KERNEL(name "_bfloat16", kernelName<bfloat, false, ##__VA_ARGS__>)      \
    EXPORT_KERNEL(name "_bfloat16_wide", kernelName<bfloat, true, ##__VA_ARGS__>)

// Before loops over arrays that must stay in registers.
#define UNROLLED _Pragma("clang loop unroll(full)")

enum : uint {
    SimdWidth = 32,
    ElementwiseThreads = 256,  // of the kernels that do one element a thread
};

// Below every float32 score; infinity is not used because a fast-math compiler may assume that there is none.
#define LOWEST_SCORE (-3.0e38f)

#endif
