// The fake device must refuse what Metal's validation layer refuses. Every case makes one mistake in a process of its own,
// which must end as an assertion with the expected words. Run by the test suite; prints one line a case.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>

#include "objc_runtime.h"

extern "C" void objc_msgSend();
extern "C" id MTLCreateSystemDefaultDevice();
extern "C" const char* fake_metal_kernel_source();

namespace {

struct Size {
    unsigned long width, height, depth;
};

template <typename Result = id, typename... Arguments>
Result send(id receiver, const char* selector, Arguments... arguments) {
    return ((Result(*)(id, SEL, Arguments...))objc_msgSend)(receiver, sel_registerName(selector), arguments...);
}

id text(const char* characters) { return send((id)objc_getClass("NSString"), "stringWithUTF8String:", characters); }

// A kernel of the library that a correct program has.
id pipeline(id device, const char* kernel) {
    id library = send(device, "newLibraryWithSource:options:error:", text(fake_metal_kernel_source()), (id) nullptr, (id*)nullptr);
    return send(device, "newComputePipelineStateWithFunction:error:", send(library, "newFunctionWithName:", text(kernel)), (id*)nullptr);
}

// A device with an encoder open on `add`, as a correct program has it just before its dispatch.
struct Session {
    void* pool = objc_autoreleasePoolPush();
    id device = MTLCreateSystemDefaultDevice();
    id queue = send(device, "newCommandQueue");
    id commands = send(queue, "commandBufferWithUnretainedReferences");
    id encoder = nullptr;

