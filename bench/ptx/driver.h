// The part of NVIDIA's driver interface that the runner needs, loaded at run time: no CUDA SDK.
#pragma once
#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>

typedef unsigned long long DevicePointer;

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
