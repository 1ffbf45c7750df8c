// SIMT emulator: runs a kernel's grid on the CPU, one fiber a GPU thread. See native/metal/README.md.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace emulator {

enum : int { BufferBindings = 31, ThreadgroupBindings = 4 };

struct Size {
    uint32_t x, y, z;
};

// What is bound to one [[buffer(n)]]; a null pointer is "nothing bound".
struct Binding {
    void* pointer = nullptr;
    size_t bytes = 0;
    bool setBytes = false;  // bound by setBytes: the length must be the argument's own
};

struct Arguments {
    Binding buffers[BufferBindings];
    size_t threadgroupBytes[ThreadgroupBindings] = {};
};

struct Kernel {
    std::string name;
    void (*entry)();
};

// The order in which ready lanes run. A result that depends on it is a bug in the kernel.
enum class LaneOrder { Forward, Reverse, Shuffled };

struct Options {
    LaneOrder laneOrder = LaneOrder::Forward;
    unsigned workers = 0;  // OS threads; 0: as many as processors
};
Options& options();

// Null when no kernel has that name.
const Kernel* find_kernel(const std::string& name);
std::vector<std::string> kernel_names();

// Runs the whole grid and returns an empty string, or what went wrong: a divergent barrier, an unbound buffer, …
std::string dispatch(const Kernel& kernel, Size groups, Size threadsPerGroup, const Arguments& arguments);

}  // namespace emulator
