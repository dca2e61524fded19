// What tests ask of the failures of awaitables, and ears for reports and log lines.
#pragma once

#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <libasync/async.hpp>

namespace async_tests {

// Whether awaiting ends with an exception of that type. Others go through.
template <class Exception, class Awaitable>
async::task<bool> throws(Awaitable awaitable) {
    try {
        static_cast<void>(co_await std::move(awaitable));
    } catch (const Exception&) {
        co_return true;
    }
    co_return false;
}

// The error that awaiting ends with; zero if there is none.
template <class Awaitable>
async::task<std::error_code> error_of(Awaitable awaitable) {
    try {
        static_cast<void>(co_await std::move(awaitable));
    } catch (const std::system_error& e) {
        co_return e.code();
    }
    co_return std::error_code{};
}

// The message of the exception that awaiting ends with; empty if there is none.
template <class Awaitable>
async::task<std::string> message_of(Awaitable awaitable) {
    try {
        static_cast<void>(co_await std::move(awaitable));
    } catch (const std::exception& e) {
        co_return e.what();
    }
    co_return std::string{};
}

inline std::string what_of(const std::exception_ptr& exception) {
    try {
        if (exception) std::rethrow_exception(exception);
    } catch (const std::exception& e) {
        return e.what();
    } catch (...) {
        return "not a std::exception";
    }
    return {};
}

struct reported {
    std::string message;
    std::string task_name;
    std::string file;
    unsigned line;
    std::string what;
};

// Collects what a loop reports.
class report_recorder {
public:
    explicit report_recorder(async::loop& loop) {
        loop.set_exception_handler([this](const async::exception_context& c) {
            reports.push_back({std::string(c.message), std::string(c.task_name), c.created.file_name(),
                               c.created.line(), what_of(c.exception)});
        });
    }
    report_recorder(const report_recorder&) = delete;
    report_recorder& operator=(const report_recorder&) = delete;

    std::vector<reported> reports;
};

// Collects what the library logs, as long as it lives.
class log_recorder {
public:
    log_recorder() {
        async::set_log_handler([this](async::log_level level, std::string_view message) {
            levels.push_back(level);
            lines.emplace_back(message);
        });
    }
    log_recorder(const log_recorder&) = delete;
    log_recorder& operator=(const log_recorder&) = delete;
    ~log_recorder() { async::set_log_handler({}); }

    bool has(std::string_view text) const {
        for (const std::string& line : lines) {
            if (line.find(text) != std::string::npos) return true;
        }
        return false;
    }

    std::vector<async::log_level> levels;
    std::vector<std::string> lines;
};

// Counts its constructions and destructions.
struct counted {
    static inline int made = 0;
    static inline int gone = 0;
    static void reset() { made = gone = 0; }
    static int alive() { return made - gone; }

    counted() { ++made; }
    explicit counted(int v) : value(v) { ++made; }
    counted(const counted& other) : value(other.value) { ++made; }
    counted(counted&& other) noexcept : value(std::exchange(other.value, -1)) { ++made; }
    counted& operator=(const counted&) = default;
    counted& operator=(counted&& other) noexcept {
        value = std::exchange(other.value, -1);
        return *this;
    }
    ~counted() {
        ++gone;
        value = -2;
    }

    int value = 0;
};

}  // namespace async_tests
