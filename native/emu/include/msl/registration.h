// Kernels register themselves by the name they export.
#pragma once

namespace msl {

struct KernelRegistration {
    KernelRegistration(const char* name, void (*entry)()) { msl_register_kernel(name, entry); }
};

}  // namespace msl

#define MSL_JOIN_(a, b) a##b
#define MSL_JOIN(a, b) MSL_JOIN_(a, b)
#define EXPORT_KERNEL(name, ...) \
    static msl::KernelRegistration MSL_JOIN(registration, __COUNTER__)(name, [] { __VA_ARGS__(); });
