// What the micro benchmarks in C++ share. Each prints one JSON line for each pass and question;
// bench/compare does the statistics. The questions have the same names in every peer:
//   await_child       await a child coroutine that returns at once
//   yield             go once through the loop's ready queue
//   create_task_join  create a task and wait for it
//   gather_100k       100,000 tasks at once, all waited for, ten times in a row; time of each task
//   lock_release      acquire and release a lock that nobody else wants
//   queue_put_or_get  put into, or get from, a queue of one that has room, or an item
//   queue_ping_pong   two tasks send an item to and fro through two queues of one; a round trip
//   channel_ping_pong the same through two channels of one
//   timer_rearm_1m    set one of 1,000,000 active timers, chosen at random, to another time
//   post_round_trip   another thread posts to the waiting loop and spins until that has run
//   post_self         post from the loop's own thread and run one turn
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <pthread.h>
#include <thread>

namespace micro {

inline constexpr std::size_t passes = 5;
inline constexpr std::size_t children = 100'000;
inline constexpr std::size_t gathers = 10;
inline constexpr std::size_t timers = 1'000'000;

class stopwatch {
public:
    stopwatch(const char* peer, const char* what) : peer_(peer), what_(what) {}

    void report(std::size_t operations) const {
        const std::chrono::duration<double, std::nano> taken = std::chrono::steady_clock::now() - start_;
        std::printf("{\"bench\":\"micro\",\"peer\":\"%s\",\"what\":\"%s\",\"ns\":%.2f}\n", peer_, what_,
                    taken.count() / static_cast<double>(operations));
        std::fflush(stdout);
    }

private:
    const char* peer_;
    const char* what_;
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// Cheap and the same everywhere; its cost is far below that of what is measured.
class random_numbers {
public:
    std::uint32_t next() {
        state_ = state_ * 1664525u + 1013904223u;
        return state_ >> 8;
    }
    std::size_t index() { return next() % timers; }
    // Between one and two hours from now, so that no timer comes due while it is measured.
    std::chrono::milliseconds delay() { return std::chrono::milliseconds(3'600'000 + next() % 3'600'000); }

private:
    std::uint32_t state_ = 1;
};

inline void pin(unsigned core) {
    if (std::thread::hardware_concurrency() < 2) return;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(core, &one);
    pthread_setaffinity_np(pthread_self(), sizeof one, &one);
}

// Posts one job after the other from a thread of its own on the second core; `post` hands over a callable.
template <typename Post, typename RunLoop>
void post_round_trip(const char* peer, Post post, RunLoop run_loop) {
    constexpr std::size_t operations = 20'000;
    std::atomic<std::size_t> done{0};
    std::thread poster([&] {
        pin(1);
        const stopwatch time(peer, "post_round_trip");
        for (std::size_t i = 1; i <= operations; ++i) {
            post([&done] { done.fetch_add(1, std::memory_order_release); });
            while (done.load(std::memory_order_acquire) < i) {
            }
        }
        time.report(operations);
        post([&done] { done.fetch_add(1, std::memory_order_release); });
    });
    run_loop([&done] { return done.load(std::memory_order_acquire) > operations; });
    poster.join();
}

}  // namespace micro
