// Objects that go, and events that come, at awkward moments.
#include <doctest/doctest.h>

#include <limits>
#include <optional>

#include <libasync/async.hpp>
#include <tests/support/files.hpp>
#include <tests/support/network.hpp>

#ifndef _WIN32
#include <sys/socket.h>
#endif

using namespace async;
using namespace async_tests;
using namespace std::chrono_literals;

namespace {

template <class T>
task<std::error_code> code_of(task<T> t) {
    try {
        static_cast<void>(co_await std::move(t));
    } catch (const std::system_error& e) {
        co_return e.code();
    }
    co_return std::error_code();
}

task<void> keep_yielding_by_sleep(const bool& stop) {
    while (!stop) co_await sleep(0s);
}

}  // namespace

TEST_CASE("a stream may go before the task that wraps a read of it has started") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        auto reading = create_task(code_of(timeout(1s, pair.server.read())));
        pair.server = {};
        const std::error_code code = co_await reading;
        CHECK(code == errc::closed);
    }());
}

TEST_CASE("a file may go before the task that wraps a read of it has started") {
    async::run([]() -> task<void> {
        const temporary_directory directory;
        const std::string path = directory / "file";
        co_await write_file(path, "text");
        file f = co_await file::open(path);
        std::array<std::byte, 4> memory;
        auto reading = create_task(code_of(timeout(1s, f.read_at(memory, 0))));
        f = {};
        const std::error_code code = co_await reading;
        CHECK(code == errc::closed);
    }());
}

TEST_CASE("a handle may go before the task that waits for its task has started") {
    async::run([]() -> task<void> {
        auto sleeper = create_task([]() -> task<void> { co_await sleep(1ms); }());
        auto waiting = create_task(timeout(1s, sleeper.wait()));
        sleeper = {};
        co_await waiting;
    }());
}

TEST_CASE("a stream that is assigned to itself stays open") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        tcp_stream& same = pair.server;
        pair.server = std::move(same);
        CHECK(pair.server.is_open());
        co_return;
    }());
}

TEST_CASE("a timer that is always due does not keep what arrives waiting") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        bool stop = false;
        auto busy = create_task(keep_yielding_by_sleep(stop));
        auto late = create_task([](tcp_stream& s) -> task<void> {
            co_await sleep(2ms);
            co_await s.write("x");
        }(pair.client));
        const std::optional<chunk> got = co_await move_on_after(5s, pair.server.read());
        stop = true;
        REQUIRE(got);
        CHECK(got->text() == "x");
        co_await late;
        co_await busy;
    }());
}

TEST_CASE("tasks that join each other in a circle end when one is cancelled") {
    async::run([]() -> task<void> {
        task_handle<void> a;
        task_handle<void> b;
        a = create_task([](task_handle<void>& other) -> task<void> {
            co_await yield();
            co_await other;
        }(b));
        b = create_task([](task_handle<void>& other) -> task<void> {
            co_await yield();
            co_await other;
        }(a));
        for (int i = 0; i < 5; ++i) co_await yield();
        CHECK_FALSE(a.done());
        a.cancel();
        for (int i = 0; i < 20 && !(a.done() && b.done()); ++i) co_await yield();
        CHECK(a.done());
        CHECK(b.done());
    }());
}

TEST_CASE("a stream that waited for more after a short read may outlive its loop") {
    std::optional<stream_pair> pair;
    {
        runner r;
        pair = r.run(connected_pair());
        r.run([](stream_pair& pair) -> task<void> {
            co_await pair.client.write("x");
            std::array<std::byte, 8> memory;
            const std::size_t count = co_await pair.server.read_some(memory);
            CHECK(count == 1);
            const auto more = co_await move_on_after(1ms, pair.server.read_some(memory));
            CHECK_FALSE(more);
        }(*pair));
    }
    CHECK(pair->server.is_open());
}

TEST_CASE("a child cannot wait for the task that waits for it") {
    async::run([]() -> task<void> {
        std::optional<task_handle<void>> parent;
        bool refused = false;
        parent = create_task([](std::optional<task_handle<void>>& self, bool& told) -> task<void> {
            co_await yield();
            co_await gather([](task_handle<void>& outer, bool& t) -> task<void> {
                try {
                    co_await outer;
                } catch (const std::logic_error&) {
                    t = true;
                }
            }(*self, told));
        }(parent, refused));
        co_await parent->wait();
        CHECK(refused);
    }());
}

TEST_CASE("an offset that no file has is an error, not the current position") {
    async::run([]() -> task<void> {
        const temporary_directory directory;
        const std::string path = directory / "file";
        co_await write_file(path, "text");
        file f = co_await file::open(path);
        std::array<std::byte, 4> memory;
        const result<std::size_t> got =
            co_await as_result(f.read_at(memory, std::numeric_limits<std::uint64_t>::max()));
        CHECK_FALSE(got);
        CHECK(got.error() == std::errc::invalid_argument);
        co_await f.close();
    }());
}

TEST_CASE("empty callbacks and empty handles are refused with an exception") {
    async::run([]() -> task<void> {
        loop& here = this_loop();
        CHECK_THROWS_AS(here.call_soon(nullptr), std::invalid_argument);
        CHECK_THROWS_AS(here.post(nullptr), std::invalid_argument);
        CHECK_THROWS_AS(timer(here, nullptr), std::invalid_argument);
        CHECK_THROWS_AS(notifier(here, nullptr), std::invalid_argument);
        task_handle<void> empty;
        empty.cancel();
        CHECK_THROWS_AS(static_cast<void>(empty.done()), std::logic_error);
        CHECK_THROWS_AS(static_cast<void>(empty.name()), std::logic_error);
        co_return;
    }());
}

#ifndef _WIN32

TEST_CASE("urgent data in the stream does not hide what comes after it") {
    if (on_sim()) {
        MESSAGE("skipped: a simulated network has no urgent data");
        return;
    }
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        const int peer = static_cast<int>(pair.client.handle());
        CHECK(::send(peer, "a", 1, 0) == 1);
        CHECK(::send(peer, "b", 1, MSG_OOB) == 1);
        CHECK(::send(peer, "c", 1, 0) == 1);
        std::string got;
        std::array<std::byte, 64> memory;
        while (got != "ac") {
            const auto count = co_await move_on_after(5s, pair.server.read_some(memory));
            REQUIRE(count);
            got.append(reinterpret_cast<const char*>(memory.data()), *count);
        }
    }());
}

#endif
