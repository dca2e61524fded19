#include <libasync/net/released_socket.hpp>

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>
#include <string_view>

#include <libasync/testing/wait_all_tasks_blocked.hpp>

#include <tests/support/expect.hpp>
#include <tests/support/network.hpp>
#include <tests/support/other_loop.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

// Has small messages come to a stream that reads ahead, and waits until they have arrived.
task<void> send_ahead(tcp_stream& sender, tcp_stream& receiver, int messages) {
    co_await sender.write("0");
    const chunk first = co_await receiver.read();  // from here on the engine may read ahead
    CHECK(first.text() == "0");
    for (int i = 1; i < messages; ++i) {
        co_await sender.write(std::to_string(i));
        for (int turn = 0; turn < 5; ++turn) co_await yield();
        co_await sleep(100us);
    }
}

std::string numbers(int from, int to) {
    std::string text;
    for (int i = from; i < to; ++i) text += std::to_string(i);
    return text;
}

task<std::string> echo_rest(released_socket given) {
    tcp_stream stream = tcp_stream::adopt(std::move(given));
    const std::string got = co_await stream.read_all();
    co_await stream.write(got);
    co_await stream.close();
    co_return got;
}

}  // namespace

TEST_CASE("a reset that was told already is told again to who adopts") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        pair.client.abort();
        const std::error_code told = co_await error_of(pair.server.read());
        CHECK(told == std::errc::connection_reset);
        released_socket given = co_await pair.server.release();
        CHECK(given.read_error() == std::errc::connection_reset);
        released_socket moved;
        moved = released_socket(std::move(given));
        tcp_stream taken = tcp_stream::adopt(std::move(moved));
        for (int i = 0; i < 2; ++i) {
            const std::error_code again = co_await error_of(taken.read());
            CHECK(again == std::errc::connection_reset);
        }
    }());
}

TEST_CASE("what arrived before a reset, and then the reset, reach who adopts, whether or not the loop had seen them") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        co_await send_ahead(pair.client, pair.server, 3);
        pair.client.abort();
        for (int turn = 0; turn < 5; ++turn) co_await yield();
        co_await sleep(100us);
        released_socket given = co_await pair.server.release();
        tcp_stream taken = tcp_stream::adopt(std::move(given));
        const std::string got = co_await taken.read_exactly(2);
        CHECK(got == "12");
        const std::error_code error = co_await error_of(taken.read());
        CHECK(error == std::errc::connection_reset);
    }());
}

TEST_CASE("what had arrived and nobody read goes along, in its order, before what comes later") {
    async::run([]() -> task<void> {
        for (const int messages : {1, 2, 10, 40}) {
            CAPTURE(messages);
            stream_pair pair = co_await connected_pair();
            co_await send_ahead(pair.client, pair.server, messages);
            released_socket given = co_await pair.server.release();
            tcp_stream taken = tcp_stream::adopt(std::move(given));
            co_await pair.client.write("late");
            co_await pair.client.shutdown_write();
            const std::string got = co_await read_all(taken);
            CHECK(got == numbers(1, messages) + "late");
        }
    }());
}

TEST_CASE("what the engine has read ahead goes along") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        co_await send_ahead(pair.client, pair.server, 10);
        released_socket given = co_await pair.server.release();
        CHECK(numbers(1, 10).starts_with(given.unread()));
        const bool disturbed = std::getenv("LIBASYNC_FAULTS") || std::getenv("LIBASYNC_URING_DISABLE");
        const bool reads_ahead = this_engine().name() == std::string_view("uring");
        if (reads_ahead && !disturbed) CHECK(given.unread() == numbers(1, 10));
    }());
}

TEST_CASE("what a buffered read has left goes along as well, and what was put back") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        co_await pair.client.write("line\nrest");
        const std::string line = co_await pair.server.read_line();
        CHECK(line == "line\n");
        pair.server.unread("[back]");
        released_socket given = co_await pair.server.release();
        tcp_stream taken = tcp_stream::adopt(std::move(given));
        co_await pair.client.shutdown_write();
        const std::string got = co_await taken.read_all();
        CHECK(got == "[back]rest");
    }());
}

TEST_CASE("another loop on another thread takes over what was released") {
    if (on_sim()) {
        MESSAGE("skipped: handles of a simulated world are its loop's");
        return;
    }
    const int before = open_descriptors();
    async::run([]() -> task<void> {
        other_loop other;
        stream_pair pair = co_await connected_pair();
        co_await send_ahead(pair.client, pair.server, 20);
        released_socket given = co_await pair.server.release();
        auto rest = create_task(other->submit(echo_rest(std::move(given))));
        co_await pair.client.write("late");
        co_await pair.client.shutdown_write();
        const std::string answer = co_await read_all(pair.client);
        CHECK(answer == numbers(1, 20) + "late");
        const std::string got = co_await rest;
        CHECK(got == answer);
    }());
    CHECK(open_descriptors() == before);
}

TEST_CASE("a released socket that nobody takes closes the connection") {
    const int before = open_descriptors();
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        {
            released_socket given = co_await pair.server.release();
            released_socket moved = std::move(given);
            CHECK_FALSE(given.is_open());
            CHECK(moved.is_open());
            released_socket assigned;
            assigned = std::move(moved);
            CHECK(assigned.is_open());
        }
        const chunk end = co_await pair.client.read();
        CHECK(end.empty());
    }());
    CHECK(open_descriptors() == before);
}

TEST_CASE("assigning to a released socket closes what it had") {
    async::run([]() -> task<void> {
        stream_pair one = co_await connected_pair();
        stream_pair two = co_await connected_pair();
        released_socket given = co_await one.server.release();
        given = co_await two.server.release();
        const chunk end = co_await one.client.read();
        CHECK(end.empty());
        tcp_stream taken = tcp_stream::adopt(std::move(given));
        co_await taken.write("x");
        const std::string got = co_await read_exactly(two.client, 1);
        CHECK(got == "x");
    }());
}

TEST_CASE("a handle that was taken is the caller's, and nothing can be adopted from an empty one") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        released_socket given = co_await pair.server.release();
        const native_handle handle = given.take_handle();
        CHECK(handle != invalid_handle);
        CHECK_FALSE(given.is_open());
        CHECK_THROWS_AS(static_cast<void>(tcp_stream::adopt(std::move(given))), std::system_error);
        tcp_stream taken = tcp_stream::adopt(handle);
        co_await taken.write("x");
        const std::string got = co_await read_exactly(pair.client, 1);
        CHECK(got == "x");
    }());
}
