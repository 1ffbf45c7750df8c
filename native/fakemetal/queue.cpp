// MTLCommandQueue and the running side of MTLCommandBuffer.
#include <algorithm>

#include "capture.h"
#include "control.h"
#include "objects.h"

namespace fake {

CommandBuffer::CommandBuffer(CommandQueue* queue) : Object("FakeMTLCommandBuffer"), queue(queue) { objc_retain(queue); }
CommandBuffer::~CommandBuffer() { objc_release(queue); }

void CommandBuffer::run() {
    queue->hasWorked = true;
    if (control().failingCommandBuffers > 0) {
        control().failingCommandBuffers--;
        error = "Caused GPU Hang Error (injected)";
    }
    for (size_t first = 0; first < commands.size() && error.empty();) {
        if (commands[first].kind == Command::Kind::Signal) {
            std::lock_guard<std::mutex> guard(commands[first].event->lock);
            commands[first].event->value = commands[first].value;
        }
        size_t end = first;
        while (end < commands.size() && commands[end].kind == Command::Kind::Dispatch) end++;
        run_concurrently(first, end);
        first = end == first ? first + 1 : end;
    }
    std::lock_guard<std::mutex> guard(lock);
    status = error.empty() ? Status::Completed : Status::Error;
}

// Dispatches without a barrier between them may run in any order on the GPU. Here they run last to first, so that a
// forgotten barrier gives wrong numbers instead of a rare failure on somebody's Mac.
void CommandBuffer::run_concurrently(size_t first, size_t end) {
    std::vector<Command*> order;
    for (size_t i = first; i < end; i++) order.push_back(&commands[i]);
    if (control().reverseConcurrentWork) std::reverse(order.begin(), order.end());
    for (Command* command : order)
        if (error.empty()) run_dispatch(*command);
}

void CommandBuffer::run_dispatch(Command& command) {
    emulator::Arguments arguments;
    for (int i = 0; i < emulator::BufferBindings; i++) {
        emulator::Binding& binding = arguments.buffers[i];
        if (!command.bytes[i].empty()) {
            binding = {command.bytes[i].data(), command.bytes[i].size(), true};
        } else if (Buffer* buffer = command.buffers[i]) {
            require(buffer_exists(buffer), "MTLCommandBuffer run", "a buffer used by " + command.kernel->name + " was released before it ran");
            wire(buffer->wired, (int64_t)buffer->length);
            binding = {buffer->contents + command.offsets[i], buffer->length - command.offsets[i], false};
        }
    }
    std::copy(std::begin(command.threadgroupBytes), std::end(command.threadgroupBytes), arguments.threadgroupBytes);
    wiring_advance(control().dispatchMicroseconds);
    CapturedDispatch capture(*command.kernel, command.groups, command.threads, arguments);
    error = emulator::dispatch(*command.kernel, command.groups, command.threads, arguments);
    capture.finish();
}

CommandQueue::CommandQueue() : Object("FakeMTLCommandQueue") {
    worker = std::thread([this] { run(); });
}

CommandQueue::~CommandQueue() {
    {
        std::lock_guard<std::mutex> guard(lock);
        stopping = true;
    }
    changed.notify_all();
    if (worker.get_id() == std::this_thread::get_id())
        worker.detach();  // the last command buffer released the queue
    else
        worker.join();
    for (ResidencySet* set : residencySets) {
        set->queue = nullptr;
        objc_release(set);
    }
}

void CommandQueue::submit(CommandBuffer* commands) {
    objc_retain(commands);
    {
        std::lock_guard<std::mutex> guard(lock);
        pending.push_back(commands);
    }
    changed.notify_all();
}

void CommandQueue::run() {
    for (;;) {
        CommandBuffer* commands;
        {
            std::unique_lock<std::mutex> guard(lock);
            changed.wait(guard, [&] { return stopping || !pending.empty(); });
            if (pending.empty()) return;
            commands = pending.front();
            pending.pop_front();
        }
        commands->run();
        objc_release(commands);
    }
}

static void encode_signal(id self, SEL, id event, uint64_t value) {
    auto* commands = as<CommandBuffer>(self);
    const char* name = "MTLCommandBuffer encodeSignalEvent:value:";
    require(event, name, "event must not be nil");
    require(!commands->encoding, name, "a command encoder is still encoding");
    require(commands->status == Status::NotEnqueued, name, "command buffer is already committed");
    Command command{Command::Kind::Signal};
    command.event = as<SharedEvent>(event);
    command.value = value;
    commands->commands.push_back(std::move(command));
}

static void commit(id self, SEL) {
    auto* commands = as<CommandBuffer>(self);
    require(!commands->encoding, "MTLCommandBuffer commit", "commit command buffer with uncommitted encoder");
    require(commands->status == Status::NotEnqueued, "MTLCommandBuffer commit", "command buffer is already committed");
    commands->status = Status::Committed;
    note('c');
    if (control().stalledCommandBuffers > 0)
        control().stalledCommandBuffers--;
    else
        commands->queue->submit(commands);
}

[[maybe_unused]] static const bool registered = [] {
    const char* buffer = "FakeMTLCommandBuffer";
    method("FakeMTLCommandQueue", "commandBufferWithUnretainedReferences",
           [](id self, SEL) { return autorelease(new CommandBuffer(as<CommandQueue>(self))); });
    method(buffer, "encodeSignalEvent:value:", encode_signal);
    method(buffer, "commit", commit);
    method(buffer, "status", [](id self, SEL) -> NSUInteger {
        std::lock_guard<std::mutex> guard(as<CommandBuffer>(self)->lock);
        return (NSUInteger)as<CommandBuffer>(self)->status;
    });
    method(buffer, "error", [](id self, SEL) -> id {
        auto* commands = as<CommandBuffer>(self);
        std::lock_guard<std::mutex> guard(commands->lock);
        return commands->status == Status::Error ? autorelease(new Error(commands->error)) : nullptr;
    });
    return true;
}();

}  // namespace fake
