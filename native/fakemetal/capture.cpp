#include "capture.h"

#include <cstdio>
#include <cstring>
#include <mutex>

#include "../emu/capture_format.h"

namespace fake {

static std::mutex lock;
static FILE* file;

int capture_to(const char* path) {
    std::lock_guard<std::mutex> guard(lock);
    if (file) fclose(file);
    file = path ? fopen(path, "wb") : nullptr;
    return path && !file ? -1 : 0;
}

CapturedDispatch::CapturedDispatch(const emulator::Kernel& kernel, emulator::Size groups, emulator::Size threads,
                                   const emulator::Arguments& arguments)
    : arguments(arguments) {
    std::lock_guard<std::mutex> guard(lock);
    if (!file) return;
    capture::DispatchHeader header{};
    snprintf(header.kernel, sizeof header.kernel, "%s", kernel.name.c_str());
    header.groups = groups;
    header.threads = threads;
    for (int i = 0; i < emulator::ThreadgroupBindings; i++) header.threadgroupBytes[i] = arguments.threadgroupBytes[i];
    for (int i = 0; i < emulator::BufferBindings; i++) {
        const emulator::Binding& binding = arguments.buffers[i];
        header.bindings[i] = {binding.pointer ? binding.bytes : 0, (uint64_t)(uintptr_t)binding.pointer, binding.setBytes};
    }
    fwrite(&header, sizeof header, 1, file);
    for (const emulator::Binding& binding : arguments.buffers)
        if (binding.pointer) fwrite(binding.pointer, 1, binding.bytes, file);
}

void CapturedDispatch::finish() {
    std::lock_guard<std::mutex> guard(lock);
    if (!file) return;
    for (const emulator::Binding& binding : arguments.buffers)
        if (binding.pointer) fwrite(binding.pointer, 1, binding.bytes, file);
}

}  // namespace fake
