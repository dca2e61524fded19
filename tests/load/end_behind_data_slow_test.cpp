// Streams that end at once after their data. A multishot receive of io_uring misses such an end now and then.
#include <doctest/doctest.h>

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <string_view>
#include <thread>

#include <tests/load/load.hpp>

using namespace async;
using namespace async_tests;
using namespace std::chrono_literals;

namespace {

constexpr int rounds = full_load(200'000);
constexpr int delays = 400;
constexpr std::string_view text = "the last words";

// Ends, from a thread of its own, one stream after the other: it writes and shuts down at once.
class ending_peer {
public:
    ending_peer() : thread_([this] { serve(); }) {}
    ~ending_peer() {
        stop_ = true;
        thread_.join();
    }

    void end(int handle) { handle_ = handle; }

private:
    void serve() {
        for (unsigned round = 0; !stop_; ++round) {
            int handle = -1;
            while (handle < 0 && !stop_) handle = handle_.exchange(-1);
            if (handle < 0) return;
            for (std::atomic<unsigned> waited{0}; waited < round % delays;) ++waited;
            static_cast<void>(::send(handle, text.data(), text.size(), MSG_NOSIGNAL));
            ::shutdown(handle, SHUT_WR);
            ::close(handle);
        }
    }

    std::atomic<int> handle_{-1};
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

task<std::size_t> size_of_all(unix_stream& stream) {
    std::size_t size = 0;
    for (;;) {
        const chunk piece = co_await stream.read();
        if (piece.empty()) co_return size;
        size += piece.size();
    }
}

}  // namespace

TEST_CASE("the end of a stream is not missed when it comes right behind data") {
    async::run([]() -> task<void> {
        ending_peer peer;
        for (int i = 0; i < rounds; ++i) {
            std::array<int, 2> ends{};
            REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
            unix_stream stream = unix_stream::adopt(ends[0]);
            peer.end(ends[1]);
            const std::size_t size = co_await timeout(5s, size_of_all(stream));
            REQUIRE(size == text.size());
            co_await stream.close();
        }
    }());
}
