// The machine with an NVIDIA GPU: the kernels' PTX through the driver alone, loaded at run time, so that no CUDA SDK is needed.
#include "machine.h"

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>

namespace {

constexpr int Repeats = 20;

void* module;
uint64_t bindings;       // msl_buffers: the addresses that the kernels read
uint64_t constantBuffer;

// A function of libcuda; an error code ends the program with the function's name.
template <typename... Arguments>
void driver(const char* name, Arguments... arguments) {
    static void* library = dlopen("libcuda.so.1", RTLD_NOW);
    if (!library) {
        fprintf(stderr, "ptx: no NVIDIA driver on this machine (libcuda.so.1)\n");
        exit(77);
    }
    auto function = (int (*)(Arguments...))dlsym(library, name);
    const int code = function ? function(arguments...) : -1;
    if (code != 0) {
        fprintf(stderr, "ptx: %s: %s %d\n", name, function ? "error" : "no such function", code);
        exit(1);
    }
}

double seconds(const std::function<void()>& call) {
    void *start, *end;
    float milliseconds;
    driver("cuEventCreate", &start, 0u);
    driver("cuEventCreate", &end, 0u);
    for (int i = 0; i < Repeats; i++) call();
    driver("cuEventRecord", start, (void*)nullptr);
    for (int i = 0; i < Repeats; i++) call();
    driver("cuEventRecord", end, (void*)nullptr);
    driver("cuEventSynchronize", end);
    driver("cuEventElapsedTime", &milliseconds, start, end);
    driver("cuEventDestroy_v2", start);
    driver("cuEventDestroy_v2", end);
    return milliseconds / 1e3 / Repeats;
}

void start(const Launch& launch) {
    void* function;
    driver("cuModuleGetFunction", &function, module, launch.kernel.c_str());
    driver("cuLaunchKernel", function, launch.groupsX, launch.groupsY, launch.groupsZ, launch.threads, 1u, 1u, launch.threadgroupBytes,
           (void*)nullptr, (void**)nullptr, (void**)nullptr);
}

std::string ptx;

}  // namespace

namespace machine {

std::string open(const char* path) {
    std::ifstream file(path ? path : "");
    ptx.assign(std::istreambuf_iterator<char>(file), {});
    if (ptx.empty()) {
        fprintf(stderr, "ptx: %s: no PTX there; usage: run kernels.ptx (make -C bench/ptx builds it)\n", path ? path : "no file given");
        exit(2);
    }
    int device;
    char name[256];
    void* context;
    size_t bytes;
    driver("cuInit", 0u);
    driver("cuDeviceGet", &device, 0);
    driver("cuDeviceGetName", name, (int)sizeof name, device);
    driver("cuDevicePrimaryCtxRetain", &context, device);
    driver("cuCtxSetCurrent", context);
    driver("cuModuleLoadData", &module, (const void*)ptx.c_str());
    driver("cuModuleGetGlobal_v2", &bindings, &bytes, module, "msl_buffers");
    constantBuffer = allocate(256);
    return name;
}

std::vector<std::string> kernels() {
    static const std::string entry = ".entry ";
    std::vector<std::string> names;
    for (size_t at = 0; (at = ptx.find(entry, at)) != std::string::npos;) {
        at += entry.size();
        names.push_back(ptx.substr(at, ptx.find_first_of("( \n", at) - at));
    }
    return names;
}

uint64_t allocate(size_t bytes) {
    uint64_t address;
    driver("cuMemAlloc_v2", &address, bytes);
    return address;
}
void release(uint64_t address) { driver("cuMemFree_v2", address); }
void upload(uint64_t to, const void* from, size_t bytes) { driver("cuMemcpyHtoD_v2", to, from, bytes); }
void download(void* to, uint64_t from, size_t bytes) { driver("cuMemcpyDtoH_v2", to, from, bytes); }

void bind(const std::vector<Range>& buffers, const void* constants, size_t constantBytes) {
    upload(constantBuffer, constants, constantBytes);
    std::vector<uint64_t> addresses;
    for (const Range& range : buffers) addresses.push_back(range.address);
    addresses.push_back(constantBuffer);
    upload(bindings, addresses.data(), addresses.size() * sizeof addresses[0]);
}

void run(const Launch& launch) {
    start(launch);
    driver("cuCtxSynchronize");
}

double measure(const Launch& launch) {
    return seconds([&] { start(launch); });
}

double copyBytesPerSecond() {
    const size_t bytes = 1u << 30;
    const uint64_t from = allocate(bytes), to = allocate(bytes);
    const double time = seconds([&] { driver("cuMemcpyDtoDAsync_v2", to, from, bytes, (void*)nullptr); });
    release(from);
    release(to);
    return 2.0 * bytes / time;
}

}  // namespace machine
