#include "wiring.h"

#include "control.h"

namespace fake {

static std::atomic<int64_t> clockMicroseconds{0};
static std::atomic<int64_t> wiringCount{0};

void wire(WiredRange& range, int64_t bytes) {
    const Control& c = control();
    const int64_t now = clockMicroseconds;
    const int64_t lastUse = range.lastUseMicroseconds;
    const bool wired = lastUse != INT64_MIN && now - lastUse <= c.idleMicroseconds;
    if (!wired) {
        wiringCount++;
        clockMicroseconds += c.wiringMicrosecondsPerBuffer + bytes / c.wiringBytesPerMicrosecond;
    }
    range.lastUseMicroseconds = clockMicroseconds.load();
}

int64_t wiring_clock() { return clockMicroseconds; }
void wiring_advance(int64_t microseconds) { clockMicroseconds += microseconds; }
int64_t wirings() { return wiringCount; }

}  // namespace fake
