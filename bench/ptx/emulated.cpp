// The machine without a GPU: the same checks on the emulator, so that all of this folder but gpu.cpp runs anywhere.
#include "machine.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "../../native/emu/emulator.h"

namespace {

emulator::Arguments arguments;
std::vector<char> boundConstants;

}  // namespace

namespace machine {

std::string open(const char* argument) {
    const std::string order = argument ? argument : "";
    if (order == "--reverse") {
        emulator::options().laneOrder = emulator::LaneOrder::Reverse;
    } else if (order == "--shuffled") {
        emulator::options().laneOrder = emulator::LaneOrder::Shuffled;
    } else if (!order.empty() && order != "--large") {
        fprintf(stderr, "ptx: %s: unknown; usage: run_emulated [--large | --reverse | --shuffled]\n", argument);
        exit(2);
    }
    return "emulator (no GPU: results are checked, nothing is measured)";
}

std::vector<std::string> kernels() { return emulator::kernel_names(); }

uint64_t allocate(size_t bytes) { return (uint64_t)aligned_alloc(64, (bytes + 63) / 64 * 64); }
void release(uint64_t address) { free((void*)address); }
void upload(uint64_t to, const void* from, size_t bytes) { memcpy((void*)to, from, bytes); }
void download(void* to, uint64_t from, size_t bytes) { memcpy(to, (const void*)from, bytes); }

void bind(const std::vector<Range>& buffers, const void* constants, size_t constantBytes) {
    arguments = {};
    size_t index = 0;
    for (const Range& range : buffers) arguments.buffers[index++] = {(void*)range.address, range.bytes};
    boundConstants.assign((const char*)constants, (const char*)constants + constantBytes);
    arguments.buffers[index] = {boundConstants.data(), constantBytes, true};
}

void run(const Launch& launch) {
    const emulator::Kernel* kernel = emulator::find_kernel(launch.kernel);
    arguments.threadgroupBytes[0] = launch.threadgroupBytes;
    const std::string error = kernel ? emulator::dispatch(*kernel, {launch.groupsX, launch.groupsY, launch.groupsZ}, {launch.threads, 1, 1}, arguments)
                                     : "no such kernel";
    if (error.empty()) return;
    fprintf(stderr, "ptx: %s: %s\n", launch.kernel.c_str(), error.c_str());
    exit(1);
}

double measure(const Launch&) { return 0; }
double copyBytesPerSecond() { return 0; }

}  // namespace machine
