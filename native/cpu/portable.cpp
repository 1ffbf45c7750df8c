// The tile in plain C++. It rounds each product pair as vdpbf16ps does: first the odd, then the even elements, fused, in float32.
#include <cmath>
#include <cstring>

#include "tile.h"

namespace {

struct Portable {
    static constexpr int kLanes = 16;
    static constexpr int kFlop = 64;
    struct Sum { float lane[kLanes]; };
    struct Cells { spmd_cell lane[kLanes]; };

    static Sum zero() { return {}; }
    static float first(const Sum& sum) { return sum.lane[0]; }
    static Sum load(const float* source) { Sum value; std::memcpy(value.lane, source, sizeof value.lane); return value; }
    static Cells load(const spmd_cell* source) { Cells value; std::memcpy(value.lane, source, sizeof value.lane); return value; }
    static void store(float* target, const Sum& value) { std::memcpy(target, value.lane, sizeof value.lane); }

    static Cells broadcast(spmd_cell cell) {
        Cells value;
        for (spmd_cell& lane : value.lane) lane = cell;
        return value;
    }

    static float widen(uint32_t bits) { float value; std::memcpy(&value, &bits, sizeof value); return value; }

    static Sum dot(Sum sum, const Cells& left, const Cells& right) {
        for (int lane = 0; lane < kLanes; lane++) {
            spmd_cell a = left.lane[lane], b = right.lane[lane];
            float odd = std::fma(widen(a & 0xFFFF0000u), widen(b & 0xFFFF0000u), sum.lane[lane]);
            sum.lane[lane] = std::fma(widen(a << 16), widen(b << 16), odd);
        }
        return sum;
    }
};

}  // namespace

extern const Kernel portable_kernel = {Portable::kLanes, tile<Portable, 2>, tile<Portable, 1>, chains<Portable>};
