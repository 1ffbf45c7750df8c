// A stack of its own that can be entered and left: what lets 1,024 GPU threads wait for each other on one OS thread.
#pragma once
#include <cstddef>

namespace emulator {

// Stacks for many fibers in one reservation; only touched pages cost memory.
class FiberStacks {
public:
    enum : size_t { BytesEach = 128 << 10 };
    explicit FiberStacks(unsigned count);
    ~FiberStacks();
    FiberStacks(const FiberStacks&) = delete;
    char* bottom(unsigned index) const { return memory + index * BytesEach; }
    unsigned size() const { return count; }

private:
    char* memory;
    unsigned count;
};

// Stacks are kept for the next grid: mapping and touching them anew costs more than a small grid itself.
FiberStacks* borrow_stacks(unsigned count);
void return_stacks(FiberStacks* stacks);

struct Fiber {
    void* stackPointer = nullptr;
    char* stackBottom = nullptr;
    void* threadSanitizerFiber = nullptr;
    void* addressSanitizerStack = nullptr;

    // Makes the next enter() call `entry`, which must end in leave(true).
    void prepare(char* stack, void (*entry)());
    void discard();
};

// The OS thread's own side of the switch.
struct FiberHome {
    void* stackPointer = nullptr;
    void* threadSanitizerFiber = nullptr;
    void* addressSanitizerStack = nullptr;
    const void* stackBottom = nullptr;
    size_t stackBytes = 0;

    FiberHome();
    void enter(Fiber& fiber);             // from home into the fiber
    void leave(Fiber& fiber, bool last);  // from the fiber back home
    void arrived();                       // first thing a fresh fiber does
};

// Orders memory accesses for ThreadSanitizer; nothing in other builds.
void happens_before(void* key);
void happens_after(void* key);

}  // namespace emulator
