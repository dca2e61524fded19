#include <libasync/net/any_stream.hpp>

#include <doctest/doctest.h>

#include <tests/support/expect.hpp>
#include <tests/support/network.hpp>
#include <tests/support/scripted.hpp>

#include <libasync/testing/check_stream.hpp>

using namespace async_tests;

namespace {

struct any_pair {
    any_stream client;
    any_stream server;

    any_pair(any_stream c, any_stream s) : client(std::move(c)), server(std::move(s)) {}
};

task<any_pair> connected_any() {
    stream_pair pair = co_await connected_pair();
    co_return any_pair(std::move(pair.client), std::move(pair.server));
}

task<std::string> read_to_end(any_stream& stream) {
    std::string text;
    for (;;) {
        const chunk data = co_await stream.read();
        if (data.empty()) co_return text;
        text += data.text();
    }
}

}  // namespace

TEST_CASE("any_stream is a byte_stream, and any byte_stream becomes one") {
    CHECK(byte_stream<any_stream>);
    CHECK(std::is_convertible_v<tcp_stream, any_stream>);
    CHECK_FALSE(std::is_constructible_v<any_stream, int>);
    CHECK_FALSE(std::is_copy_constructible_v<any_stream>);
}

TEST_CASE("any_stream keeps what a byte_stream promises") {
    CHECK_NOTHROW(async::run(async::testing::check_stream(connected_any)));
}

TEST_CASE("an any_stream with nothing inside is closed") {
    async::run([]() -> task<void> {
        any_stream none;
        CHECK_FALSE(none.is_open());
        CHECK(none.written() == 0);
        std::error_code code = co_await error_of(none.read());
        CHECK(code == errc::closed);
        code = co_await error_of(none.read_some({}));
        CHECK(code == errc::closed);
        code = co_await error_of(none.write("x"));
        CHECK(code == errc::closed);
        code = co_await error_of(none.shutdown_write());
        CHECK(code == errc::closed);
        none.abort();
        co_await none.close();
        const std::string message = co_await message_of(none.write("x"));
        CHECK(message == "write to a closed stream: the object is closed");
    }());
}

TEST_CASE("up to sixteen buffers are written in their order, also through two layers") {
    async::run([]() -> task<void> {
        any_pair pair = co_await connected_any();
        co_await pair.client.write("1", "2");
        co_await pair.client.write("a", "", "b", "c", "d");
        co_await pair.client.write("1", "2", "3", "4", "5", "6", "7", "8", "9", "a", "b", "c", "d", "e", "f", "g");
        CHECK(pair.client.written() == 22);
        co_await pair.client.shutdown_write();
        const std::string got = co_await read_to_end(pair.server);
        CHECK(got == "12abcd123456789abcdefg");
    }());
}

TEST_CASE("what was begun on a stream that is destroyed ends with errc::closed, whenever it is awaited") {
    async::run([]() -> task<void> {
        any_pair pair = co_await connected_any();
        std::array<std::byte, 4> room;
        auto read = pair.client.read();
        auto some = pair.client.read_some(room);
        auto write = pair.client.write("a");
        auto joined = pair.client.write("a", "b", "c", "d");
        auto shutdown = pair.client.shutdown_write();
        pair.client = any_stream();
        std::error_code code = co_await error_of(std::move(read));
        CHECK(code == errc::closed);
        code = co_await error_of(std::move(some));
        CHECK(code == errc::closed);
        code = co_await error_of(std::move(write));
        CHECK(code == errc::closed);
        code = co_await error_of(std::move(joined));
        CHECK(code == errc::closed);
        code = co_await error_of(std::move(shutdown));
        CHECK(code == errc::closed);
        const std::string rest = co_await read_to_end(pair.server);
        CHECK(rest.empty());
    }());
}

TEST_CASE("a close that was begun is done, though the stream be destroyed before it is awaited") {
    async::run([]() -> task<void> {
        any_pair pair = co_await connected_any();
        co_await pair.client.write("last words");
        auto close = pair.client.close();
        pair.client = any_stream();
        co_await std::move(close);
        const std::string rest = co_await read_to_end(pair.server);
        CHECK(rest == "last words");
    }());
}

TEST_CASE("one variable holds streams of different types") {
    async::run([]() -> task<void> {
        stream_pair tcp = co_await connected_pair();
        any_stream stream;
        stream = std::move(tcp.client);
        co_await stream.write("tcp");
        CHECK(stream.is_open());
        any_stream inner = std::move(stream);
        CHECK_FALSE(stream.is_open());
        co_await inner.close();
        const std::string got = co_await read_all(tcp.server);
        CHECK(got == "tcp");
    }());
}

TEST_CASE("an any_stream reads lines, and what the stream inside has read ahead comes first") {
    async::run([]() -> task<void> {
        stream_pair tcp = co_await connected_pair();
        co_await tcp.client.write("one\ntwo\nthree\nfour");
        co_await tcp.client.shutdown_write();
        std::string line = co_await tcp.server.read_line();
        CHECK(line == "one\n");
        any_stream stream = std::move(tcp.server);
        line = co_await stream.read_line();
        CHECK(line == "two\n");
        std::array<char, 3> room;
        const std::size_t count = co_await stream.read_some(std::as_writable_bytes(std::span(room)));
        CHECK(count > 0);
        CHECK_FALSE(stream.at_eof());
        const std::string rest = co_await stream.read_all();
        CHECK(std::string(room.data(), count) + rest == "three\nfour");
        CHECK(stream.at_eof());
    }());
}
