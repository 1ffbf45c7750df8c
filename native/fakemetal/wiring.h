// Driver processing on a virtual clock: a buffer is wired by its first use on the GPU and unwired after a time without
// use. No sleeping, so a test's numbers are the same on every machine.
#pragma once
#include <atomic>
#include <cstdint>

namespace fake {

struct WiredRange {
    std::atomic<int64_t> lastUseMicroseconds{INT64_MIN};
};

// The GPU uses a buffer, or a residency request names it: wires it if it is not wired, and charges the clock.
void wire(WiredRange& range, int64_t bytes);
int64_t wiring_clock();
void wiring_advance(int64_t microseconds);
int64_t wirings();

}  // namespace fake
