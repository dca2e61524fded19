// Unix datagrams are cancelled at every suspension: none is lost, and no path or handle is left behind.
#include <doctest/doctest.h>

#include <array>
#include <cerrno>
#include <string>

#include <tests/support/cancel.hpp>
#include <tests/support/files.hpp>
#include <tests/support/scripted.hpp>

#ifndef _WIN32

using namespace async_tests;

namespace {

constexpr int datagrams = 5;
using text_room = std::array<char, 10>;

task<void> send_datagrams(unix_datagram_socket& socket) {
    for (int i = 0; i < datagrams; ++i) {
        co_await sleep(200us);
        co_await socket.send(std::to_string(i));
    }
}

task<void> receive_datagrams(unix_datagram_socket& socket, std::string& got) {
    while (got.size() < datagrams) {
        text_room room;
        const received_unix_datagram d = co_await socket.recv_from(std::as_writable_bytes(std::span(room)));
        got.append(room.data(), d.size);
    }
}

task<void> receive_batches(unix_datagram_socket& socket, std::string& got) {
    while (got.size() < datagrams) {
        std::array<text_room, 2> rooms;
        std::array<incoming_unix_datagram, 2> batch;
        for (std::size_t i = 0; i < 2; ++i) batch[i].into = std::as_writable_bytes(std::span(rooms[i]));
        const std::size_t count = co_await socket.recv_many(batch);
        for (std::size_t i = 0; i < count; ++i) got.append(rooms[i].data(), batch[i].size);
    }
}

cancel_report miss_nothing(task<void> (*receive)(unix_datagram_socket&, std::string&)) {
    return cancel_everywhere([receive](cancel_subject& subject) -> task<void> {
        auto [near, far] = unix_datagram_socket::pair();
        std::string got;
        auto sending = create_task(send_datagrams(far));
        const auto ending = co_await subject.run(receive(near, got));
        must_not_fail(ending);
        if (!ending.completed()) co_await receive(near, got);
        co_await sending;
        must(got == "01234", "each has come, once");
        co_await near.close();
        co_await far.close();
    });
}

// More than fit.
constexpr int crowd = 14;

task<void> send_by_name(unix_datagram_socket& socket, unix_endpoint to, int& sent) {
    for (; sent < crowd; ++sent) co_await socket.send_to(std::string(1, static_cast<char>('a' + sent)), to);
}
task<void> send_to_peer(unix_datagram_socket& socket, unix_endpoint, int& sent) {
    for (; sent < crowd; ++sent) co_await socket.send(std::string(1, static_cast<char>('a' + sent)));
}

task<void> receive_to_end(unix_datagram_socket& socket, std::string& got) {
    while (!got.ends_with("!")) {
        co_await sleep(100us);
        text_room room;
        const received_unix_datagram d = co_await socket.recv_from(std::as_writable_bytes(std::span(room)));
        got.append(room.data(), d.size);
    }
}

cancel_report send_all(task<void> (*send)(unix_datagram_socket&, unix_endpoint, int&)) {
    return cancel_everywhere([send](cancel_subject& subject) -> task<void> {
        const temporary_directory directory;
        auto far = unix_datagram_socket::bind(directory / "far");
        auto near = unix_datagram_socket::connect(far.local_endpoint());
        std::string got;
        int sent = 0;
        auto receiving = create_task(receive_to_end(far, got));
        const auto ending = co_await subject.run(send(near, far.local_endpoint(), sent));
        must_not_fail(ending);
        must(ending.completed() == (sent == crowd), "all, if it completed");
        co_await near.send("!");
        co_await receiving;
        must(got == std::string("abcdefghijklmn").substr(0, static_cast<std::size_t>(sent)) + "!",
             "what was sent has come, and nothing else");
        co_await near.close();
        co_await far.close();
    });
}

}  // namespace

TEST_CASE("receiving unix datagrams one by one misses none") { check_cancelled(miss_nothing(receive_datagrams)); }

TEST_CASE("receiving unix datagrams by several misses none") { check_cancelled(miss_nothing(receive_batches)); }

TEST_CASE("unix datagrams by name are sent or not, and who waits for room knows which") {
    check_cancelled(send_all(send_by_name));
}

TEST_CASE("unix datagrams to a peer are sent or not, and who waits for room knows which") {
    check_cancelled(send_all(send_to_peer));
}

TEST_CASE("handles that come with datagrams are received or stay there, and are closed") {
    const auto send = [](unix_datagram_socket& socket, native_handle handle) -> task<void> {
        for (int i = 0; i < 3; ++i) {
            co_await sleep(200us);
            const std::array<native_handle, 1> handles = {handle};
            co_await socket.send_handles("x", handles);
        }
    };
    const auto receive = [](unix_datagram_socket& socket, std::size_t& count) -> task<void> {
        while (count < 3) {
            text_room room;
            const received_handles got = co_await socket.receive_handles(std::as_writable_bytes(std::span(room)));
            count += got.size();
        }
    };
    check_cancelled(cancel_everywhere([send, receive](cancel_subject& subject) -> task<void> {
        auto [near, far] = unix_datagram_socket::pair();
        auto [reader, writer] = async::pipe::create();
        std::size_t count = 0;
        auto sending = create_task(send(far, writer.write_handle()));
        const auto ending = co_await subject.run(receive(near, count));
        must_not_fail(ending);
        // A frame that was destroyed may have had one of them already.
        if (!ending.completed() && !ending.destroyed()) co_await receive(near, count);
        co_await sending;
        must(count == 3 || ending.destroyed(), "each has come, once");
        co_await near.close();
        co_await far.close();
        co_await writer.close();
        const std::string rest = co_await reader.read_all();
        must(rest.empty(), "all copies are closed");
        co_await reader.close();
    }));
}

TEST_CASE("a datagram socket that is closed takes its path along") {
    const auto use = [](std::string path) -> task<void> {
        auto socket = unix_datagram_socket::bind(path);
        co_await sleep(200us);
        co_await socket.send_to("x", path);
        text_room room;
        co_await socket.recv_from(std::as_writable_bytes(std::span(room)));
        co_await sleep(200us);
        co_await socket.close();
    };
    check_cancelled(cancel_everywhere([use](cancel_subject& subject) -> task<void> {
        const temporary_directory directory;
        const std::string path = directory / "socket";
        const auto ending = co_await subject.run(use(path));
        must_not_fail(ending);
        io::file_identity identity;
        must(this_engine().calls().identify_path(path.c_str(), identity) == ENOENT, "the path is removed");
    }));
}

#endif
