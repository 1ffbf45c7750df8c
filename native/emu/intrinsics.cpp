// The entry points that include/msl/machine.h declares, each a call into the running threadgroup.
#include <map>

#include "threadgroup.h"

namespace emulator {

static std::map<std::string, Kernel>& kernels() {
    static std::map<std::string, Kernel> table;
    return table;
}

const Kernel* find_kernel(const std::string& name) {
    auto found = kernels().find(name);
    return found == kernels().end() ? nullptr : &found->second;
}

std::vector<std::string> kernel_names() {
    std::vector<std::string> names;
    for (auto& [name, kernel] : kernels()) names.push_back(name);
    return names;
}

}  // namespace emulator

using emulator::Threadgroup;

namespace msl {
extern "C" {

const ThreadPosition* msl_position() { return &Threadgroup::current().lane().position; }

void* msl_binding(BindingKind kind, int index, size_t minimumBytes, size_t alignment) {
    return Threadgroup::current().binding(kind, index, minimumBytes, alignment);
}

void msl_simdgroup_operation(void* slot, CombineLanes combine, const char* name, int line) {
    emulator::Lane& lane = Threadgroup::current().lane();
    lane.slot = slot;
    lane.combine = combine;
    lane.operation = name;
    lane.line = line;
    lane.state = emulator::LaneState::AtSimdgroupOperation;
    Threadgroup::current().suspend();
}

void msl_barrier(BarrierScope scope, const char* name, int line) { Threadgroup::current().barrier(scope, name, line); }

void msl_register_kernel(const char* name, void (*entry)()) {
    emulator::kernels()[name] = emulator::Kernel{name, entry};
}

}  // extern "C"
}  // namespace msl
