// What a kernel asks of the emulator while it runs (implemented in native/emu/intrinsics.cpp).
#pragma once

namespace msl {

// Named like the MSL attributes, so that a parameter's default argument can be its attribute.
struct ThreadPosition {
    uint3 threadgroup_position_in_grid;
    uint3 thread_position_in_threadgroup;
    uint3 threads_per_threadgroup;
    uint3 threadgroups_per_grid;
    uint thread_index_in_threadgroup;
    ushort thread_index_in_simdgroup;
    ushort simdgroup_index_in_threadgroup;
    ushort simdgroups_per_threadgroup;
};

// Called once for the whole SIMD-group when every lane has arrived; slots[lane] is null for a lane that has returned.
typedef void (*CombineLanes)(void** slots, unsigned laneCount);

enum class BarrierScope { Simdgroup, Threadgroup };
enum class BindingKind { Buffer, Bytes, ThreadgroupMemory };

extern "C" {
const ThreadPosition* msl_position();
void* msl_binding(BindingKind kind, int index, size_t minimumBytes, size_t alignment);
void msl_simdgroup_operation(void* slot, CombineLanes combine, const char* name, int line);
void msl_barrier(BarrierScope scope, const char* name, int line);
void msl_register_kernel(const char* name, void (*entry)());
}

}  // namespace msl
