// Runs a kernel, compares what it wrote with loops in double, prints a line.
#pragma once
#include <functional>
#include <set>

#include "values.h"

// An output of a kernel. It starts as NaN, so that what is forgotten shows, and ends in a guard that must stay as it was.
class Output {
   public:
    explicit Output(size_t count) : Output(std::vector<float>(count, NAN)) {}
    explicit Output(std::vector<float> start);  // of kernels that read what they write

    operator Range() const { return {buffer.address, count * sizeof(float)}; }
    std::vector<float> read() const;
    bool guardIsWhole() const;

    const size_t count;

   private:
    Buffer buffer;
};

class Checker {
   public:
    // Large: also the sizes that only a GPU runs in reasonable time.
    Checker(bool large, double copyBytesPerSecond) : large(large), copyBytesPerSecond(copyBytesPerSecond) {}

    template <typename Constants>
    void run(const Launch& launch, const std::string& shape, const std::vector<Range>& buffers, const Constants& constants) {
        begin(launch, shape, buffers, &constants, sizeof constants);
    }

    // Elements that an output must hold after the run; `terms` is the work behind one, so that huge outputs are compared in samples.
    void expect(const Output& output, size_t terms, const std::function<double(size_t index)>& expected);

    // The same for integers, bit by bit.
    void expectExactly(const Output& output, const std::vector<uint32_t>& expected);

    void expectTrue(bool condition) { good &= condition; }

    // Prints the line; bytesMoved is what the kernel has to read and write at least, 0 when it is not bound by memory.
    void finish(double bytesMoved = 0);

    // Names the kernels that no check has run, and whether everything was right.
    bool summarize(const std::vector<std::string>& kernels) const;

    const bool large;

   private:
    void begin(const Launch& launch, const std::string& shape, const std::vector<Range>& buffers, const void* constants, size_t bytes);

    const double copyBytesPerSecond;
    Launch launch;
    std::string shape;
    double worst = 0;  // error relative to the largest expected value
    bool good = true;
    int checks = 0, wrong = 0;
    std::set<std::string> checked;
};
