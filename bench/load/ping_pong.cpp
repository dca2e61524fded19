// How far two cores are from each other: a cache line goes to and fro. `ping_pong [CORE CORE]` prints one
// JSON line with the nanoseconds of one way. On a virtual machine the answer changes when the host moves its
// processors.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <sched.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

constexpr int trips = 2000;  // of one batch
constexpr int batches = 11;

struct alignas(64) line {
    std::atomic<int> turn{0};
};

void pin(int core) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<unsigned>(core), &one);
    if (::sched_setaffinity(0, sizeof one, &one) != 0) {
        std::perror("sched_setaffinity");
        std::exit(1);
    }
}

void answer(line& shared) {
    for (int i = 0; i < trips * batches; ++i) {
        while (shared.turn.load(std::memory_order_acquire) != 2 * i + 1) {
        }
        shared.turn.store(2 * i + 2, std::memory_order_release);
    }
}

}  // namespace

int main(int argc, char** argv) {
    const int first = argc > 2 ? std::atoi(argv[1]) : 0;
    const int second = argc > 2 ? std::atoi(argv[2]) : 1;
    ::alarm(3);  // ends the program if something else holds one of the cores
    line shared;
    std::thread other([&] {
        pin(second);
        answer(shared);
    });
    pin(first);
    std::vector<double> one_way;
    for (int batch = 0; batch < batches; ++batch) {
        const auto start = std::chrono::steady_clock::now();
        for (int i = batch * trips; i < (batch + 1) * trips; ++i) {
            shared.turn.store(2 * i + 1, std::memory_order_release);
            while (shared.turn.load(std::memory_order_acquire) != 2 * i + 2) {
            }
        }
        const std::chrono::duration<double, std::nano> taken = std::chrono::steady_clock::now() - start;
        one_way.push_back(taken.count() / (2 * trips));
    }
    other.join();
    std::sort(one_way.begin(), one_way.end());
    std::printf("{\"bench\":\"ping_pong\",\"ns\":%.1f}\n", one_way[batches / 2]);
}
