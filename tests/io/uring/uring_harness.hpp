// Drives a bare engine: no loop, no coroutines. Operations are started by hand, and a turn visits the engine
// once.
#pragma once

#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <doctest/doctest.h>
#include <libasync/io/engine.hpp>
#include <libasync/io/native_socket.hpp>

namespace uring_test {

using namespace std::chrono_literals;
using namespace std::string_literals;
using namespace async::io;
using async::chunk;
using async::const_bytes;
using async::endpoint;

// For the time of a test, the engine does without the features that are named.
class disabled {
public:
    explicit disabled(const char* features) { ::setenv("LIBASYNC_URING_DISABLE", features, 1); }
    ~disabled() { ::unsetenv("LIBASYNC_URING_DISABLE"); }
};

// Does nothing where the kernel refuses io_uring: `if (!driver) return;`.
class test_driver {
public:
    explicit test_driver(const engine_settings& settings = {}) : engine_(make_uring_engine(settings, why_)) {
        if (!engine_) MESSAGE("no io_uring: ", why_);
    }
    ~test_driver() {
        if (engine_) engine_->shut_down();
    }

    explicit operator bool() const { return engine_ != nullptr; }
    engine& operator*() const { return *engine_; }
    engine* operator->() const { return engine_.get(); }
    void destroy() { engine_.reset(); }

    // One visit; operations that want to try first do so. Returns how many operations ended.
    unsigned turn(std::chrono::milliseconds patience = 0ms) {
        engine_->visit(patience == 0ms ? async::time_point::min() : engine_->clock() + patience);
        unsigned ended = 0;
        async::detail::ready_list ready;
        ready.splice_back(engine_->completed);
        while (!ready.empty()) {
            async::detail::ready_node* node = ready.pop_front();
            if (!node->run || node->run(node)) ++ended;
        }
        return ended;
    }

    // False if it has not come true within 5 s.
    template <class Condition>
    bool turn_until(Condition&& condition) {
        const auto end = engine_->clock() + 5s;
        while (!condition()) {
            if (engine_->clock() > end) return false;
            turn(20ms);
        }
        return true;
    }

    bool finish(operation& op) {
        return turn_until([&] { return op.state == op_state::done && !op.linked(); });
    }
    bool run(operation& op) { return engine_->start(op) || finish(op); }

    // Until nothing moves any more.
    void settle() {
        for (int quiet = 0; quiet < 3; ++quiet) {
            const std::uint64_t before = engine_->statistics().completions;
            if (turn(2ms) != 0 || engine_->has_queued() || engine_->statistics().completions != before) quiet = -1;
        }
    }

    std::uint64_t enters() const { return engine_->statistics().enters; }

private:
    std::string why_;
    std::unique_ptr<engine> engine_;
};

// A stream of the engine and, at the other end, a bare descriptor.
struct pair {
    explicit pair(engine& e) {
        int fds[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
        peer = fds[1];
        stream = e.adopt(fds[0], socket_role::stream);
    }
    pair(pair&& other) noexcept : stream(std::move(other.stream)), peer(std::exchange(other.peer, -1)) {}
    ~pair() { hang_up(); }

    void hang_up() {
        if (peer >= 0) ::close(std::exchange(peer, -1));
    }
    // Goes on after a short send: a process that is stopped meanwhile, and continued, sees one.
    void feed(std::string_view text) const {
        while (!text.empty()) {
            const ssize_t sent = ::send(peer, text.data(), text.size(), 0);
            REQUIRE(sent > 0);
            text.remove_prefix(std::size_t(sent));
        }
    }
    // What has arrived at the other end.
    std::string drain() const {
        std::string all(1 << 20, '\0');
        const ssize_t got = ::recv(peer, all.data(), all.size(), MSG_DONTWAIT);
        all.resize(got > 0 ? std::size_t(got) : 0);
        return all;
    }

    socket_ptr stream;
    int peer = -1;
};

inline std::string read_text(test_driver& driver, async::io::socket& s) {
    receive_chunk_op op(&s);
    REQUIRE(driver.run(op));
    CHECK(op.error == 0);
    return std::string(op.received.text());
}

// Reads until `size` bytes have come, or the end.
inline std::string read_exactly(test_driver& driver, async::io::socket& s, std::size_t size) {
    std::string all;
    while (all.size() < size) {
        const std::string piece = read_text(driver, s);
        if (piece.empty()) break;
        all += piece;
    }
    return all;
}

inline bool open_descriptor(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

// Sets the limit on descriptors for the time of a test.
class descriptor_limit {
public:
    explicit descriptor_limit(rlim_t limit) {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const rlimit now{limit < before_.rlim_max ? limit : before_.rlim_max, before_.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &now);
    }
    ~descriptor_limit() { ::setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_{};
};

inline std::string pattern(std::size_t size, unsigned seed = 1) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + (i * 7 + i / 251 + seed) % 26);
    return text;
}

}  // namespace uring_test
