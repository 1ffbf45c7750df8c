// MTLResidencySet: a requested set keeps its allocations wired for as long as requests keep coming.
#include "objects.h"

namespace fake {

ResidencySet::~ResidencySet() {
    for (Buffer* buffer : allocations) objc_release(buffer);
    for (Buffer* buffer : pending) objc_release(buffer);
}

static id new_residency_set(id, SEL, id descriptor, id*) {
    require(descriptor, "MTLDevice newResidencySetWithDescriptor:error:", "descriptor must not be nil");
    return new ResidencySet;
}

static void add_allocation(id self, SEL, id buffer) {
    require(buffer, "MTLResidencySet addAllocation:", "allocation must not be nil");
    if (as<ResidencySet>(self)->pending.insert(as<Buffer>(buffer)).second) objc_retain(buffer);
}

static void remove_allocation(id self, SEL, id buffer) {
    auto* set = as<ResidencySet>(self);
    require(set->allocations.count(as<Buffer>(buffer)) || set->pending.count(as<Buffer>(buffer)), "MTLResidencySet removeAllocation:",
            "the allocation is not in the set");
    set->removed.insert(as<Buffer>(buffer));
}

static void commit(id self, SEL) {
    auto* set = as<ResidencySet>(self);
    for (Buffer* buffer : set->pending)
        if (!set->allocations.insert(buffer).second) objc_release(buffer);
    set->pending.clear();
    for (Buffer* buffer : set->removed)
        if (set->allocations.erase(buffer)) objc_release(buffer);
    set->removed.clear();
}

static void request_residency(id self, SEL) {
    auto* set = as<ResidencySet>(self);
    require(set->pending.empty() && set->removed.empty(), "MTLResidencySet requestResidency", "allocations were changed but not committed");
    require(set->queue, "MTLResidencySet requestResidency", "the set was added to no command queue");
    for (Buffer* buffer : set->allocations) wire(buffer->wired, (int64_t)buffer->length);
}

static void end_residency(id self, SEL) {
    const CommandQueue* queue = as<ResidencySet>(self)->queue;
    require(!queue || queue->hasWorked, "MTLResidencySet endResidency", "the memory stays wired: no GPU work was ever done (ggml-org/llama.cpp #26082)");
}

static void add_residency_set(id self, SEL, id set) {
    enum : size_t { MostSets = 32 };
    const char* name = "MTLCommandQueue addResidencySet:";
    require(set, name, "set must not be nil");
    auto* queue = as<CommandQueue>(self);
    auto& sets = queue->residencySets;
    if (sets.insert(as<ResidencySet>(set)).second) objc_retain(set);
    require(sets.size() <= MostSets, name, "a command queue takes at most 32 residency sets");
    as<ResidencySet>(set)->queue = queue;
}

[[maybe_unused]] static const bool registered = [] {
    const char* set = "FakeMTLResidencySet";
    method("FakeMTLDevice", "newResidencySetWithDescriptor:error:", new_residency_set);
    method("MTLResidencySetDescriptor", "+new", [](id, SEL) -> id { return new Object("MTLResidencySetDescriptor"); });
    method(set, "addAllocation:", add_allocation);
    method(set, "removeAllocation:", remove_allocation);
    method(set, "commit", commit);
    method(set, "requestResidency", request_residency);
    method(set, "endResidency", end_residency);
    method("FakeMTLCommandQueue", "addResidencySet:", add_residency_set);
    return true;
}();

}  // namespace fake
