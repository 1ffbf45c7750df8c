// Runs captured dispatches again (native/fakemetal/capture.h) and compares the results bit by bit.
//   replay CAPTURE             in all three lane orders
//   replay --planted KERNEL    runs one of planted_bugs.metal; the exit status says what noticed
//   replay --kernels           lists the kernels of this build
// Built plain, with ThreadSanitizer, and with AddressSanitizer: each buffer lies in memory of exactly its own length.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "capture_format.h"
#include "emulator.h"

using namespace emulator;

namespace {

// The memory behind the bindings of one dispatch. Bindings that shared memory share it again.
class Memory {
public:
    Memory(const capture::DispatchHeader& header, const std::vector<std::string>& contents) {
        for (const capture::BoundBuffer& bound : header.bindings)
            if (bound.bytes) cover(bound.address, bound.address + bound.bytes);
        for (auto& [start, block] : blocks) block.bytes = (char*)malloc(block.end - start);
        for (int i = 0; i < BufferBindings; i++)
            if (header.bindings[i].bytes) memcpy(at(header.bindings[i].address), contents[i].data(), contents[i].size());
    }
    ~Memory() {
        for (auto& [start, block] : blocks) free(block.bytes);
    }
    Memory(const Memory&) = delete;
    char* at(uint64_t address) {
        auto block = --blocks.upper_bound(address);
        return block->second.bytes + (address - block->first);
    }

private:
    struct Block {
        uint64_t end;
        char* bytes = nullptr;
    };
    void cover(uint64_t start, uint64_t end) {
        for (auto block = blocks.begin(); block != blocks.end();) {
            if (block->first < end && start < block->second.end) {
                start = std::min(start, block->first);
                end = std::max(end, block->second.end);
                block = blocks.erase(block);
            } else {
                ++block;
            }
        }
        blocks[start] = {end};
    }
    std::map<uint64_t, Block> blocks;
};

[[noreturn]] void fail(const std::string& what) {
    fprintf(stderr, "replay: %s\n", what.c_str());
    exit(1);
}

std::vector<std::string> read_buffers(FILE* file, const capture::DispatchHeader& header) {
    std::vector<std::string> contents(BufferBindings);
    for (int i = 0; i < BufferBindings; i++) {
        contents[i].resize(header.bindings[i].bytes);
        if (fread(contents[i].data(), 1, contents[i].size(), file) != contents[i].size()) fail("the capture ends within a dispatch");
    }
    return contents;
}

void run(const capture::DispatchHeader& header, const std::vector<std::string>& before, const std::vector<std::string>& after) {
    const Kernel* kernel = find_kernel(header.kernel);
    if (!kernel) fail(std::string("this build has no kernel ") + header.kernel);
    Memory memory(header, before);
    Arguments arguments;
    for (int i = 0; i < BufferBindings; i++)
        if (const capture::BoundBuffer& bound = header.bindings[i]; bound.bytes)
            arguments.buffers[i] = {memory.at(bound.address), bound.bytes, bound.setBytes != 0};
    for (int i = 0; i < ThreadgroupBindings; i++) arguments.threadgroupBytes[i] = header.threadgroupBytes[i];
    const std::string error = dispatch(*kernel, header.groups, header.threads, arguments);
    if (!error.empty()) fail(error);
    for (int i = 0; i < BufferBindings; i++)
        if (after[i].size() && memcmp(arguments.buffers[i].pointer, after[i].data(), after[i].size()))
            fail(std::string(header.kernel) + ": buffer " + std::to_string(i) + " differs from the captured result in lane order " +
                 std::to_string((int)options().laneOrder));
}

int replay(const char* path) {
    FILE* file = fopen(path, "rb");
    if (!file) fail(std::string(path) + ": cannot be read");
    long dispatches = 0;
    std::set<std::string> kernels;
    capture::DispatchHeader header;
    while (fread(&header, sizeof header, 1, file) == 1) {
        const auto before = read_buffers(file, header), after = read_buffers(file, header);
        for (LaneOrder order : {LaneOrder::Forward, LaneOrder::Reverse, LaneOrder::Shuffled}) {
            options().laneOrder = order;
            run(header, before, after);
        }
        kernels.insert(header.kernel);
        dispatches++;
    }
    fclose(file);
    if (!dispatches) fail(std::string(path) + ": no dispatch in it");
    for (const std::string& kernel : kernels) printf("%s\n", kernel.c_str());
    fprintf(stderr, "replay: %ld dispatches of %zu kernels in three lane orders\n", dispatches, kernels.size());
    return 0;
}

int run_planted(const char* name) {
    const Kernel* kernel = find_kernel(name);
    if (!kernel) fail(std::string("this build has no kernel ") + name);
    enum : size_t { Threads = 64, Bytes = Threads * sizeof(float) };
    std::vector<float> input(Threads), output(Threads);
    Arguments arguments;
    arguments.buffers[0] = {input.data(), Bytes};
    arguments.buffers[1] = {output.data(), Bytes};
    arguments.threadgroupBytes[0] = Bytes;
    // One threadgroup, so that only the mistake itself can be noticed.
    const uint32_t groups = strcmp(name, "planted_shared_output") ? 1 : 2;
    const std::string error = dispatch(*kernel, {groups, 1, 1}, {Threads, 1, 1}, arguments);
    if (!error.empty()) fail(error);
    return 0;
}

int list_kernels() {
    for (const std::string& name : kernel_names()) printf("%s\n", name.c_str());
    return 0;
}

}  // namespace

int main(int count, char** arguments) {
    if (count == 3 && !strcmp(arguments[1], "--planted")) return run_planted(arguments[2]);
    if (count == 2 && !strcmp(arguments[1], "--kernels")) return list_kernels();
    if (count == 2) return replay(arguments[1]);
    fprintf(stderr, "usage: replay CAPTURE | --planted KERNEL | --kernels\n");
    return 2;
}
