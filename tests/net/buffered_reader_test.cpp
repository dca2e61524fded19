#include <libasync/net/buffered_reader.hpp>

#include <doctest/doctest.h>

#include <libasync/testing/check_stream.hpp>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>
#include <tests/support/stream_kinds.hpp>

using namespace async_tests;

TEST_CASE("a buffered_reader of a stream keeps what a byte_stream promises") {
    auto connect = []() { return wrapped_kind::connect(); };
    CHECK_NOTHROW(async::run(async::testing::check_stream(connect)));
}

TEST_CASE("a buffered_reader is a byte_stream, of whatever stream it is made") {
    CHECK(byte_stream<buffered_reader<plain_stream>>);
    CHECK(byte_stream<buffered_reader<tcp_stream>>);
    CHECK(byte_stream<buffered_reader<buffered_reader<memory_stream>>>);
}

TEST_CASE("the stream inside can be reached, and keeps its own buffer apart") {
    async::run([]() -> task<void> {
        auto [near, far] = memory_stream::pair();
        buffered_reader reader(std::move(near));
        co_await far.write("one\ntwo\n");
        std::string got = co_await reader.read_line();
        CHECK(got == "one\n");
        CHECK(reader.buffered() == 4);
        CHECK(reader.stream().buffered() == 0);
        auto moved = std::move(reader);
        got = co_await moved.read_line();
        CHECK(got == "two\n");
    }());
}
