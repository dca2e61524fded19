#include <libasync/loop/log.hpp>

#include <cstdio>
#include <mutex>
#include <optional>
#include <utility>

namespace async::inline v0 {

namespace {

struct log_state {
    std::mutex mutex;
    log_handler handler;
    std::optional<log_handler> successor;  // set by the handler itself: it stays until its call has ended
};

log_state& state() {
    static log_state& instance = *new log_state;  // never destroyed: the last thing that is said may be said by statics
    return instance;
}

// A handler that logs itself, or replaces itself, must not wait for itself: this thread has the mutex.
thread_local bool in_handler = false;

void write_line(std::string_view message) noexcept {
    std::fprintf(stderr, "libasync: %.*s\n", static_cast<int>(message.size()), message.data());
}

// Gives the handler that was replaced: it goes when the mutex is free, for its end may wait for a thread that logs.
log_handler call_handler(log_level level, std::string_view message) noexcept {
    log_handler& handler = state().handler;
    try {
        if (handler) {
            handler(level, message);
        } else {
            write_line(message);
        }
    } catch (...) {
        write_line(message);
    }
    if (!state().successor) return {};
    log_handler replaced = std::exchange(handler, std::move(*state().successor));
    state().successor.reset();
    return replaced;
}

}  // namespace

void set_log_handler(log_handler handler) {
    if (in_handler) {
        std::optional<log_handler> replaced(std::move(handler));
        std::swap(state().successor, replaced);
        return;
    }
    const std::lock_guard lock(state().mutex);
    std::swap(state().handler, handler);  // the old one goes when the mutex is free: its end may be logged
}

namespace detail {

void log(log_level level, std::string_view message) noexcept {
    if (in_handler) return write_line(message);
    log_handler replaced;
    in_handler = true;
    try {
        const std::lock_guard lock(state().mutex);
        replaced = call_handler(level, message);
    } catch (...) {
        write_line(message);
    }
    in_handler = false;
}

}  // namespace detail

}  // namespace async::inline v0
