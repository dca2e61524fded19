#include <libasync/net/pipe.hpp>

#include <doctest/doctest.h>

#include <string>

#include <libasync/testing/check_stream.hpp>
#include <libasync/testing/wait_all_tasks_blocked.hpp>

#include <tests/support/expect.hpp>
#include <tests/support/network.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

#ifdef _WIN32

TEST_CASE("pipes are not offered here, and that is said") {
    if (on_sim()) {
        MESSAGE("skipped: a simulated world has pipes");
        return;
    }
    async::run([]() -> task<void> {
        CHECK_THROWS_AS(async::pipe::create(), std::system_error);
        co_return;
    }());
}

#else

namespace {

struct pipe_pair {
    async::pipe client;
    async::pipe server;
    pipe_pair(async::pipe c, async::pipe s) : client(std::move(c)), server(std::move(s)) {}
};

task<pipe_pair> both_ways() {
    auto [a, b] = async::pipe::create_both_ways();
    co_return pipe_pair(std::move(a), std::move(b));
}

}  // namespace

TEST_CASE("two pipes keep what a byte_stream promises") {
    CHECK_NOTHROW(async::run(async::testing::check_stream(both_ways)));
}

TEST_CASE("what is written to one end is read from the other, up to the end") {
    async::run([]() -> task<void> {
        auto [reader, writer] = async::pipe::create();
        co_await writer.write("one\n", "two\n");
        co_await writer.close();
        const std::string first = co_await reader.read_line();
        const std::string rest = co_await reader.read_all();
        CHECK(first == "one\n");
        CHECK(rest == "two\n");
    }());
}

TEST_CASE("a direction that is missing is closed from the start") {
    async::run([]() -> task<void> {
        auto [reader, writer] = async::pipe::create();
        const std::error_code write_error = co_await error_of(reader.write("x"));
        CHECK(write_error == errc::closed);
        const std::error_code read_error = co_await error_of(writer.read());
        CHECK(read_error == errc::closed);
    }());
}

TEST_CASE("who writes to a pipe that nobody reads gets an error, and lives") {
    async::run([]() -> task<void> {
        auto [reader, writer] = async::pipe::create();
        co_await reader.close();
        const std::error_code error = co_await error_of(writer.write("anybody?"));
        CHECK(error == std::errc::broken_pipe);
    }());
}

TEST_CASE("a write of more than fits waits for its reader, on both sides of a pipe's size") {
    async::run([]() -> task<void> {
        auto [reader, writer] = async::pipe::create();
        const std::string text = pattern(1'000'000);
        auto writing = [](async::pipe& p, const std::string& t) -> task<void> {
            co_await p.write(t);
            co_await p.shutdown_write();
        };
        auto handle = create_task(writing(writer, text));
        const std::string got = co_await reader.read_all();
        CHECK(got == text);
        co_await handle;
        CHECK(writer.written() == text.size());
    }());
}

TEST_CASE("a writing side that is closed stays so, and still tells what was written") {
    async::run([]() -> task<void> {
        auto [near, far] = async::pipe::create_both_ways();
        co_await near.write("12345");
        co_await near.shutdown_write();
        CHECK(near.is_open());
        CHECK(near.write_handle() == invalid_handle);
        CHECK(near.written() == 5);
        const std::error_code write = co_await error_of(near.write("x"));
        CHECK(write == errc::closed);
        const std::error_code again = co_await error_of(near.shutdown_write());
        CHECK_FALSE(again);
        co_await far.write("back");
        co_await far.close();
        const std::string back = co_await near.read_all();
        CHECK(back == "back");
        co_await near.close();
        CHECK(near.written() == 5);
    }());
}

TEST_CASE("a writing side is not closed while a write is pending, and a pipe may go while it closes") {
    const int before = open_descriptors();
    async::run([]() -> task<void> {
        auto [reader, writer] = async::pipe::create();
        auto write = [](async::pipe& p, const std::string& text) -> task<void> { co_await p.write(text); };
        const std::string text = pattern(1'000'000);
        auto writing = create_task(write(writer, text));
        co_await async::testing::wait_all_tasks_blocked();
        const std::error_code busy = co_await error_of(writer.shutdown_write());
        CHECK(busy == errc::busy);
        const std::string got = co_await reader.read_exactly(1'000'000);
        const bool same = got == text;  // not to be shown
        CHECK(same);
        co_await writing;
        {
            auto shutting = create_task(writer.shutdown_write());
            const async::pipe moved = std::move(writer);
            co_await yield();
        }
        const std::string end = co_await reader.read_all();
        CHECK(end.empty());
        co_await reader.close();
    }());
    CHECK(open_descriptors() == before);
}

#endif
