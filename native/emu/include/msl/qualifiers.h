// Address spaces and function qualifiers. Macros, so only kernels include this.
#pragma once

// Distinct address spaces give the type errors that Apple's compiler gives (a device pointer is not a threadgroup
// pointer). Sanitizers ignore accesses outside the default space, so their build (MSL_FLAT) has only one.
#ifdef MSL_FLAT
#define device
#define constant const
#define threadgroup
#else
#define device __attribute__((address_space(1)))
#define constant const __attribute__((address_space(2)))
#define threadgroup __attribute__((address_space(3)))
#endif
#define thread
#define kernel static
