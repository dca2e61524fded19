// Memory runs out in unix datagrams.
#include <doctest/doctest.h>

#include <array>
#include <string>

#include <tests/support/allocation_failure.hpp>
#include <tests/support/files.hpp>

#ifndef _WIN32

using namespace async_tests;

namespace {

using text_room = std::array<char, 10>;

task<void> receive(unix_datagram_socket& socket, std::string& got) {
    text_room room;
    const received_unix_datagram d = co_await socket.recv_from(std::as_writable_bytes(std::span(room)));
    got.assign(room.data(), d.size);
}

task<void> send_to(unix_datagram_socket& socket, const std::string& path) { co_await socket.send_to("hello", path); }

}  // namespace

TEST_CASE("without memory a unix datagram is not sent or received, or is") {
    const temporary_directory directory;
    survives([path = directory / "near"]() -> task<void> {
        auto near = unix_datagram_socket::bind(path);
        auto far = unix_datagram_socket::open();
        std::string got;
        const bool failed = co_await runs_out(send_to(far, path));
        if (failed) co_await send_to(far, path);
        const bool failed_to_receive = co_await runs_out(receive(near, got));
        if (failed_to_receive) co_await receive(near, got);
        must_hold(got == "hello", "it has come");
        co_await near.close();
        co_await far.close();
        if (failed || failed_to_receive) throw std::bad_alloc();
    });
}

TEST_CASE("without memory a path is not bound, or is, and goes") {
    const temporary_directory directory;
    survives([path = directory / "socket"]() -> task<void> {
        auto use = [](const std::string& p) -> task<void> {
            auto socket = unix_datagram_socket::bind(p);
            co_await socket.send_to("hello", p);
            std::string got;
            co_await receive(socket, got);
            must_hold(got == "hello", "it has come");
            co_await socket.close();
        };
        const bool failed = co_await runs_out(use(path));
        if (failed) throw std::bad_alloc();
    });
}

TEST_CASE("without memory handles come with a datagram, or are closed") {
    survives([]() -> task<void> {
        auto [near, far] = unix_datagram_socket::pair();
        auto [reader, writer] = async::pipe::create();
        auto pass = [](unix_datagram_socket& from, unix_datagram_socket& to, native_handle handle) -> task<void> {
            const std::array<native_handle, 1> handles = {handle};
            co_await from.send_handles("x", handles);
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

#endif
