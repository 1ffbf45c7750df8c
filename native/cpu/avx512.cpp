// vdpbf16ps on 512 bits. Compiled with -mavx512bf16 and called only where the processor has it.
#include <immintrin.h>

#include "tile.h"

namespace {

struct Avx512 {
    static constexpr int kLanes = 16;
    static constexpr int kFlop = 64;
    using Sum = __m512;
    using Cells = __m512i;

    static Sum zero() { return _mm512_setzero_ps(); }
    static float first(Sum sum) { return _mm512_cvtss_f32(sum); }
    static Sum load(const float* source) { return _mm512_loadu_ps(source); }
    static Cells load(const spmd_cell* source) { return _mm512_loadu_si512(source); }
    static void store(float* target, Sum value) { _mm512_storeu_ps(target, value); }
    static Cells broadcast(spmd_cell cell) { return _mm512_set1_epi32((int)cell); }
    static Sum dot(Sum sum, Cells left, Cells right) { return _mm512_dpbf16_ps(sum, (__m512bh)left, (__m512bh)right); }
};

}  // namespace

extern const Kernel avx512_kernel = {Avx512::kLanes, tile<Avx512, 2>, tile<Avx512, 1>, chains<Avx512>};
