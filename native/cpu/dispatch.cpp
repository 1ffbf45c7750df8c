// Which kernel this processor can run.
#include "tile.h"

#if defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

extern const Kernel portable_kernel, avx512_kernel, neon_kernel;

namespace {

const Kernel* find(int32_t kernel) {
    switch (kernel) {
#if defined(__x86_64__)
        case SPMD_AVX512_BF16: return &avx512_kernel;
#elif defined(__aarch64__)
        case SPMD_NEON_BF16: return &neon_kernel;
#endif
        case SPMD_PORTABLE: return &portable_kernel;
        default: return nullptr;
    }
}

}  // namespace

extern "C" {

int32_t spmd_cpu_kernel(void) {
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx512bf16") ? SPMD_AVX512_BF16 : SPMD_NONE;
#elif defined(__aarch64__) && defined(__APPLE__)
    int has = 0;
    size_t size = sizeof has;
    return sysctlbyname("hw.optional.arm.FEAT_BF16", &has, &size, nullptr, 0) == 0 && has ? SPMD_NEON_BF16 : SPMD_NONE;
#elif defined(__aarch64__)
    constexpr unsigned long kBf16 = 1ul << 14;  // HWCAP2_BF16
    return getauxval(AT_HWCAP2) & kBf16 ? SPMD_NEON_BF16 : SPMD_NONE;
#else
    return SPMD_NONE;
#endif
}

int32_t spmd_cpu_lanes(int32_t kernel) {
    const Kernel* found = find(kernel);
    return found ? found->lanes : 0;
}

spmd_tile* spmd_cpu_tile(int32_t kernel, int32_t wide) {
    const Kernel* found = find(kernel);
    return !found ? nullptr : wide ? found->wide : found->narrow;
}

double spmd_cpu_chains(int32_t kernel, int64_t rounds) {
    const Kernel* found = find(kernel);
    return found ? found->chains(rounds) : 0;
}

}
