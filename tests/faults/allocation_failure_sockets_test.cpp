// Memory runs out in datagrams, unix sockets, pipes, corks, files that are sent and streams that are released.
#include <doctest/doctest.h>

#include <array>
#include <string>

#include <tests/support/allocation_failure.hpp>
#include <tests/support/corks.hpp>
#include <tests/support/files.hpp>
#include <tests/support/foreign_handles.hpp>

using namespace async_tests;

namespace {

// Whether it was memory that was lacking; there is enough of it from then on.
task<bool> runs_out(task<void> t) {
    try {
        co_await std::move(t);
    } catch (const std::bad_alloc&) {
        async::testing::fail_allocation::disarm_current();
        co_return true;
    } catch (const std::system_error& e) {
        if (e.code() != std::errc::not_enough_memory) throw;
        async::testing::fail_allocation::disarm_current();
        co_return true;
    }
    co_return false;
}

}  // namespace

TEST_CASE("without memory a datagram is not sent or received, or is") {
    survives([]() -> task<void> {
        udp_socket near = udp_socket::bind(endpoint::loopback(0));
        udp_socket far = udp_socket::connect(near.local_endpoint());
        auto receive = [](udp_socket& socket, std::string& got) -> task<void> {
            std::array<char, 10> room;
            const received_datagram d = co_await socket.recv_from(std::as_writable_bytes(std::span(room)));
            got.assign(room.data(), d.size);
        };
        auto send = [](udp_socket& socket) -> task<void> { co_await socket.send("hello"); };
        std::string got;
        bool failed = co_await runs_out(send(far));
        if (failed) co_await send(far);
        const bool failed_to_receive = co_await runs_out(receive(near, got));
        if (failed_to_receive) co_await receive(near, got);
        must_hold(got == "hello", "it has come");
        co_await near.close();
        co_await far.close();
        if (failed || failed_to_receive) throw std::bad_alloc();
    });
}

TEST_CASE("without memory what was joined stays, and leaves later") {
    survives([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        auto write = [](tcp_stream& stream) -> task<void> { co_await stream.write("0123456789012345678901234567890123456789"); };
        std::size_t written = 0;
        bool failed = false;
        {
            cork_guard cork = pair.client.cork();
            for (int i = 0; i < 5; ++i) {
                const bool refused = co_await runs_out(write(pair.client));
                failed |= refused;
                written += refused ? 0 : 40;
            }
            co_await cork.flush();
        }
        const std::string got = co_await read_exactly(pair.server, written);
        must_hold(got.size() == written && pair.client.written() == written, "what was taken has left");
        co_await pair.client.close();
        co_await pair.server.close();
        if (failed) throw std::bad_alloc();
    });
}

TEST_CASE("without memory a file is sent, or not") {
    const temporary_directory directory;
    directory.store("file", pattern(10'000));
    survives([&directory]() -> task<void> {
        file source = co_await file::open(directory / "file");
        stream_pair pair = co_await connected_pair();
        auto send = [](tcp_stream& stream, const file& f) -> task<void> {
            static_cast<void>(co_await stream.send_file(f));
        };
        const bool failed = co_await runs_out(send(pair.client, source));
        if (failed) {
            must_hold(pair.client.written() == 0, "nothing was sent");
            co_await send(pair.client, source);
        }
        const std::string got = co_await read_exactly(pair.server, 10'000);
        must_hold(got == pattern(10'000), "it is sent");
        co_await pair.client.close();
        co_await pair.server.close();
        co_await source.close();
        if (failed) throw std::bad_alloc();
    });
}

TEST_CASE("without memory a stream is released with all that has arrived, or closed") {
    survives([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        co_await pair.client.write("first line\nsecond line");
        const std::string line = co_await pair.server.read_line();
        must_hold(line == "first line\n", "it is read");
        tcp_stream taken;
        auto hand_over = [](tcp_stream& from, tcp_stream& to) -> task<void> {
            released_socket given = co_await from.release();
            to = tcp_stream::adopt(std::move(given));
        };
        const bool failed = co_await runs_out(hand_over(pair.server, taken));
        must_hold(failed != taken.is_open(), "it is there, or not");
        if (taken.is_open()) {
            const std::string got = co_await taken.read_exactly(11);
            must_hold(got == "second line", "nothing is lost");
            co_await taken.close();
        }
        co_await pair.client.close();
        if (failed) throw std::bad_alloc();
    });
}

#ifndef _WIN32

TEST_CASE("without memory a connection by name is not made, or is, and the path goes") {
    const temporary_directory directory;
    survives([&directory]() -> task<void> {
        auto talk = [](const std::string& path) -> task<void> {
            unix_listener listener = unix_listener::bind(path);
            unix_stream client = co_await unix_connect(path);
            unix_stream server = co_await listener.accept();
            co_await client.write("hello");
            const std::string got = co_await server.read_exactly(5);
            must_hold(got == "hello", "it has come");
            co_await client.close();
            co_await server.close();
            co_await listener.close();
        };
        const bool failed = co_await runs_out(talk(directory / "socket"));
        if (failed) throw std::bad_alloc();
    });
}

TEST_CASE("without memory a pipe is not made, or carries everything") {
    survives([]() -> task<void> {
        auto [near, far] = async::pipe::create_both_ways();
        co_await near.write("there");
        co_await near.shutdown_write();
        const std::string there = co_await far.read_all();
        must_hold(there == "there", "one way");
        co_await far.write("back");
        co_await far.close();
        const std::string back = co_await near.read_all();
        must_hold(back == "back", "and the other");
        must_hold(near.written() == 5, "it counts");
        co_await near.close();
    });
}

TEST_CASE("without memory a wait for a handle fails, or ends") {
    survives([]() -> task<void> {
        foreign_pair pair;
        auto wait = [](foreign_pair& p) -> task<void> { co_await readable(p.near()); };
        auto wait_cancelled = [](foreign_pair& p) -> task<void> {
            const auto nothing = co_await move_on_after(0ms, readable(p.near()));
            must_hold(!nothing, "there was nothing");
        };
        bool failed = co_await runs_out(wait_cancelled(pair));
        auto waiting = create_task(wait(pair));
        co_await yield();
        must_hold(pair.send("x") == 1, "it is sent");
        auto end = [](task_handle<void>& w) -> task<void> { co_await w; };
        const bool failed_too = co_await runs_out(end(waiting));
        if (failed || failed_too) throw std::bad_alloc();
    });
}

#endif
