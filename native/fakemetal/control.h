// What tests set and read in the fake device: limits, scheduling, the virtual clock, faults on demand.
#pragma once
#include <atomic>
#include <cstdint>

namespace fake {

enum : int64_t { PageBytes = 16384 };  // Apple silicon's page, enforced here too

struct Control {
    std::atomic<int64_t> maxBufferLength{64LL << 30};
    std::atomic<int64_t> recommendedMaxWorkingSetSize{128LL << 30};
    std::atomic<int64_t> hostMemoryBytes{192LL << 30};
    std::atomic<int64_t> gpuFamily{1008};            // MTLGPUFamilyApple8: M2
    std::atomic<int64_t> reverseConcurrentWork{1};   // runs dispatches between two barriers last to first
    std::atomic<int64_t> stalledCommandBuffers{0};   // so many coming command buffers never finish
    std::atomic<int64_t> failingCommandBuffers{0};   // so many coming command buffers end with an error

    // The wiring model: after how long without use the driver unwires a buffer, and what wiring costs. One limit explains
    // both curves of RACS '24, Figure 4, with a pause of t after each of 40 layers: a matrix of its own is used again after
    // 40 · t (flat up to 8 ms, slow from 16 ms), one array of all matrices after t (flat up to 512 ms).
    std::atomic<int64_t> idleMicroseconds{600'000};
    std::atomic<int64_t> wiringMicrosecondsPerBuffer{100};
    std::atomic<int64_t> wiringBytesPerMicrosecond{40'000};  // 15.9 GB in 400 ms
    std::atomic<int64_t> dispatchMicroseconds{20};
    std::atomic<int64_t> journal{0};  // 1: what the host does is noted
};
Control& control();

// Notes what the host does, in its order: 'd' a dispatch encoded, 'c' a command buffer committed. Nothing while nobody reads.
void note(char what);

}  // namespace fake
