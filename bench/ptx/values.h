// What the kernels are given: numbers that float32, float16 and bfloat16 all hold exactly, so that only sums are rounded.
#pragma once
#include <cmath>
#include <cstring>
#include <vector>

#include "machine.h"

// Multiples of 1/64 below 1/2.
inline float value(size_t index) { return (float)((int)((uint32_t)index * 2654435761u >> 26) - 32) / 64.0f; }

struct ElementType {
    const char* name;
    size_t bytes;
    void (*write)(float x, char* to);
};

inline const ElementType elementTypes[] = {
    {"float32", 4, [](float x, char* to) { memcpy(to, &x, 4); }},
    {"float16", 2, [](float x, char* to) { const _Float16 h = (_Float16)x; memcpy(to, &h, 2); }},
    {"bfloat16", 2, [](float x, char* to) { memcpy(to, (const char*)&x + 2, 2); }},  // the upper half, little-endian
};

// Memory of the machine.
class Buffer {
   public:
    explicit Buffer(size_t bytes) : bytes(bytes), address(machine::allocate(bytes)) {}
    template <typename T>
    explicit Buffer(const std::vector<T>& content) : Buffer(content.size() * sizeof(T)) {
        machine::upload(address, content.data(), bytes);
    }
    Buffer(const Buffer&) = delete;
    ~Buffer() { machine::release(address); }

    operator Range() const { return {address, bytes}; }
    Range from(size_t offset) const { return {address + offset, bytes - offset}; }

    const size_t bytes;
    const uint64_t address;
};

// Weights: element i is value(i).
inline std::vector<char> encode(const ElementType& type, size_t count) {
    std::vector<char> bytes(count * type.bytes);
    for (size_t i = 0; i < count; i++) type.write(value(i), &bytes[i * type.bytes]);
    return bytes;
}

// Activations: other numbers for every seed.
inline std::vector<float> activations(size_t count, size_t seed = 1) {
    std::vector<float> values(count);
    for (size_t i = 0; i < count; i++) values[i] = value(i * 3 + seed * 12345);
    return values;
}

inline unsigned ceiling(size_t count, size_t divisor) { return (unsigned)((count + divisor - 1) / divisor); }
