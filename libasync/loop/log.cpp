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
    static log_state instance;
    return instance;
}

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
}

}  // namespace detail

}  // namespace async::inline v0
