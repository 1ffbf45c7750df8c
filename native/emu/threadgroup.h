// One threadgroup at a time on one OS thread: its lanes, their states, and the rendezvous between them.
#pragma once
#include <string>
#include <vector>

#include "emulator.h"
#include "fiber.h"
#include "include/msl/types.h"
#include "include/msl/machine.h"

namespace emulator {

enum : unsigned { SimdWidth = 32 };

enum class LaneState { Ready, AtSimdgroupOperation, AtBarrier, Returned, Faulted };

struct Lane {
    Fiber fiber;
    msl::ThreadPosition position;
    LaneState state;
    // What it waits in, for the rendezvous and for error messages.
    const char* operation;
    int line;
    void* slot;
    msl::CombineLanes combine;
    msl::BarrierScope scope;
};

class Threadgroup {
public:
    Threadgroup(const Kernel& kernel, Size groups, Size threads, const Arguments& arguments, void* allGroupsDone);
    ~Threadgroup();
    Threadgroup(const Threadgroup&) = delete;

    // Runs threadgroup `index` of the grid; an empty string, or what went wrong.
    std::string run(unsigned index);

    // Called by the running lane, on its own stack.
    static Threadgroup& current();
    Lane& lane() { return *running; }
    void suspend();
    void* binding(msl::BindingKind kind, int index, size_t minimumBytes, size_t alignment);
    void barrier(msl::BarrierScope scope, const char* name, int line);

private:
    static void lane_entry();
    void place_lanes(unsigned index);
    void poison_memory();
    void shuffle(unsigned seed);
    std::string run_lanes();
    bool run_ready_lanes();
    bool release_simdgroups();
    bool release_simdgroup(Lane* lanes, unsigned width);
    bool release_threadgroup_barrier();
    [[noreturn]] void fault(std::string what);
    std::string describe(const Lane& lane) const;

    const Kernel& kernel;
    const Size groups, threads;
    const Arguments& arguments;
    void* allGroupsDone;
    FiberHome home;
    FiberStacks* stacks = nullptr;
    std::vector<Lane> lanes;
    std::vector<unsigned> order;
    std::vector<void*> memory[ThreadgroupBindings];
    Lane* running = nullptr;
    unsigned unfinished = 0;
    std::string error;
};

}  // namespace emulator
