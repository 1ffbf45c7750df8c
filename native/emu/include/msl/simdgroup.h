// Barriers, reductions and shuffles. Every one of them is a rendezvous of the lanes that have not returned.
#pragma once

namespace msl {

// The combining code runs in the scheduler between lanes, which ThreadSanitizer must not take for a race.
#define MSL_BETWEEN_LANES __attribute__((no_sanitize("thread")))
#define MSL_CALLER_LINE int line = __builtin_LINE()

enum class mem_flags { mem_none = 0, mem_device = 1, mem_threadgroup = 2 };

inline void threadgroup_barrier(mem_flags, MSL_CALLER_LINE) {
    msl_barrier(BarrierScope::Threadgroup, "threadgroup_barrier", line);
}
inline void simdgroup_barrier(mem_flags, MSL_CALLER_LINE) {
    msl_barrier(BarrierScope::Simdgroup, "simdgroup_barrier", line);
}

template <typename T, T (*Combine)(T, T)>
inline void reduce_lanes(void** slots, unsigned laneCount) MSL_BETWEEN_LANES {
    bool first = true;
    T result{};
    for (unsigned lane = 0; lane < laneCount; lane++) {
        if (!slots[lane]) continue;
        T value = *(T*)slots[lane];
        result = first ? value : Combine(result, value);
        first = false;
    }
    for (unsigned lane = 0; lane < laneCount; lane++)
        if (slots[lane]) *(T*)slots[lane] = result;
}

template <typename T>
inline T plus(T a, T b) MSL_BETWEEN_LANES { return a + b; }
template <typename T>
inline T greater(T a, T b) MSL_BETWEEN_LANES { return a > b ? a : b; }
template <typename T>
inline T smaller(T a, T b) MSL_BETWEEN_LANES { return a < b ? a : b; }

template <typename T>
inline T simd_sum(T value, MSL_CALLER_LINE) {
    msl_simdgroup_operation(&value, reduce_lanes<T, plus<T>>, "simd_sum", line);
    return value;
}
template <typename T>
inline T simd_max(T value, MSL_CALLER_LINE) {
    msl_simdgroup_operation(&value, reduce_lanes<T, greater<T>>, "simd_max", line);
    return value;
}
template <typename T>
inline T simd_min(T value, MSL_CALLER_LINE) {
    msl_simdgroup_operation(&value, reduce_lanes<T, smaller<T>>, "simd_min", line);
    return value;
}

template <typename T>
struct Shuffled {
    T value;
    unsigned source;
};
template <typename T>
inline void shuffle_lanes(void** slots, unsigned laneCount) MSL_BETWEEN_LANES {
    T values[32] = {};
    for (unsigned lane = 0; lane < laneCount; lane++)
        if (slots[lane]) values[lane] = ((Shuffled<T>*)slots[lane])->value;
    for (unsigned lane = 0; lane < laneCount; lane++)
        if (slots[lane]) ((Shuffled<T>*)slots[lane])->value = values[((Shuffled<T>*)slots[lane])->source % 32];
}
template <typename T>
inline T simd_shuffle_xor(T value, ushort mask, MSL_CALLER_LINE) {
    Shuffled<T> slot{value, (unsigned)(msl_position()->thread_index_in_simdgroup ^ mask)};
    msl_simdgroup_operation(&slot, shuffle_lanes<T>, "simd_shuffle_xor", line);
    return slot.value;
}

}  // namespace msl
