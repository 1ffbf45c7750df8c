// The Metal objects of the fake device.
#pragma once
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "../emu/emulator.h"
#include "objc_runtime.h"
#include "wiring.h"

namespace fake {

typedef unsigned long NSUInteger;
struct MTLSize {
    NSUInteger width, height, depth;
};

// Ends the process as Metal's validation layer does.
[[noreturn]] void assertion_failed(const char* method, const std::string& what);
inline void require(bool condition, const char* method, const std::string& what) {
    if (!condition) assertion_failed(method, what);
}

struct String : Object {
    explicit String(std::string text) : Object("NSString"), text(std::move(text)) {}
    std::string text;
};

struct Error : Object {
    explicit Error(std::string description) : Object("NSError"), description(std::move(description)) {}
    std::string description;
};

struct Device : Object {
    Device() : Object("FakeMTLDevice") {}
};

enum class StorageMode : NSUInteger { Shared = 0, Managed = 1, Private = 2, Memoryless = 3 };

struct Buffer : Object {
    Buffer(void* contents, size_t length, StorageMode mode, bool owned)
        : Object("FakeMTLBuffer"), contents((char*)contents), length(length), mode(mode), owned(owned) {}
    ~Buffer() override;
    char* contents;
    size_t length;
    StorageMode mode;
    bool owned;
    WiredRange wired;
};
// Unretained command buffers hold plain pointers: whether the buffer still exists is checked when they run.
void buffer_created(Buffer* buffer);
bool buffer_exists(const Buffer* buffer);

struct Library : Object {
    Library() : Object("FakeMTLLibrary") {}
};

struct Function : Object {
    explicit Function(const emulator::Kernel* kernel) : Object("FakeMTLFunction"), kernel(kernel) {}
    const emulator::Kernel* kernel;
};

struct Pipeline : Object {
    explicit Pipeline(const emulator::Kernel* kernel) : Object("FakeMTLComputePipelineState"), kernel(kernel) {}
    const emulator::Kernel* kernel;
};

struct SharedEvent : Object {
    SharedEvent() : Object("FakeMTLSharedEvent") {}
    std::mutex lock;
    uint64_t value = 0;
};

struct CommandQueue;

struct ResidencySet : Object {
    ResidencySet() : Object("FakeMTLResidencySet") {}
    ~ResidencySet() override;
    std::set<Buffer*> pending, removed, allocations;
    CommandQueue* queue = nullptr;  // that it was added to
};

// One dispatch as encoded, or a barrier between dispatches, or a signal.
struct Command {
    enum class Kind { Dispatch, Barrier, Signal } kind;
    const emulator::Kernel* kernel = nullptr;
    emulator::Size groups{}, threads{};
    Buffer* buffers[emulator::BufferBindings] = {};
    size_t offsets[emulator::BufferBindings] = {};
    std::string bytes[emulator::BufferBindings];
    size_t threadgroupBytes[emulator::ThreadgroupBindings] = {};
    SharedEvent* event = nullptr;
    uint64_t value = 0;
};

enum class Status : NSUInteger { NotEnqueued = 0, Committed = 2, Completed = 4, Error = 5 };

struct CommandBuffer : Object {
    explicit CommandBuffer(CommandQueue* queue);
    ~CommandBuffer() override;
    void run();
    CommandQueue* queue;
    std::vector<Command> commands;
    bool encoding = false;
    std::mutex lock;
    Status status = Status::NotEnqueued;
    std::string error;

private:
    void run_concurrently(size_t first, size_t end);
    void run_dispatch(Command& command);
};

struct ComputeEncoder : Object {
    ComputeEncoder(CommandBuffer* commands, bool concurrent);
    ~ComputeEncoder() override;
    CommandBuffer* commands;
    bool concurrent;
    bool ended = false;
    bool hasPipeline = false;
    Command state{Command::Kind::Dispatch};
};

// Runs committed command buffers in order on a thread of its own, as a GPU queue does.
struct CommandQueue : Object {
    CommandQueue();
    ~CommandQueue() override;
    void submit(CommandBuffer* commands);
    std::set<ResidencySet*> residencySets;
    std::atomic<bool> hasWorked{false};

private:
    void run();
    std::mutex lock;
    std::condition_variable changed;
    std::deque<CommandBuffer*> pending;
    bool stopping = false;
    std::thread worker;
};

}  // namespace fake
