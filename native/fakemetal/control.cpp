// The exported functions tests call; a Mac has none of them.
#include "control.h"

#include <cstring>
#include <mutex>
#include <string>

#include "../emu/emulator.h"
#include "capture.h"
#include "objc_runtime.h"
#include "wiring.h"

namespace fake {

Control& control() {
    static Control instance;
    return instance;
}

static std::atomic<int64_t>* numeric_option(const char* name) {
    Control& c = control();
    const struct {
        const char* name;
        std::atomic<int64_t>* value;
    } options[] = {
        {"maxBufferLength", &c.maxBufferLength},
        {"recommendedMaxWorkingSetSize", &c.recommendedMaxWorkingSetSize},
        {"hostMemoryBytes", &c.hostMemoryBytes},
        {"gpuFamily", &c.gpuFamily},
        {"reverseConcurrentWork", &c.reverseConcurrentWork},
        {"stalledCommandBuffers", &c.stalledCommandBuffers},
        {"failingCommandBuffers", &c.failingCommandBuffers},
        {"idleMicroseconds", &c.idleMicroseconds},
        {"wiringMicrosecondsPerBuffer", &c.wiringMicrosecondsPerBuffer},
        {"wiringBytesPerMicrosecond", &c.wiringBytesPerMicrosecond},
        {"dispatchMicroseconds", &c.dispatchMicroseconds},
        {"journal", &c.journal},
    };
    for (auto& option : options)
        if (!strcmp(option.name, name)) return option.value;
    return nullptr;
}

static std::mutex journalLock;
static std::string journal;

void note(char what) {
    if (!control().journal) return;
    std::lock_guard<std::mutex> guard(journalLock);
    journal += what;
}

}  // namespace fake

extern "C" {

// Adds a note of the test's own; 0 adds none. Returns how many there are.
int64_t fake_metal_note(char what) {
    if (what) fake::note(what);
    std::lock_guard<std::mutex> guard(fake::journalLock);
    return (int64_t)fake::journal.size();
}

// Moves the first notes, at most capacity, into text and returns how many they were; forgets all.
int64_t fake_metal_take_journal(char* text, int64_t capacity) {
    std::lock_guard<std::mutex> guard(fake::journalLock);
    const size_t moved = fake::journal.copy(text, (size_t)capacity);
    fake::journal.clear();
    return (int64_t)moved;
}

// The option's former value, or INT64_MIN when there is no such option.
int64_t fake_metal_set(const char* option, int64_t value) {
    using namespace fake;
    if (!strcmp(option, "residencySets")) {
        static int64_t present = 1;
        const int64_t former = present;
        present = value;
        hide_method("FakeMTLDevice", "newResidencySetWithDescriptor:error:", !value);
        return former;
    }
    if (!strcmp(option, "laneOrder")) {  // emulator::LaneOrder
        const int64_t former = (int64_t)emulator::options().laneOrder;
        emulator::options().laneOrder = (emulator::LaneOrder)value;
        return former;
    }
    std::atomic<int64_t>* target = numeric_option(option);
    return target ? target->exchange(value) : INT64_MIN;
}

int64_t fake_metal_host_memory_bytes() { return fake::control().hostMemoryBytes; }
int64_t fake_metal_clock_microseconds() { return fake::wiring_clock(); }
void fake_metal_advance_microseconds(int64_t microseconds) { fake::wiring_advance(microseconds); }
int64_t fake_metal_wirings() { return fake::wirings(); }
int64_t fake_metal_live_objects() { return fake::live_objects(); }

// Records every dispatch from now on into a file that native/emu/replay.cpp runs again; null ends the recording.
int fake_metal_capture(const char* path) { return fake::capture_to(path); }

}  // extern "C"
