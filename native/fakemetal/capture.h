// Recording of dispatches, so that the same work can be run again by tools the host cannot run under: ThreadSanitizer and
// AddressSanitizer builds of the kernels, in other lane orders. The file is read by native/emu/replay.cpp.
#pragma once
#include "../emu/emulator.h"

namespace fake {

// 0, or -1 when the file cannot be written. A null path ends the recording.
int capture_to(const char* path);

// Records one dispatch: arguments when it is made, results when it is finished. Does nothing when no file is open.
class CapturedDispatch {
public:
    CapturedDispatch(const emulator::Kernel& kernel, emulator::Size groups, emulator::Size threads, const emulator::Arguments& arguments);
    void finish();

private:
    const emulator::Arguments& arguments;
};

}  // namespace fake
