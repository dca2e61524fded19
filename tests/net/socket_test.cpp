#include <libasync/net/socket.hpp>

#include <doctest/doctest.h>

#include <array>
#include <string>

#include <tests/support/expect.hpp>
#include <tests/support/network.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

using raw = async::socket;

struct raw_pair {
    raw client;
    raw server;
    raw_pair(raw c, raw s) : client(std::move(c)), server(std::move(s)) {}
};

task<raw_pair> connected_raw() {
    raw listener = raw::open(socket_domain::ipv4, socket_type::stream);
    listener.bind(endpoint::loopback(0));
    listener.listen(4);
    raw client = raw::open(socket_domain::ipv4, socket_type::stream);
    co_await client.connect(listener.local_endpoint());
    raw server = co_await listener.accept();
    co_await listener.close();
    co_return raw_pair(std::move(client), std::move(server));
}

task<std::string> received(raw& s) {
    std::array<std::byte, 256> buffer{};
    const std::size_t count = co_await s.recv(buffer);
    co_return std::string(reinterpret_cast<const char*>(buffer.data()), count);
}

task<std::string> received_exactly(raw& s, std::size_t size) {
    std::string text;
    while (text.size() < size) text += co_await received(s);
    co_return text;
}

}  // namespace

TEST_CASE("raw sockets listen, connect, accept, send and receive") {
    async::run([]() -> task<void> {
        raw_pair pair = co_await connected_raw();
        CHECK(pair.client.remote_endpoint() == pair.server.local_endpoint());
        const std::size_t sent = co_await pair.client.send("hello");
        CHECK(sent == 5);
        const std::string text = co_await received_exactly(pair.server, 5);
        CHECK(text == "hello");
        co_await pair.client.close();
        const std::string end = co_await received(pair.server);
        CHECK(end.empty());
    }());
}

TEST_CASE("a raw send takes what goes at once, and waits for room when there is none") {
    async::run([]() -> task<void> {
        raw_pair pair = co_await connected_raw();
        const std::string text(16 << 20, 'x');
        const std::size_t first = co_await pair.client.send(text);
        CHECK(first > 0);
        CHECK(first < text.size());
        while (co_await move_on_after(1ms, pair.client.send(text))) {
        }
        auto more = create_task(pair.client.send(text));
        while (!more.done()) static_cast<void>(co_await received(pair.server));
        const std::size_t later = co_await more;
        CHECK(later > 0);
    }());
}

TEST_CASE("a raw socket is waited for without anything being taken") {
    async::run([]() -> task<void> {
        raw_pair pair = co_await connected_raw();
        co_await pair.client.writable();
        auto waiting = create_task([](raw& s) -> task<void> { co_await s.readable(); }(pair.server));
        co_await yield();
        co_await yield();
        CHECK_FALSE(waiting.done());
        co_await pair.client.send_all("there");
        co_await waiting;
        co_await pair.server.readable();
        const std::string text = co_await received_exactly(pair.server, 5);
        CHECK(text == "there");
        const auto nothing = co_await move_on_after(0ms, pair.server.readable());
        CHECK_FALSE(nothing);
    }());
}

TEST_CASE("what is left by a part of a read is seen by the next wait") {
    async::run([]() -> task<void> {
        raw_pair pair = co_await connected_raw();
        co_await pair.client.send_all("abcdef");
        co_await pair.server.readable();
        std::array<std::byte, 3> part{};
        const std::size_t count = co_await pair.server.recv(part);
        CHECK(count >= 1);
        co_await timeout(30s, pair.server.readable());
        const std::string rest = co_await received_exactly(pair.server, 6 - count);
        CHECK(rest == std::string("abcdef").substr(count));
    }());
}

TEST_CASE("options are set and read; a raw handle is given away, and taken over") {
    async::run([]() -> task<void> {
        raw_pair pair = co_await connected_raw();
        pair.client.set_option(socket_option::keep_alive, 1);
        CHECK(pair.client.get_option(socket_option::keep_alive) != 0);
        const native_handle handle = co_await pair.server.release();
        CHECK_FALSE(pair.server.is_open());
        raw again = raw::adopt(handle);
        co_await pair.client.send_all("still here");
        const std::string text = co_await received_exactly(again, 10);
        CHECK(text == "still here");
    }());
}

TEST_CASE("a closed raw socket refuses, and ends what is pending") {
    async::run([]() -> task<void> {
        raw_pair pair = co_await connected_raw();
        auto pending = create_task(received(pair.server));
        auto waiting = create_task([](raw& s) -> task<void> { co_await s.readable(); }(pair.client));
        co_await yield();
        co_await yield();
        co_await pair.server.close();
        const std::error_code ended = co_await error_of(std::move(pending));
        CHECK(ended == errc::closed);
        co_await waiting;  // the peer's end is something to read
        const std::error_code send_error = co_await error_of(pair.server.send("x"));
        CHECK(send_error == errc::closed);
        raw never;
        CHECK_THROWS_AS(never.bind(endpoint::loopback(0)), std::system_error);
        const std::error_code connect_error = co_await error_of(never.connect(endpoint::loopback(9)));
        CHECK(connect_error == errc::closed);
    }());
}

TEST_CASE("select takes the readiness of a socket of the loop") {
    async::run([]() -> task<void> {
        raw_pair pair = co_await connected_raw();
        channel<int> items(0);
        int read = 0;
        auto serve = [](raw& s, channel_receiver<int> items, int& read) -> task<int> {
            int received = 0;
            for (;;) {
                auto got = co_await select(s.readable(), items.receive());
                if (got.index() == 1) {
                    if (!std::get<1>(got)) co_return received;
                    ++received;
                    continue;
                }
                std::array<std::byte, 1> one{};
                const std::size_t size = co_await s.recv(one);
                read += static_cast<int>(size);
            }
        };
        auto serving = create_task(serve(pair.server, items.receiver, read));
        co_await yield();
        co_await items.sender.send(1);
        co_await pair.client.send_all("xy");
        co_await items.sender.send(2);
        while (read != 2) co_await yield();
        items.sender.close();
        const int received = co_await serving;
        CHECK(received == 2);
    }());
}
