// Memory runs out in datagrams, unix sockets, pipes, corks, files that are sent and streams that are released.
#include <doctest/doctest.h>

#include <array>
#include <optional>
#include <string>

#include <tests/support/allocation_failure.hpp>
#include <tests/support/corks.hpp>
#include <tests/support/files.hpp>
#include <tests/support/foreign_handles.hpp>

using namespace async_tests;

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

#ifndef _WIN32

TEST_CASE("without memory what was joined stays, and leaves later") {
    survives([]() -> task<void> {
        auto [near, far] = unix_stream::pair();
        auto write = [](unix_stream& stream) -> task<void> { co_await stream.write("0123456789012345678901234567890123456789"); };
        std::size_t written = 0;
        bool failed = false;
        {
            cork_guard cork = near.cork();
            for (int i = 0; i < 5; ++i) {
                const bool refused = co_await runs_out(write(near));
                failed |= refused;
                written += refused ? 0 : 40;
            }
            co_await cork.flush();
        }
        const std::string got = co_await far.read_exactly(written);
        must_hold(got.size() == written && near.written() == written, "what was taken has left");
        co_await near.close();
        co_await far.close();
        if (failed) throw std::bad_alloc();
    });
}

TEST_CASE("without memory a file is sent, or not") {
    const temporary_directory directory;
    directory.store("file", pattern(10'000));
    survives([&directory]() -> task<void> {
        file source = co_await file::open(directory / "file");
        auto [near, far] = unix_stream::pair();
        auto send = [](unix_stream& stream, const file& f) -> task<void> {
            static_cast<void>(co_await stream.send_file(f));
        };
        const bool failed = co_await runs_out(send(near, source));
        if (failed) {
            must_hold(near.written() == 0, "nothing was sent");
            co_await send(near, source);
        }
        const std::string got = co_await far.read_exactly(10'000);
        must_hold(got == pattern(10'000), "it is sent");
        co_await near.close();
        co_await far.close();
        co_await source.close();
        if (failed) throw std::bad_alloc();
    });
}

TEST_CASE("without memory a stream is released with all that has arrived, or closed") {
    survives([]() -> task<void> {
        auto [near, far] = unix_stream::pair();
        co_await near.write("first line\nsecond line");
        const std::string line = co_await far.read_line();
        must_hold(line == "first line\n", "it is read");
        unix_stream taken;
        auto hand_over = [](unix_stream& from, unix_stream& to) -> task<void> {
            released_socket given = co_await from.release();
            to = unix_stream::adopt(std::move(given));
        };
        const bool failed = co_await runs_out(hand_over(far, taken));
        must_hold(failed != taken.is_open(), "it is there, or not");
        if (taken.is_open()) {
            const std::string got = co_await taken.read_exactly(11);
            must_hold(got == "second line", "nothing is lost");
            co_await taken.close();
        }
        co_await near.close();
        if (failed) throw std::bad_alloc();
    });
}

TEST_CASE("without memory a connection by name is not made, or is, and the path goes") {
    const temporary_directory directory;
    survives([&directory]() -> task<void> {
        auto talk = [](const std::string& path) -> task<void> {
            unix_listener listener = unix_listener::bind(path);
            unix_stream client = co_await unix_connect(path);
            // One that the system has taken is turned away when memory is short.
            std::optional<unix_stream> server = co_await move_on_after(500ms, listener.accept());
            if (!server) throw std::bad_alloc();
            co_await client.write("hello");
            const std::string got = co_await server->read_exactly(5);
            must_hold(got == "hello", "it has come");
            co_await client.close();
            co_await server->close();
            co_await listener.close();
        };
        const bool failed = co_await runs_out(talk(directory / "socket"));
        if (failed) throw std::bad_alloc();
    });
}

TEST_CASE("without memory handles are received, or are closed") {
    survives([]() -> task<void> {
        auto [near, far] = unix_stream::pair({.receives_handles = true});
        auto [reader, writer] = async::pipe::create();
        auto pass = [](unix_stream& from, unix_stream& to, native_handle handle) -> task<void> {
            const std::array<native_handle, 1> handles = {handle};
            static_cast<void>(co_await from.send_handles("x", handles));
            std::array<std::byte, 1> room;
            const received_handles got = co_await to.receive_handles(room);
            must_hold(got.size() == 1, "it has come");
        };
        const bool failed = co_await runs_out(pass(far, near, writer.write_handle()));
        co_await near.close();
        co_await far.close();
        co_await writer.close();
        const std::string rest = co_await reader.read_all();
        must_hold(rest.empty(), "all copies are closed");
        co_await reader.close();
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
        auto send_later = [](foreign_pair& p) -> task<void> {
            co_await yield();
            must_hold(p.send("x") == 1, "it is sent");
        };
        const bool failed = co_await runs_out(wait_cancelled(pair));
        auto both = [&](foreign_pair& p) -> task<void> { co_await gather(wait(p), send_later(p)); };
        const bool failed_too = co_await runs_out(both(pair));
        if (failed || failed_too) throw std::bad_alloc();
    });
}

TEST_CASE("without memory a unix_server is not made, or closes a connection, or answers") {
    const temporary_directory directory;
    survives([&directory]() -> task<void> {
        auto greet = [](unix_stream client) -> task<void> {
            co_await client.write("hello");
            co_await client.close();
        };
        auto ask = [](const std::string& path, std::string& got) -> task<void> {
            unix_stream client = co_await unix_connect(path);
            for (;;) {
                auto data = co_await as_result(client.read());  // the connection may be reset
                if (!data || data->empty()) break;
                got += data->text();
            }
            co_await client.close();
        };
        unix_server server{directory / "socket", greet, {.drain_timeout = 10ms}};
        auto serving = create_task(server.serve());
        std::string got;
        const bool failed = co_await runs_out(ask(directory / "socket", got));
        server.close();
        co_await serving;
        must_hold(server.connections() == 0, "nobody is served any more");
        must_hold(got.empty() || got == "hello", "the answer is whole, or there is none");
        if (failed || got.empty()) throw std::bad_alloc();
    });
}

#endif
