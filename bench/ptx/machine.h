// Where the kernels run: a GPU behind NVIDIA's driver (gpu.cpp), or the emulator of native/emu (emulated.cpp). The linker chooses.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

struct Range {
    uint64_t address;
    size_t bytes;
};

struct Launch {
    std::string kernel;
    unsigned groupsX, groupsY, groupsZ, threads, threadgroupBytes;
};

// Every failure ends the program with one line: 1, or 77 when the machine is missing.
namespace machine {

// What it is, in words. The argument is the program's: the PTX file of a GPU, a choice or nothing (null) for the emulator.
std::string open(const char* argument);

// Names of all kernels it can run.
std::vector<std::string> kernels();

uint64_t allocate(size_t bytes);
void release(uint64_t address);
void upload(uint64_t to, const void* from, size_t bytes);
void download(void* to, uint64_t from, size_t bytes);

// Buffers take indices 0 … n − 1, the constants index n; they stay bound until the next call.
void bind(const std::vector<Range>& buffers, const void* constants, size_t constantBytes);

// Returns when the kernel has run.
void run(const Launch& launch);

// Seconds of one launch, the mean of several after as many unmeasured ones; 0 where time means nothing.
double measure(const Launch& launch);

// Bytes read plus bytes written in a second by the machine's own copy; 0 where time means nothing.
double copyBytesPerSecond();

}  // namespace machine
