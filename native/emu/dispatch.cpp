// A grid: threadgroups taken by OS threads from a common counter.
#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "threadgroup.h"

namespace emulator {

Options& options() {
    static Options instance;
    return instance;
}

namespace {

struct Grid {
    const Kernel& kernel;
    Size groups, threads;
    const Arguments& arguments;
    unsigned total;
    std::atomic<unsigned> next{0};
    std::mutex errorLock;
    std::string error;

    void work() {
        Threadgroup group(kernel, groups, threads, arguments, this);
        for (unsigned index; (index = next++) < total;) {
            std::string failure = group.run(index);
            if (failure.empty()) continue;
            std::lock_guard<std::mutex> lock(errorLock);
            if (error.empty()) error = failure;
            next = total;
        }
        happens_after(this);
    }
};

// Starting an OS thread costs more than a small grid.
unsigned worker_count(unsigned total, unsigned threadsPerGroup) {
    enum : unsigned { ThreadsWorthAWorker = 4096 };
    unsigned workers = options().workers ? options().workers : std::thread::hardware_concurrency();
    return std::max(1u, std::min({workers, total, total * threadsPerGroup / ThreadsWorthAWorker}));
}

}  // namespace

std::string dispatch(const Kernel& kernel, Size groups, Size threads, const Arguments& arguments) {
    Grid grid{kernel, groups, threads, arguments, groups.x * groups.y * groups.z};
    const unsigned workers = worker_count(grid.total, threads.x * threads.y * threads.z);
    std::vector<std::thread> others;
    for (unsigned i = 1; i < workers; i++) others.emplace_back([&] { grid.work(); });
    grid.work();
    for (std::thread& other : others) other.join();
    return grid.error;
}

}  // namespace emulator
