// What other threads, and signal handlers, wake a simulated loop with while it waits for them in real time.
#pragma once

#include <chrono>
#include <semaphore>

#include <libasync/config.hpp>

namespace async::inline v0::io::sim {

#ifdef _WIN32

// std::counting_semaphore of MinGW's libstdc++ 12 loses wake-ups, see std::atomic::wait there.
class wake_signal {
public:
    wake_signal();  // throws std::system_error
    wake_signal(const wake_signal&) = delete;
    wake_signal& operator=(const wake_signal&) = delete;
    ~wake_signal();

    void raise() noexcept;
    void wait() noexcept;
    bool wait_for(std::chrono::milliseconds time) noexcept;  // false if it was not raised meanwhile

private:
    void* const event_;
};

#else

// A semaphore, since a signal handler must not touch a condition variable.
class wake_signal {
public:
    void raise() noexcept { raised_.release(); }
    void wait() noexcept { raised_.acquire(); }
    bool wait_for(std::chrono::milliseconds time) noexcept { return raised_.try_acquire_for(time); }

private:
    std::counting_semaphore<> raised_{0};
};

#endif

}  // namespace async::inline v0::io::sim
