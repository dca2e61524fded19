#include <libasync/net/readiness.hpp>

#include <doctest/doctest.h>

#include <array>
#include <string>

#include <libasync/net/pipe.hpp>
#include <libasync/net/unix_stream.hpp>

#include <tests/support/expect.hpp>
#include <tests/support/network.hpp>
#include <tests/support/scripted.hpp>

#ifndef _WIN32

using namespace async_tests;

namespace {

// Descriptors that no loop has, as those of another library.
struct foreign_pair {
    explicit foreign_pair(io::system_calls& s) : system(s) { REQUIRE(s.open_pair(io::socket_type::stream, ends) == 0); }
    ~foreign_pair() {
        system.close_socket(ends.first);
        if (ends.second != invalid_handle) system.close_socket(ends.second);
    }
    io::system_calls& system;
    io::handle_pair ends;
};

task<void> wait_for(native_handle handle) { co_await readable(handle); }

}  // namespace

TEST_CASE("readable completes when there is something to read, and takes nothing") {
    async::run([]() -> task<void> {
        foreign_pair pair(this_engine().calls());
        auto waiting = create_task(wait_for(pair.ends.first));
        co_await yield();
        co_await yield();
        CHECK_FALSE(waiting.done());
        REQUIRE(pair.system.send_now(pair.ends.second, "x").bytes == 1);
        co_await waiting;
        co_await readable(pair.ends.first);  // it is still there
        std::array<std::byte, 8> buffer{};
        std::array<native_handle, 1> none{};
        CHECK(pair.system.receive_handles(pair.ends.first, buffer, none).bytes == 1);
    }());
}

TEST_CASE("readable completes at the end, writable while there is room") {
    async::run([]() -> task<void> {
        foreign_pair pair(this_engine().calls());
        co_await writable(pair.ends.first);
        pair.system.close_socket(std::exchange(pair.ends.second, invalid_handle));
        co_await readable(pair.ends.first);
    }());
}

TEST_CASE("writable waits for room") {
    async::run([]() -> task<void> {
        foreign_pair pair(this_engine().calls());
        const std::string block(64 * 1024, 'x');
        while (pair.system.send_now(pair.ends.first, block).error == 0) {
        }
        auto waiting = create_task([](native_handle h) -> task<void> { co_await writable(h); }(pair.ends.first));
        co_await yield();
        co_await yield();
        CHECK_FALSE(waiting.done());
        std::vector<std::byte> buffer(256 * 1024);
        std::array<native_handle, 1> none{};
        while (pair.system.receive_handles(pair.ends.second, buffer, none).error == 0) {
        }
        co_await waiting;
    }());
}

TEST_CASE("a wait that is cancelled leaves the handle as it was, and another one can begin at once") {
    async::run([]() -> task<void> {
        foreign_pair pair(this_engine().calls());
        for (int i = 0; i < 10; ++i) {
            const auto nothing = co_await move_on_after(0ms, readable(pair.ends.first));
            CHECK_FALSE(nothing);
        }
        auto waiting = create_task(wait_for(pair.ends.first));
        co_await yield();
        REQUIRE(pair.system.send_now(pair.ends.second, "x").bytes == 1);
        co_await waiting;
    }());
}

TEST_CASE("a handle that is not open is an error that names it") {
    async::run([]() -> task<void> {
        const std::error_code error = co_await error_of(readable(native_handle{987654}));
        CHECK(error == std::errc::bad_file_descriptor);
        const std::string message = co_await message_of(writable(native_handle{987654}));
        CHECK(message.find("writable 987654") != message.npos);
    }());
}

TEST_CASE("a wait beside a stream that reads takes nothing from it") {
    if (on_sim()) return;  // one waits for a handle there at a time
    async::run([]() -> task<void> {
        auto [a, b] = unix_stream::pair();
        auto reading = create_task(b.read_exactly(5));
        auto waiting = create_task(wait_for(a.handle()));
        co_await yield();
        co_await a.write("hello");
        const std::string text = co_await reading;
        CHECK(text == "hello");
        co_await b.write("x");
        co_await waiting;
    }());
}

#endif
