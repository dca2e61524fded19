// Frames that are destroyed while the kernel holds their operation: the engine waits for the completion first. An
// engine that does not, and so lets the frame be freed at the cancellation, is found out by the same scenario.
#include <doctest/doctest.h>

#include <csignal>
#include <cstdio>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

#include <libasync/async.hpp>
#include <libasync/io/uring/uring_engine.hpp>
#include <tests/support/network.hpp>
#include <tests/support/quarantine.hpp>

using namespace async;
using namespace async_tests;

namespace {

// Asks for the cancellation, and forgets to wait for its outcome.
class careless_engine final : public io::uring::uring_engine {
public:
    using uring_engine::uring_engine;
    void cancel_and_wait(io::operation& op) noexcept override { cancel(op); }
};

watched_coroutine write_all(tcp_stream& stream, const std::string& text) { co_await stream.write(text); }

// Destroys frames whose write fills the connection, then reads, and gives the number of frames that were written to
// after their end.
task<std::size_t> destroy_pending_writes(int count) {
    const std::string text(8 << 20, 'x');
    const std::size_t before = quarantine::current().touched();
    for (int i = 0; i < count; ++i) {
        stream_pair pair = co_await connected_pair({.send_buffer = 16 * 1024});
        {
            watched_coroutine writer = write_all(pair.client, text);
            co_await yield();
            co_await sleep(std::chrono::milliseconds(1));
            CHECK_FALSE(writer.done());
        }
        for (int turns = 0; turns < 5; ++turns) co_await sleep(std::chrono::microseconds(200));
        pair.client.abort();
        for (int turns = 0; turns < 5; ++turns) co_await yield();
    }
    co_return quarantine::current().touched() - before;
}

template <class Engine>
std::size_t frames_touched(int count) {
    runner r(std::make_unique<Engine>(io::engine_settings{}), {});
    return r.run(destroy_pending_writes(count));
}

bool ring_is_refused() {
    std::string why;
    if (io::make_uring_engine({}, why)) return false;
    MESSAGE("no io_uring here: " << why);
    return true;
}

}  // namespace

TEST_CASE("a frame that is destroyed while the kernel sends from it is not touched afterwards") {
    if (ring_is_refused()) return;
    CHECK(frames_touched<io::uring::uring_engine>(20) == 0);
}

TEST_CASE("the same scenario finds an engine that lets the frame go at the cancellation") {
    if (ring_is_refused()) return;
    // In a process of its own: what is left of the frame may well make it crash, which is as good a find.
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        if (std::freopen("/dev/null", "w", stderr) == nullptr) ::_exit(0);
        ::signal(SIGSEGV, SIG_DFL);
        ::signal(SIGABRT, SIG_DFL);
        ::_exit(frames_touched<careless_engine>(3) == 0 ? 0 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK_FALSE((WIFEXITED(status) && WEXITSTATUS(status) == 0));
}
