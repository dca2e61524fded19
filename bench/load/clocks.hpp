// The clock that everything is measured with, and the processor clock of a server.
#pragma once

#include <cstdint>
#include <ctime>
#include <stdexcept>

namespace load {

using nanoseconds = std::uint64_t;

inline nanoseconds now(clockid_t clock = CLOCK_MONOTONIC) {
    timespec time{};
    ::clock_gettime(clock, &time);
    return static_cast<nanoseconds>(time.tv_sec) * 1'000'000'000u + static_cast<nanoseconds>(time.tv_nsec);
}

inline nanoseconds from_seconds(double seconds) { return static_cast<nanoseconds>(seconds * 1e9); }

// The processor time that a process has used with all its threads; always 0 for process 0.
class server_clock {
public:
    explicit server_clock(int process) : process_(process) {
        if (process != 0 && ::clock_getcpuclockid(process, &clock_) != 0)
            throw std::runtime_error("no such server process");
    }

    bool exists() const { return process_ != 0; }
    nanoseconds time() const { return exists() ? now(clock_) : 0; }

private:
    int process_;
    clockid_t clock_{};
};

}  // namespace load
