// Context switch in a few instructions (callee-saved registers only), with what the sanitizers need to know about it.
// This file is never instrumented itself; EMULATOR_TSAN and EMULATOR_ASAN say which sanitizer the kernels are built with.
#include "fiber.h"

#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <vector>

#ifdef EMULATOR_TSAN
extern "C" {
void* __tsan_get_current_fiber();
void* __tsan_create_fiber(unsigned);
void __tsan_destroy_fiber(void*);
void __tsan_switch_to_fiber(void*, unsigned);
void __tsan_acquire(void*);
void __tsan_release(void*);
}
#endif
#ifdef EMULATOR_ASAN
extern "C" {
void __sanitizer_start_switch_fiber(void**, const void*, size_t);
void __sanitizer_finish_switch_fiber(void*, const void**, size_t*);
}
#endif

extern "C" void emulator_switch_stacks(void** saved, void* next);
#if defined(__x86_64__)
asm(R"(
.text
.globl emulator_switch_stacks
.type emulator_switch_stacks, @function
emulator_switch_stacks:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
)");
#elif defined(__aarch64__)
asm(R"(
.text
.globl emulator_switch_stacks
.type emulator_switch_stacks, %function
emulator_switch_stacks:
    sub sp, sp, #160
    stp x19, x20, [sp, #0]
    stp x21, x22, [sp, #16]
    stp x23, x24, [sp, #32]
    stp x25, x26, [sp, #48]
    stp x27, x28, [sp, #64]
    stp x29, x30, [sp, #80]
    stp d8, d9, [sp, #96]
    stp d10, d11, [sp, #112]
    stp d12, d13, [sp, #128]
    stp d14, d15, [sp, #144]
    mov x9, sp
    str x9, [x0]
    mov sp, x1
    ldp x19, x20, [sp, #0]
    ldp x21, x22, [sp, #16]
    ldp x23, x24, [sp, #32]
    ldp x25, x26, [sp, #48]
    ldp x27, x28, [sp, #64]
    ldp x29, x30, [sp, #80]
    ldp d8, d9, [sp, #96]
    ldp d10, d11, [sp, #112]
    ldp d12, d13, [sp, #128]
    ldp d14, d15, [sp, #144]
    add sp, sp, #160
    ret
)");
#else
#error "the emulator's context switch is written for x86-64 and aarch64"
#endif

namespace emulator {

FiberStacks::FiberStacks(unsigned count) : count(count) {
    void* p = mmap(nullptr, BytesEach * count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) {
        perror("emulator: no memory for the stacks of a threadgroup");
        abort();
    }
    memory = (char*)p;
}

FiberStacks::~FiberStacks() { munmap(memory, BytesEach * count); }

static std::mutex spareLock;
static std::vector<FiberStacks*>& spare_stacks() {
    static auto* spares = new std::vector<FiberStacks*>;
    return *spares;
}

FiberStacks* borrow_stacks(unsigned count) {
    std::lock_guard<std::mutex> guard(spareLock);
    std::vector<FiberStacks*>& spares = spare_stacks();
    for (size_t i = 0; i < spares.size(); i++) {
        if (spares[i]->size() < count) continue;
        FiberStacks* found = spares[i];
        spares.erase(spares.begin() + i);
        return found;
    }
    return new FiberStacks(count);
}

void return_stacks(FiberStacks* stacks) {
    enum : size_t { MostSpares = 16 };
    std::lock_guard<std::mutex> guard(spareLock);
    if (spare_stacks().size() < MostSpares)
        spare_stacks().push_back(stacks);
    else
        delete stacks;
}

void Fiber::prepare(char* stack, void (*entry)()) {
    stackBottom = stack;
    char* top = stack + FiberStacks::BytesEach - 64;
#if defined(__x86_64__)
    void** frame = (void**)top;
    *--frame = nullptr;  // keeps the alignment of a call
    *--frame = (void*)entry;
    frame -= 6;
    memset(frame, 0, 6 * sizeof(void*));
    stackPointer = frame;
#else
    char* frame = top - 160;
    memset(frame, 0, 160);
    *(void**)(frame + 88) = (void*)entry;
    stackPointer = frame;
#endif
#ifdef EMULATOR_TSAN
    threadSanitizerFiber = __tsan_create_fiber(0);
#endif
}

void Fiber::discard() {
#ifdef EMULATOR_TSAN
    __tsan_destroy_fiber(threadSanitizerFiber);
#endif
}

FiberHome::FiberHome() {
#ifdef EMULATOR_TSAN
    threadSanitizerFiber = __tsan_get_current_fiber();
#endif
}

void FiberHome::enter(Fiber& fiber) {
#ifdef EMULATOR_TSAN
    __tsan_switch_to_fiber(fiber.threadSanitizerFiber, 1);
#endif
#ifdef EMULATOR_ASAN
    __sanitizer_start_switch_fiber(&addressSanitizerStack, fiber.stackBottom, FiberStacks::BytesEach);
#endif
    emulator_switch_stacks(&stackPointer, fiber.stackPointer);
#ifdef EMULATOR_ASAN
    __sanitizer_finish_switch_fiber(addressSanitizerStack, nullptr, nullptr);
#endif
}

void FiberHome::leave(Fiber& fiber, [[maybe_unused]] bool last) {
#ifdef EMULATOR_TSAN
    __tsan_switch_to_fiber(threadSanitizerFiber, 1);
#endif
#ifdef EMULATOR_ASAN
    __sanitizer_start_switch_fiber(last ? nullptr : &fiber.addressSanitizerStack, stackBottom, stackBytes);
#endif
    emulator_switch_stacks(&fiber.stackPointer, stackPointer);
#ifdef EMULATOR_ASAN
    __sanitizer_finish_switch_fiber(fiber.addressSanitizerStack, &stackBottom, &stackBytes);
#endif
}

void FiberHome::arrived() {
#ifdef EMULATOR_ASAN
    __sanitizer_finish_switch_fiber(nullptr, &stackBottom, &stackBytes);
#endif
}

void happens_before([[maybe_unused]] void* key) {
#ifdef EMULATOR_TSAN
    __tsan_release(key);
#endif
}

void happens_after([[maybe_unused]] void* key) {
#ifdef EMULATOR_TSAN
    __tsan_acquire(key);
#endif
}

}  // namespace emulator
