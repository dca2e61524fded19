#include <libasync/loop/log.hpp>

#include <cstdio>
#include <mutex>

namespace async::inline v0 {

namespace {

struct log_state {
    std::mutex mutex;
    log_handler handler;
};

log_state& state() {
    static log_state& instance = *new log_state;  // never destroyed: the last thing that is said may be said by statics
    return instance;
}

// A handler that logs itself must not wait for itself.
thread_local bool in_handler = false;

void write_line(std::string_view message) noexcept {
    std::fprintf(stderr, "libasync: %.*s\n", static_cast<int>(message.size()), message.data());
}

}  // namespace

void set_log_handler(log_handler handler) {
    const std::lock_guard lock(state().mutex);
    state().handler = std::move(handler);
}

namespace detail {

void log(log_level level, std::string_view message) noexcept {
    if (in_handler) return write_line(message);
    in_handler = true;
    try {
        const std::lock_guard lock(state().mutex);
        if (state().handler) {
            state().handler(level, message);
        } else {
            write_line(message);
        }
    } catch (...) {
        write_line(message);
    }
    in_handler = false;
}

}  // namespace detail

}  // namespace async::inline v0
