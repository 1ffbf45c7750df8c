#include "threadgroup.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace emulator {

static thread_local Threadgroup* active;

Threadgroup& Threadgroup::current() { return *active; }

Threadgroup::Threadgroup(const Kernel& kernel, Size groups, Size threads, const Arguments& arguments, void* allGroupsDone)
    : kernel(kernel), groups(groups), threads(threads), arguments(arguments), allGroupsDone(allGroupsDone) {
    active = this;
    lanes.resize(threads.x * threads.y * threads.z);
    order.resize(lanes.size());
    for (unsigned i = 0; i < order.size(); i++)
        order[i] = options().laneOrder == LaneOrder::Reverse ? (unsigned)order.size() - 1 - i : i;
}

Threadgroup::~Threadgroup() {
    for (auto& blocks : memory)
        for (void* block : blocks) free(block);
#ifdef EMULATOR_TSAN
    delete stacks;
#else
    if (stacks) return_stacks(stacks);
#endif
    active = nullptr;
}

std::string Threadgroup::run(unsigned index) {
#ifdef EMULATOR_TSAN
    // Recycled stacks would look shared between threadgroups: every group gets fresh ones.
    delete stacks;
    stacks = new FiberStacks((unsigned)lanes.size());
#else
    if (!stacks) stacks = borrow_stacks((unsigned)lanes.size());
#endif
    poison_memory();
    place_lanes(index);
    if (options().laneOrder == LaneOrder::Shuffled) shuffle(index);
    std::string result = run_lanes();
    for (Lane& lane : lanes) lane.fiber.discard();
    return result;
}

// Threadgroup memory starts as NaN: a kernel that reads before it writes shows.
void Threadgroup::poison_memory() {
    for (int i = 0; i < ThreadgroupBindings; i++) {
        const size_t bytes = arguments.threadgroupBytes[i];
        if (!bytes) continue;
#ifdef EMULATOR_TSAN
        const bool reuse = false;  // a reused block would carry the accesses of the previous group
#else
        const bool reuse = !memory[i].empty();
#endif
        if (!reuse) memory[i].push_back(aligned_alloc(16, (bytes + 15) / 16 * 16));
        memset(memory[i].back(), 0xFF, bytes);
    }
}

void Threadgroup::place_lanes(unsigned index) {
    const unsigned count = (unsigned)lanes.size();
    unfinished = count;
    error.clear();
    for (unsigned i = 0; i < count; i++) {
        Lane& lane = lanes[i];
        lane.state = LaneState::Ready;
        lane.slot = nullptr;
        msl::ThreadPosition& p = lane.position;
        p.threadgroup_position_in_grid = {index % groups.x, index / groups.x % groups.y, index / groups.x / groups.y};
        p.thread_position_in_threadgroup = {i % threads.x, i / threads.x % threads.y, i / threads.x / threads.y};
        p.threads_per_threadgroup = {threads.x, threads.y, threads.z};
        p.threadgroups_per_grid = {groups.x, groups.y, groups.z};
        p.thread_index_in_threadgroup = i;
        p.thread_index_in_simdgroup = i % SimdWidth;
        p.simdgroup_index_in_threadgroup = i / SimdWidth;
        p.simdgroups_per_threadgroup = (count + SimdWidth - 1) / SimdWidth;
        lane.fiber.prepare(stacks->bottom(i), lane_entry);
    }
}

void Threadgroup::shuffle(unsigned seed) {
    seed = seed * 2654435761u + 1;
    for (unsigned i = (unsigned)order.size(); i > 1; i--) {
        seed = seed * 1664525u + 1013904223u;
        std::swap(order[i - 1], order[(seed >> 8) % i]);
    }
}

void Threadgroup::lane_entry() {
    Threadgroup& self = *active;
    self.home.arrived();
    self.kernel.entry();
    self.running->state = LaneState::Returned;
    happens_before(self.allGroupsDone);
    self.home.leave(self.running->fiber, true);
    abort();
}

void Threadgroup::suspend() { home.leave(running->fiber, false); }

void Threadgroup::barrier(msl::BarrierScope scope, const char* name, int line) {
    Lane& lane = *running;
    lane.operation = name;
    lane.line = line;
    lane.scope = scope;
    lane.state = LaneState::AtBarrier;
    void* key = scope == msl::BarrierScope::Threadgroup
                    ? (void*)this
                    : (void*)&lanes[lane.position.simdgroup_index_in_threadgroup * SimdWidth];
    happens_before(key);
    suspend();
    happens_after(key);
}

