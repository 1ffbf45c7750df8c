// A capture is a sequence of: this header, every bound buffer's bytes before the dispatch, every bound buffer's bytes after.
#pragma once
#include "emulator.h"

namespace capture {

struct BoundBuffer {
    uint64_t bytes;    // 0: nothing bound
    uint64_t address;  // where it was: two bindings may share memory
    uint64_t setBytes;
};

struct DispatchHeader {
    char kernel[64];
    emulator::Size groups, threads;
    uint64_t threadgroupBytes[emulator::ThreadgroupBindings];
    BoundBuffer bindings[emulator::BufferBindings];
};

}  // namespace capture
