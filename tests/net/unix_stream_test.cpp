#include <libasync/net/unix_stream.hpp>

#include <doctest/doctest.h>

#include <array>
#include <string>

#include <libasync/net/pipe.hpp>
#include <libasync/net/unix_listener.hpp>
#include <libasync/testing/check_stream.hpp>
#include <libasync/testing/wait_all_tasks_blocked.hpp>

#include <tests/support/corks.hpp>
#include <tests/support/expect.hpp>
#include <tests/support/files.hpp>
#include <tests/support/network.hpp>
#include <tests/support/scripted.hpp>

#ifndef _WIN32

using namespace async_tests;

namespace {

struct unix_pair {
    unix_stream client;
    unix_stream server;
    unix_pair(unix_stream c, unix_stream s) : client(std::move(c)), server(std::move(s)) {}
};

task<unix_pair> paired() {
    auto [a, b] = unix_stream::pair();
    co_return unix_pair(std::move(a), std::move(b));
}

task<std::string> text_of(unix_stream& stream, std::size_t size) {
    std::array<std::byte, 64> buffer{};
    const std::size_t count = co_await stream.read_some(std::span(buffer).first(size));
    co_return std::string(reinterpret_cast<const char*>(buffer.data()), count);
}

}  // namespace

TEST_CASE("unix streams keep what a byte_stream promises") {
    CHECK_NOTHROW(async::run(async::testing::check_stream(paired)));
}

TEST_CASE("handles come with the byte that they were sent with") {
    async::run([]() -> task<void> {
        auto [a, b] = unix_stream::pair({.receives_handles = true});
        auto [reader, writer] = async::pipe::create();
        co_await a.write("before");
        const std::array<native_handle, 1> handles = {writer.write_handle()};
        const std::size_t sent = co_await a.send_handles("!", handles);
        CHECK(sent == 1);
        co_await a.write("after");
        std::array<std::byte, 64> buffer{};
        received_handles got = co_await b.receive_handles(buffer);
        std::size_t bytes = got.bytes();
        while (got.empty()) {
            got = co_await b.receive_handles(buffer);
            bytes += got.bytes();
        }
        CHECK(bytes >= 7);
        REQUIRE(got.size() == 1);
        async::pipe copy = async::pipe::adopt(invalid_handle, got.take(0));
        co_await writer.close();
        co_await copy.write("through the copy");
        co_await copy.close();
        const std::string text = co_await reader.read_all();
        CHECK(text == "through the copy");
    }());
}

TEST_CASE("handles that nobody takes are closed, and so are more than were asked for") {
    async::run([]() -> task<void> {
        auto [a, b] = unix_stream::pair({.receives_handles = true});
        auto [reader, writer] = async::pipe::create();
        const std::array<native_handle, 2> two = {writer.write_handle(), writer.write_handle()};
        std::array<std::byte, 64> buffer{};
        {
            co_await a.send_handles("x", two);
            const received_handles dropped = co_await b.receive_handles(buffer);
            CHECK(dropped.size() == 2);
        }
        co_await a.send_handles("y", two);
        const std::error_code too_many = co_await error_of(b.receive_handles(buffer, 1));
        CHECK(too_many == std::errc::message_size);
        co_await writer.close();
        const std::string text = co_await reader.read_all();  // there is no copy that is still open
        CHECK(text.empty());
    }());
}

TEST_CASE("handles that are on their way when the stream closes are closed") {
    async::run([]() -> task<void> {
        auto [a, b] = unix_stream::pair({.receives_handles = true});
        auto [reader, writer] = async::pipe::create();
        const std::array<native_handle, 1> handles = {writer.write_handle()};
        co_await a.send_handles("x", handles);
        co_await a.send_handles("y", handles);
        co_await writer.close();
        co_await b.close();
        const std::string rest = co_await reader.read_all();
        CHECK(rest.empty());
    }());
}

TEST_CASE("handles that come to a plain read are closed") {
    async::run([]() -> task<void> {
        auto [a, b] = unix_stream::pair();
        auto [reader, writer] = async::pipe::create();
        const std::array<native_handle, 1> handles = {writer.write_handle()};
        co_await a.send_handles("x", handles);
        const std::string text = co_await text_of(b, 1);
        CHECK(text == "x");
        co_await writer.close();
        const std::string rest = co_await reader.read_all();
        CHECK(rest.empty());
    }());
}

TEST_CASE("misuse of handles is told") {
    async::run([]() -> task<void> {
        auto [a, b] = unix_stream::pair();
        std::array<std::byte, 8> buffer{};
        CHECK_THROWS_AS(static_cast<void>(b.receive_handles(buffer)), std::logic_error);
        CHECK_THROWS_AS(static_cast<void>(a.send_handles("", {})), std::invalid_argument);
        const std::array<native_handle, 1> wrong = {native_handle{987654}};
        const std::error_code bad = co_await error_of(a.send_handles("x", wrong));
        CHECK(bad == std::errc::bad_file_descriptor);
        co_await a.write("goes on");
        const std::string text = co_await b.read_exactly(7);
        CHECK(text == "goes on");
    }());
}

