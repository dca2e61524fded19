#include <libasync/net/memory_stream.hpp>

#include <doctest/doctest.h>

#include <array>
#include <optional>
#include <string>

#include <libasync/testing/allocations.hpp>
#include <libasync/testing/check_stream.hpp>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>
#include <tests/support/stream_kinds.hpp>

using namespace async_tests;
using async::testing::check_stream;
using async::testing::wait_all_tasks_blocked;

namespace {

task<void> write_text(memory_stream& stream, std::string text) { co_await stream.write(text); }

template <std::size_t capacity>
task<pair_of<memory_stream, memory_stream>> connect_with() {
    auto [client, server] = memory_stream::pair(capacity);
    co_return pair_of(std::move(client), std::move(server));
}

}  // namespace

TEST_CASE("memory streams keep what a byte_stream promises, whatever their capacity") {
    CHECK_NOTHROW(async::run(check_stream(connect_with<64 * 1024>, {.more_than_buffers = 1 << 20})));
    CHECK_NOTHROW(async::run(check_stream(connect_with<1000>, {.more_than_buffers = 1 << 16})));
}

TEST_CASE("a memory stream of a single byte carries everything, byte by byte") {
    async::run([]() -> task<void> {
        auto [client, server] = memory_stream::pair(1);
        const std::string text = pattern(3000);
        auto writer = create_task(write_text(client, text));
        const std::string got = co_await server.read_exactly(text.size());
        CHECK(got == text);
        co_await writer;
    }());
}

TEST_CASE("memory streams need a capacity, and no loop to be made") {
    CHECK_THROWS_AS(static_cast<void>(memory_stream::pair(0)), std::invalid_argument);
    auto [client, server] = memory_stream::pair();
    CHECK(client.is_open());
    CHECK(byte_stream<memory_stream>);
}

TEST_CASE("a write takes what there is room for, and waits with the rest") {
    async::run([]() -> task<void> {
        auto [client, server] = memory_stream::pair(10);
        co_await client.write("0123", "456789");
        CHECK(client.written() == 10);
        auto writer = create_task(write_text(client, "abcdefghijklmno"));
        co_await wait_all_tasks_blocked();
        CHECK_FALSE(writer.done());
        std::array<std::byte, 4> room;
        static_cast<void>(co_await server.read_some(room));
        CHECK(client.written() == 14);
        std::string got = co_await server.read_exactly(10);
        CHECK(got == "456789abcd");
        got = co_await server.read_exactly(11);
        CHECK(got == "efghijklmno");
        co_await writer;
        CHECK(client.written() == 25);
    }());
}

TEST_CASE("the peer of an end that was closed reads the rest and the end; what it writes fails with broken_pipe") {
    for (const bool destroyed : {false, true}) {
        async::run([](bool destroyed) -> task<void> {
            auto [near, far] = memory_stream::pair(100);
            std::optional<memory_stream> end = std::move(near);
            auto writer = create_task(write_text(far, std::string(200, 'x')));
            co_await end->write("last words");
            co_await wait_all_tasks_blocked();
            if (destroyed) {
                end.reset();
            } else {
                co_await end->close();
            }
            std::error_code code = co_await error_of(std::move(writer));
            CHECK(code == std::errc::broken_pipe);
            const std::string got = co_await far.read_all();
            CHECK(got == "last words");
            for (int i = 0; i < 2; ++i) {
                code = co_await error_of(far.read());
                CHECK_FALSE(code);
            }
            // It was cut short, so nothing more is known of what the peer has read.
            code = co_await error_of(far.write("x"));
            CHECK(code == errc::broken);
        }(destroyed));
    }
}

TEST_CASE("a write to an end that has gone fails with broken_pipe, each time") {
    async::run([]() -> task<void> {
        auto [near, far] = memory_stream::pair();
        co_await near.close();
        for (int i = 0; i < 3; ++i) {
            const std::error_code code = co_await error_of(far.write("x"));
            CHECK(code == std::errc::broken_pipe);
        }
        CHECK(far.written() == 0);
    }());
}

TEST_CASE("the peer of an end that was aborted reads the rest, and then sees a reset, each time") {
    async::run([]() -> task<void> {
        auto [near, far] = memory_stream::pair();
        co_await near.write("last words");
        near.abort();
        const std::string got = co_await far.read_exactly(10);
        CHECK(got == "last words");
        for (int i = 0; i < 2; ++i) {
            std::error_code code = co_await error_of(far.read());
            CHECK(code == std::errc::connection_reset);
            code = co_await error_of(far.read_line());
            CHECK(code == std::errc::connection_reset);
            code = co_await error_of(far.write("x"));
            CHECK(code == std::errc::connection_reset);
        }
    }());
}

TEST_CASE("an abort wakes a reader and a writer of the peer with a reset") {
    async::run([]() -> task<void> {
        auto [near, far] = memory_stream::pair(10);
        auto reader = create_task(read_plain(far));
        auto writer = create_task(write_text(far, std::string(20, 'x')));
        co_await wait_all_tasks_blocked();
        near.abort();
        std::error_code code = co_await error_of(std::move(reader));
        CHECK(code == std::errc::connection_reset);
        code = co_await error_of(std::move(writer));
        CHECK(code == std::errc::connection_reset);
    }());
}

TEST_CASE("a read that was woken has its bytes, though its stream is closed before it goes on") {
    async::run([]() -> task<void> {
        auto [near, far] = memory_stream::pair();
        auto reader = create_task(read_plain(far));
        co_await wait_all_tasks_blocked();
        auto write_and_close = [](memory_stream& near, memory_stream& far) -> task<void> {
            co_await near.write("in time");
            far.abort();
        };
        co_await write_and_close(near, far);
        const std::string got = co_await reader;
        CHECK(got == "in time");
    }());
}

TEST_CASE("a read that was woken has its bytes, though it is cancelled before it goes on") {
    async::run([]() -> task<void> {
        auto [near, far] = memory_stream::pair();
        auto reader = create_task(read_plain(far));
        co_await wait_all_tasks_blocked();
        co_await near.write("in time");
        reader.cancel();
        const std::string got = co_await reader;
        CHECK(got == "in time");
    }());
}

#if !LIBASYNC_SANITIZED
TEST_CASE("waiting for bytes and for room allocates nothing") {
    const auto count = async::run([]() -> task<std::uint64_t> {
        auto [client, server] = memory_stream::pair(100);
        auto talk = [](memory_stream& stream, int rounds) -> task<void> {
            std::array<std::byte, 300> message{};
            for (int i = 0; i < rounds; ++i) {
                co_await stream.write(message);
                for (std::size_t got = 0; got < message.size();) {
                    got += co_await stream.read_some(std::span(message).subspan(got));
                }
            }
        };
        auto echo = [](memory_stream& stream, int rounds) -> task<void> {
            std::array<std::byte, 300> message{};
            for (int i = 0; i < rounds; ++i) {
                for (std::size_t got = 0; got < message.size();) {
                    got += co_await stream.read_some(std::span(message).subspan(got));
                }
                co_await stream.write(message);
            }
        };
        co_await gather(talk(client, 3), echo(server, 3));
        auto measure = [talk](memory_stream& stream) -> task<std::uint64_t> {
            co_await talk(stream, 1);
            const std::uint64_t before = async::testing::allocations();
            co_await talk(stream, 100);
            co_return async::testing::allocations() - before;
        };
        auto [allocations, unused] = co_await gather(measure(client), echo(server, 101));
        co_return allocations;
    }());
    CHECK(count <= 2);  // the frame of the second talk, where none is kept
}
#endif
