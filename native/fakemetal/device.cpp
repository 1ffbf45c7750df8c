// MTLDevice, its buffers, its library and its pipelines.
#include <cstdlib>
#include <cstring>
#include <unistd.h>

#include "control.h"
#include "objects.h"

// The kernels this emulator was built from: exactly what the host embeds.
static const char kernelSource[] = {
#embed "spmd.metal"
    , 0};

namespace fake {

static std::mutex bufferLock;
static std::set<const Buffer*>& buffers() {
    static auto* all = new std::set<const Buffer*>;
    return *all;
}
void buffer_created(Buffer* buffer) {
    std::lock_guard<std::mutex> guard(bufferLock);
    buffers().insert(buffer);
}
bool buffer_exists(const Buffer* buffer) {
    std::lock_guard<std::mutex> guard(bufferLock);
    return buffers().count(buffer) != 0;
}
Buffer::~Buffer() {
    {
        std::lock_guard<std::mutex> guard(bufferLock);
        buffers().erase(this);
    }
    if (owned) free(contents);
}

// MTLResourceOptions: the storage mode takes bits 4 … 7.
static StorageMode storage_mode(NSUInteger options) { return (StorageMode)(options >> 4 & 15); }

static id new_buffer(void* contents, size_t length, StorageMode mode, bool owned) {
    auto* buffer = new Buffer(contents, length, mode, owned);
    buffer_created(buffer);
    return buffer;
}

static id buffer_with_length(id, SEL, NSUInteger length, NSUInteger options) {
    const StorageMode mode = storage_mode(options);
    require(mode < StorageMode::Memoryless, "MTLDevice newBufferWithLength:options:", "a buffer cannot have the storage mode memoryless");
    if (length == 0 || (int64_t)length > control().maxBufferLength) return nullptr;
    const size_t rounded = (length + PageBytes - 1) / PageBytes * PageBytes;
    void* contents = aligned_alloc(PageBytes, rounded);
    if (!contents) return nullptr;
    memset(contents, 0, rounded);
    return new_buffer(contents, length, mode, true);
}

static id buffer_without_copy(id, SEL, void* pointer, NSUInteger length, NSUInteger options, void* deallocator) {
    const char* name = "MTLDevice newBufferWithBytesNoCopy:length:options:deallocator:";
    require((uintptr_t)pointer % getpagesize() == 0, name, "pointer is not aligned to a page");
    require(length % PageBytes == 0, name, "length " + std::to_string(length) + " is not a multiple of 16384 bytes");
    require(storage_mode(options) == StorageMode::Shared, name, "the storage mode must be shared");
    require(deallocator == nullptr, name, "the fake cannot call blocks: the host owns the memory");
    if (length == 0 || (int64_t)length > control().maxBufferLength) return nullptr;
    return new_buffer(pointer, length, StorageMode::Shared, false);
}

static id library_with_source(id, SEL, id source, id, id* error) {
    if (as<String>(source)->text == kernelSource) return new Library;
    if (error)
        *error = autorelease(new Error("this emulator was built from other kernels than the program embeds: build native/ and src/ from the same tree"));
    return nullptr;
}

static id pipeline_with_function(id, SEL, id function, id*) {
    require(function, "MTLDevice newComputePipelineStateWithFunction:error:", "computeFunction must not be nil");
    return new Pipeline(as<Function>(function)->kernel);
}

[[maybe_unused]] static const bool registered = [] {
    const char* device = "FakeMTLDevice";
    method(device, "name", [](id, SEL) { return autorelease(new String("emulated Apple GPU")); });
    method(device, "maxBufferLength", [](id, SEL) -> NSUInteger { return control().maxBufferLength; });
    method(device, "recommendedMaxWorkingSetSize", [](id, SEL) -> uint64_t { return control().recommendedMaxWorkingSetSize; });
    method(device, "supportsFamily:", [](id, SEL, long family) -> bool { return family >= 1001 && family <= control().gpuFamily; });
    method(device, "newCommandQueue", [](id, SEL) -> id { return new CommandQueue; });
    method(device, "newSharedEvent", [](id, SEL) -> id { return new SharedEvent; });
    method(device, "newBufferWithLength:options:", buffer_with_length);
    method(device, "newBufferWithBytesNoCopy:length:options:deallocator:", buffer_without_copy);
    method(device, "newLibraryWithSource:options:error:", library_with_source);
    method(device, "newComputePipelineStateWithFunction:error:", pipeline_with_function);
    method("MTLCompileOptions", "+new", [](id, SEL) -> id { return new Object("MTLCompileOptions"); });
    method("MTLCompileOptions", "setFastMathEnabled:", [](id, SEL, bool) {});
    method("MTLCompileOptions", "setLanguageVersion:", [](id, SEL, NSUInteger version) {
        require(version == (3 << 16) + 1, "MTLCompileOptions setLanguageVersion:", "the kernels are written in Metal 3.1");
    });
    method("FakeMTLLibrary", "newFunctionWithName:", [](id, SEL, id name) -> id {
        const emulator::Kernel* kernel = emulator::find_kernel(as<String>(name)->text);
        return kernel ? new Function(kernel) : nullptr;
    });
    method("FakeMTLComputePipelineState", "maxTotalThreadsPerThreadgroup", [](id, SEL) -> NSUInteger { return 1024; });
    method("FakeMTLComputePipelineState", "threadExecutionWidth", [](id, SEL) -> NSUInteger { return 32; });
    method("FakeMTLBuffer", "contents", [](id self, SEL) {
        require(as<Buffer>(self)->mode != StorageMode::Private, "MTLBuffer contents", "the host has no access: its storage mode is private");
        return (void*)as<Buffer>(self)->contents;
    });
    method("FakeMTLSharedEvent", "signaledValue", [](id self, SEL) -> uint64_t {
        std::lock_guard<std::mutex> guard(as<SharedEvent>(self)->lock);
        return as<SharedEvent>(self)->value;
    });
    return true;
}();

}  // namespace fake

extern "C" const char* fake_metal_kernel_source() { return kernelSource; }

extern "C" id MTLCreateSystemDefaultDevice() {
    static auto* device = new fake::Device;
    return objc_retain(device);
}