void* Threadgroup::binding(msl::BindingKind kind, int index, size_t minimumBytes, size_t alignment) {
    if (kind == msl::BindingKind::ThreadgroupMemory) {
        if (index >= ThreadgroupBindings || memory[index].empty())
            fault("no threadgroup memory is set at index " + std::to_string(index));
        return memory[index].back();
    }
    if (index >= BufferBindings || !arguments.buffers[index].pointer)
        fault("nothing is bound to buffer " + std::to_string(index));
    const Binding& bound = arguments.buffers[index];
    if (bound.bytes < minimumBytes || (bound.setBytes && minimumBytes && bound.bytes != minimumBytes))
        fault("buffer " + std::to_string(index) + " has " + std::to_string(bound.bytes) + " bytes, its type " +
              std::to_string(minimumBytes));
    if ((uintptr_t)bound.pointer % alignment)
        fault("buffer " + std::to_string(index) + " is not aligned to the " + std::to_string(alignment) + " bytes of its type");
    return bound.pointer;
}

void Threadgroup::fault(std::string what) {
    running->state = LaneState::Faulted;
    error = what + ": " + describe(*running);
    suspend();
    abort();
}

std::string Threadgroup::run_lanes() {
    while (unfinished) {
        if (!run_ready_lanes()) return error;
        if (!unfinished) break;
        if (release_simdgroups()) continue;
        if (!error.empty() || !release_threadgroup_barrier()) return error;
    }
    return {};
}

bool Threadgroup::run_ready_lanes() {
    for (unsigned i : order) {
        if (lanes[i].state != LaneState::Ready) continue;
        running = &lanes[i];
        home.enter(lanes[i].fiber);
        if (lanes[i].state == LaneState::Faulted) return false;
        if (lanes[i].state == LaneState::Returned) unfinished--;
    }
    return true;
}

bool Threadgroup::release_simdgroups() {
    bool released = false;
    for (unsigned first = 0; first < lanes.size() && error.empty(); first += SimdWidth)
        released |= release_simdgroup(&lanes[first], std::min<unsigned>(SimdWidth, (unsigned)lanes.size() - first));
    return released && error.empty();
}

// Every lane that has not returned must be at the same operation, as on hardware without independent thread scheduling.
bool Threadgroup::release_simdgroup(Lane* group, unsigned width) {
    Lane* first = nullptr;
    void* slots[SimdWidth] = {};
    for (unsigned i = 0; i < width; i++) {
        Lane& lane = group[i];
        if (lane.state == LaneState::Returned) continue;
        if (!first) first = &lane;
        if (lane.state != first->state || lane.line != first->line || lane.operation != first->operation) {
            error = "divergent lanes: " + describe(*first) + ", but " + describe(lane);
            return false;
        }
        slots[i] = lane.slot;
    }
    if (!first) return false;
    if (first->state == LaneState::AtSimdgroupOperation)
        first->combine(slots, width);
    else if (first->scope == msl::BarrierScope::Threadgroup)
        return false;
    for (unsigned i = 0; i < width; i++)
        if (group[i].state != LaneState::Returned) group[i].state = LaneState::Ready;
    return true;
}

// Nobody may have returned, and all must be at the same barrier.
bool Threadgroup::release_threadgroup_barrier() {
    const Lane* waiting = nullptr;
    for (const Lane& lane : lanes)
        if (lane.state == LaneState::AtBarrier) waiting = &lane;
    for (Lane& lane : lanes)
        if (lane.state != LaneState::AtBarrier || lane.line != waiting->line) {
            error = "divergent barrier: " + describe(*waiting) + ", but " + describe(lane);
            return false;
        }
    for (Lane& lane : lanes) lane.state = LaneState::Ready;
    return true;
}

std::string Threadgroup::describe(const Lane& lane) const {
    const msl::ThreadPosition& p = lane.position;
    std::string text = "thread " + std::to_string(p.thread_index_in_threadgroup) + " (simdgroup " +
                       std::to_string(p.simdgroup_index_in_threadgroup) + ", lane " + std::to_string(p.thread_index_in_simdgroup) +
                       ") of threadgroup (" + std::to_string(p.threadgroup_position_in_grid.x) + ", " +
                       std::to_string(p.threadgroup_position_in_grid.y) + ", " + std::to_string(p.threadgroup_position_in_grid.z) +
                       ") of " + kernel.name;
    if (lane.state == LaneState::Returned) return text + " has returned";
    if (lane.state == LaneState::Faulted) return text;
    return text + " waits in " + lane.operation + ", line " + std::to_string(lane.line);
}

}  // namespace emulator
