// What functions in other threads wait for, in tests.
#pragma once

#include <condition_variable>
#include <mutex>

#include <libasync/coro/sleep.hpp>
#include <libasync/coro/task.hpp>

namespace async_tests {

// Closed until it is opened, from any thread.
class thread_gate {
public:
    void open() {
        const std::lock_guard lock(mutex_);
        open_ = true;
        opened_.notify_all();
    }
    void pass() {
        std::unique_lock lock(mutex_);
        opened_.wait(lock, [this] { return open_; });
    }
    bool is_open() {
        const std::lock_guard lock(mutex_);
        return open_;
    }

    // For tasks.
    async::task<void> opened() {
        while (!is_open()) co_await async::yield();
    }

private:
    std::mutex mutex_;
    std::condition_variable opened_;
    bool open_ = false;
};

// Holds up the thread that calls it.
struct held_up {
    thread_gate begun;
    thread_gate release;
    thread_gate ended;

    int operator()() {
        begun.open();
        release.pass();
        ended.open();
        return 5;
    }
};

}  // namespace async_tests