TEST_CASE("the peer's credentials are those of this process") {
    async::run([]() -> task<void> {
        auto [a, b] = unix_stream::pair();
        const process_credentials peer = a.peer_credentials();
        CHECK(peer.pid > 0);
        CHECK(a.remote_endpoint().empty());
        co_return;
    }());
}

TEST_CASE("a stream that was released is adopted with what had arrived") {
    async::run([]() -> task<void> {
        auto [a, b] = unix_stream::pair();
        co_await a.write("first second");
        const std::string first = co_await b.read_exactly(5);
        CHECK(first == "first");
        released_socket given = co_await b.release();
        CHECK_FALSE(b.is_open());
        CHECK(given.is_open());
        unix_stream again = unix_stream::adopt(std::move(given));
        co_await a.write(" third");
        co_await a.shutdown_write();
        const std::string rest = co_await again.read_all();
        CHECK(rest == " second third");
    }());
}

TEST_CASE("handles do not come into the midst of a write: they are refused, and so are writes beside them") {
    async::run([]() -> task<void> {
        auto [a, b] = unix_stream::pair({.receives_handles = true});
        const std::string large = pattern(4'000'000);
        const std::array<native_handle, 1> handles = {a.handle()};
        auto write = [](unix_stream& stream, const std::string& text) -> task<void> { co_await stream.write(text); };
        auto writing = create_task(write(a, large));
        co_await async::testing::wait_all_tasks_blocked();
        REQUIRE_FALSE(writing.done());
        const std::error_code busy = co_await error_of(a.send_handles("x", handles));
        CHECK(busy == errc::busy);
        const std::string got = co_await b.read_exactly(large.size());
        CHECK(same(got, large));
        co_await writing;

        fill_up(a.handle());
        auto send = [](unix_stream& stream, native_handle h) -> task<std::size_t> {
            const std::array<native_handle, 1> some = {h};
            co_return co_await stream.send_handles("!", some);
        };
        auto sending = create_task(send(a, a.handle()));
        co_await async::testing::wait_all_tasks_blocked();
        REQUIRE_FALSE(sending.done());
        const std::error_code refused = co_await error_of(a.write("x"));
        CHECK(refused == errc::busy);
        const std::error_code second = co_await error_of(a.send_handles("x", handles));
        CHECK(second == errc::busy);
        std::string rest;
        while (!rest.ends_with('!')) {
            const chunk data = co_await b.read();
            rest += data.text();
        }
        const std::size_t sent = co_await sending;
        CHECK(sent == 1);
        co_await a.write("x");
    }());
}

TEST_CASE("receive_handles is refused beside another reader, from whom it takes nothing") {
    async::run([]() -> task<void> {
        auto [a, b] = unix_stream::pair({.receives_handles = true});
        std::array<std::byte, 64> buffer{};
        auto line = create_task(b.read_line());
        co_await async::testing::wait_all_tasks_blocked();
        const std::error_code waiting = co_await error_of(b.receive_handles(buffer));
        CHECK(waiting == errc::busy);
        co_await a.write("a li");
        for (int i = 0; i < 5; ++i) {
            const std::error_code busy = co_await error_of(b.receive_handles(buffer));
            CHECK(busy == errc::busy);
            co_await yield();
        }
        co_await a.write("ne\n");
        const std::string text = co_await line;
        CHECK(text == "a line\n");
    }());
}

TEST_CASE("what comes behind handles is read at once, though these have ended a read before it") {
    async::run([]() -> task<void> {
        auto [a, b] = unix_stream::pair({.receives_handles = true});
        const std::array<native_handle, 1> handles = {a.handle()};
        co_await a.send_handles("x", handles);
        co_await a.write("rest");
        const std::string first = co_await text_of(b, 64);
        CHECK(first.starts_with("x"));
        auto reading = create_task(b.read_exactly(5 - first.size()));
        co_await async::testing::wait_all_tasks_blocked();
        CHECK(reading.done());
        const std::string rest = co_await reading;
        CHECK(first + rest == "xrest");
    }());
}

TEST_CASE("in a cancelled scope nobody connects") {
    async::run([]() -> task<void> {
        const temporary_directory directory;
        unix_listener listener = unix_listener::bind(directory / "socket");
        auto connect_late = [](unix_endpoint where) -> task<void> {
            try {
                co_await sleep(24h);
            } catch (const cancelled&) {
            }
            unix_stream stream = co_await unix_connect(where);
            co_await stream.write("x");
        };
        auto connecting = create_task(connect_late(listener.local_endpoint()));
        co_await yield();
        connecting.cancel();
        co_await connecting.wait();
        const auto nobody = co_await move_on_after(10ms, listener.accept());
        CHECK_FALSE(nobody);
        co_await listener.close();
    }());
}

#endif