    void open() { encoder = send(commands, "computeCommandEncoderWithDispatchType:", 1ul); }
    // Encodes one correct dispatch of `add` up to dispatchThreadgroups, with constants of so many bytes.
    void bind_add(id target, id addend, unsigned long constantBytes = 4) {
        open();
        send<void>(encoder, "setComputePipelineState:", pipeline(device, "add"));
        send<void>(encoder, "setBuffer:offset:atIndex:", target, 0ul, 0ul);
        send<void>(encoder, "setBuffer:offset:atIndex:", addend, 0ul, 1ul);
        const unsigned long count = 1;
        send<void>(encoder, "setBytes:length:atIndex:", (const void*)&count, constantBytes, 2ul);
    }
    void dispatch(Size groups, Size threads) { send<void>(encoder, "dispatchThreadgroups:threadsPerThreadgroup:", groups, threads); }
    // Runs what is encoded and, as the validation layer does, ends the process with what the GPU says about it.
    void run() {
        send<void>(encoder, "endEncoding");
        send<void>(commands, "commit");
        unsigned long status;
        while ((status = send<unsigned long>(commands, "status")) < 4) usleep(100);
        if (status == 4) return;
        fprintf(stderr, "%s\n", send<const char*>(send(send(commands, "error"), "localizedDescription"), "UTF8String"));
        abort();
    }
    id buffer(unsigned long bytes) { return send(device, "newBufferWithLength:options:", bytes, 0ul); }
    void dispatch() { dispatch({1, 1, 1}, {32, 1, 1}); }
};

struct Case {
    const char* name;
    const char* expected;
    std::function<void(Session&)> mistake;
};

id residency_set(Session& s) {
    return send(s.device, "newResidencySetWithDescriptor:error:", send((id)objc_getClass("MTLResidencySetDescriptor"), "new"), (id*)nullptr);
}

char* pages() { return (char*)mmap(nullptr, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }
const char* noCopy = "newBufferWithBytesNoCopy:length:options:deallocator:";

const Case cases[] = {
    {"unknown selector", "unrecognized selector", [](Session& s) { send(s.device, "newBufferWithLenght:options:", 16ul, 0ul); }},
    {"misaligned pointer", "not aligned to a page",
     [](Session& s) { send(s.device, noCopy, (void*)(pages() + 64), 16384ul, 0ul, (void*)nullptr); }},
    {"length not a multiple of the page", "not a multiple of 16384",
     [](Session& s) { send(s.device, noCopy, (void*)pages(), 1000ul, 0ul, (void*)nullptr); }},
    {"setBytes over 4 KiB", "must be <= 4096",
     [](Session& s) { s.open(); send<void>(s.encoder, "setBytes:length:atIndex:", (const void*)pages(), 4097ul, 0ul); }},
    {"buffer index 31", "must be < 31",
     [](Session& s) { s.open(); send<void>(s.encoder, "setBuffer:offset:atIndex:", s.buffer(16), 0ul, 31ul); }},
    {"offset past the end", "must be < [buffer length]",
     [](Session& s) { s.open(); send<void>(s.encoder, "setBuffer:offset:atIndex:", s.buffer(16), 16ul, 0ul); }},
    {"threadgroup memory not a multiple of 16", "multiple of 16",
     [](Session& s) { s.open(); send<void>(s.encoder, "setThreadgroupMemoryLength:atIndex:", 20ul, 0ul); }},
    {"threadgroup memory over 32 KiB", "must be <= 32768",
     [](Session& s) { s.open(); send<void>(s.encoder, "setThreadgroupMemoryLength:atIndex:", 32784ul, 0ul); }},
    {"dispatch without a pipeline", "pipeline state must be set", [](Session& s) { s.open(); s.dispatch(); }},
    {"commit with an open encoder", "uncommitted encoder", [](Session& s) { s.open(); send<void>(s.commands, "commit"); }},
    {"two encoders at once", "already encoding", [](Session& s) { s.open(); s.open(); }},
    {"encoding after endEncoding", "has ended", [](Session& s) { s.open(); send<void>(s.encoder, "endEncoding"); s.dispatch(); }},
    {"encoder released without endEncoding", "without endEncoding", [](Session& s) { s.open(); objc_autoreleasePoolPop(s.pool); }},
    {"commit twice", "already committed", [](Session& s) { send<void>(s.commands, "commit"); send<void>(s.commands, "commit"); }},
    {"encoding after commit", "already committed", [](Session& s) { send<void>(s.commands, "commit"); s.open(); }},
    {"1025 threads a threadgroup", "must be 1 … 1024",
     [](Session& s) { s.bind_add(s.buffer(4), s.buffer(4)); s.dispatch({1, 1, 1}, {1025, 1, 1}); }},
    {"no threadgroup", "threadgroupsPerGrid must be > 0",
     [](Session& s) { s.bind_add(s.buffer(4), s.buffer(4)); s.dispatch({1, 0, 1}, {32, 1, 1}); }},
    {"constants longer than the structure", "has 8 bytes, its type 4",
     [](Session& s) { s.bind_add(s.buffer(4), s.buffer(4), 8); s.dispatch(); s.run(); }},
    {"constants shorter than the structure", "has 2 bytes, its type 4",
     [](Session& s) { s.bind_add(s.buffer(4), s.buffer(4), 2); s.dispatch(); s.run(); }},
    {"buffer released before it is used", "was released before it ran",
     [](Session& s) { id b = s.buffer(4); s.bind_add(s.buffer(4), b); s.dispatch(); send<void>(b, "release"); s.run(); }},
    {"threadgroup memory not set", "no threadgroup memory is set at index 0",
     [](Session& s) {
         s.bind_add(s.buffer(64), s.buffer(64), 16);
         send<void>(s.encoder, "setComputePipelineState:", pipeline(s.device, "standby_sum"));
         s.dispatch();
         s.run();
     }},
    {"contents of a private buffer", "storage mode is private",
     [](Session& s) { send<void*>(send(s.device, "newBufferWithLength:options:", 16ul, 2ul << 4), "contents"); }},
    {"private memory of the host", "storage mode must be shared",
     [](Session& s) { send(s.device, noCopy, (void*)pages(), 16384ul, 2ul << 4, (void*)nullptr); }},
    {"memoryless buffer", "storage mode memoryless",
     [](Session& s) { send(s.device, "newBufferWithLength:options:", 16ul, 3ul << 4); }},
    {"signal while encoding", "still encoding",
     [](Session& s) { s.open(); send<void>(s.commands, "encodeSignalEvent:value:", send(s.device, "newSharedEvent"), (uint64_t)1); }},
    {"signal after commit", "already committed",
     [](Session& s) {
         send<void>(s.commands, "commit");
         send<void>(s.commands, "encodeSignalEvent:value:", send(s.device, "newSharedEvent"), (uint64_t)1);
     }},
    {"signal of no event", "event must not be nil",
     [](Session& s) { send<void>(s.commands, "encodeSignalEvent:value:", (id) nullptr, (uint64_t)1); }},
    {"autorelease without a pool", "no pool in place",
     [](Session& s) { objc_autoreleasePoolPop(s.pool); send(s.queue, "commandBufferWithUnretainedReferences"); }},
    {"residency requested before commit", "not committed",
     [](Session& s) {
         id set = residency_set(s);
         send<void>(s.queue, "addResidencySet:", set);
         send<void>(set, "addAllocation:", s.buffer(16));
         send<void>(set, "requestResidency");
     }},
    {"residency set of no queue", "added to no command queue", [](Session& s) { send<void>(residency_set(s), "requestResidency"); }},
    {"33 residency sets", "at most 32",
     [](Session& s) {
         for (int i = 0; i < 33; i++) send<void>(s.queue, "addResidencySet:", residency_set(s));
     }},
    {"residency ended before any GPU work", "stays wired",
     [](Session& s) {
         id set = residency_set(s);
         send<void>(s.queue, "addResidencySet:", set);
         send<void>(set, "endResidency");
     }},
    {"allocation of another set removed", "is not in the set",
     [](Session& s) { send<void>(residency_set(s), "removeAllocation:", s.buffer(16)); }},
};

// What a child printed, and whether it ended by abort().
std::string run(const Case& c, bool& aborted) {
    int channel[2];
    if (pipe(channel)) abort();
    const pid_t child = fork();
    if (child == 0) {
        dup2(channel[1], 2);
        Session session;
        c.mistake(session);
        _exit(0);
    }
    close(channel[1]);
    std::string output;
    char bytes[4096];
    for (ssize_t n; (n = read(channel[0], bytes, sizeof bytes)) > 0;) output.append(bytes, n);
    close(channel[0]);
    int status = 0;
    waitpid(child, &status, 0);
    aborted = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
    return output;
}

// The host's text must be the text the emulator was built from.
bool foreign_kernels_are_refused() {
    Session s;
    id error = nullptr;
    id library = send(s.device, "newLibraryWithSource:options:error:", text("kernel void other() {}"), (id) nullptr, &error);
    return !library && error && strstr(send<const char*>(send(error, "localizedDescription"), "UTF8String"), "other kernels");
}

// b += a, then c += b, in one concurrent encoder: right only with a barrier in between.
bool dependent_dispatches_are_right(bool barrier) {
    Session s;
    id event = send(s.device, "newSharedEvent");
    id a = s.buffer(4), b = s.buffer(4), c = s.buffer(4);
    *send<float*>(a, "contents") = 1;
    s.open();
    send<void>(s.encoder, "setComputePipelineState:", pipeline(s.device, "add"));
    const unsigned count = 1;
    send<void>(s.encoder, "setBytes:length:atIndex:", (const void*)&count, 4ul, 2ul);
    for (auto [target, addend] : {std::pair{b, a}, std::pair{c, b}}) {
        send<void>(s.encoder, "setBuffer:offset:atIndex:", target, 0ul, 0ul);
        send<void>(s.encoder, "setBuffer:offset:atIndex:", addend, 0ul, 1ul);
        send<void>(s.encoder, "dispatchThreadgroups:threadsPerThreadgroup:", Size{1, 1, 1}, Size{256, 1, 1});
        if (barrier) send<void>(s.encoder, "memoryBarrierWithScope:", 1ul);
    }
    send<void>(s.encoder, "endEncoding");
    send<void>(s.commands, "encodeSignalEvent:value:", event, (uint64_t)1);
    send<void>(s.commands, "commit");
    while (send<uint64_t>(event, "signaledValue") < 1) usleep(100);
    return *send<float*>(c, "contents") == 1;
}

}  // namespace

int main() {
    int failures = 0;
    for (const Case& c : cases) {
        bool aborted;
        const std::string output = run(c, aborted);
        const bool good = aborted && output.find(c.expected) != std::string::npos;
        printf("%-42s %s\n", c.name, good ? "refused" : ("NOT REFUSED: " + output).c_str());
        failures += !good;
    }
    auto check = [&](const char* name, bool good) {
        printf("%-42s %s\n", name, good ? "refused" : "NOT REFUSED");
        failures += !good;
    };
    check("kernels the emulator was not built from", foreign_kernels_are_refused());
    check("a forgotten barrier", dependent_dispatches_are_right(true) && !dependent_dispatches_are_right(false));
    return failures;
}
