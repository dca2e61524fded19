#include <libasync/net/unix_datagram_socket.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cerrno>
#include <string>
#include <vector>

#include <libasync/net/pipe.hpp>
#include <libasync/net/unix_listener.hpp>
#include <libasync/testing/wait_all_tasks_blocked.hpp>

#include <tests/support/expect.hpp>
#include <tests/support/files.hpp>
#include <tests/support/network.hpp>
#include <tests/support/scripted.hpp>

#ifndef _WIN32

#include <sys/stat.h>
#include <unistd.h>

using namespace async_tests;

namespace {

struct text_buffer {
    std::array<std::byte, 2048> bytes{};
    std::string_view text(std::size_t size) const { return {reinterpret_cast<const char*>(bytes.data()), size}; }
};

task<std::string> next_text(unix_datagram_socket& socket) {
    text_buffer buffer;
    const received_unix_datagram got = co_await socket.recv_from(buffer.bytes);
    co_return std::string(buffer.text(got.size));
}

// Sends to where there is no room until it is cancelled; gives how many have left.
task<void> send_on_and_on(unix_datagram_socket& socket, unix_endpoint to, int& sent) {
    for (;; ++sent) {
        const std::string text = std::to_string(sent);
        if (to.empty()) {
            co_await socket.send(text);
        } else {
            co_await socket.send_to(text, to);
        }
    }
}

}  // namespace

TEST_CASE("a unix datagram arrives whole, with the name it comes from") {
    async::run([]() -> task<void> {
        const temporary_directory directory;
        auto a = unix_datagram_socket::bind(directory / "a");
        auto b = unix_datagram_socket::bind(directory / "b");
        CHECK(a.local_endpoint().path() == directory / "a");
        co_await a.send_to("hello", b.local_endpoint());
        text_buffer buffer;
        const received_unix_datagram got = co_await b.recv_from(buffer.bytes);
        CHECK(buffer.text(got.size) == "hello");
        CHECK(got.from == a.local_endpoint());
        CHECK_FALSE(got.truncated);
    }());
}

TEST_CASE("a receive waits; an empty datagram is one too, and who has no name sends without") {
    async::run([]() -> task<void> {
        const temporary_directory directory;
        auto a = unix_datagram_socket::open();
        auto b = unix_datagram_socket::bind(directory / "b");
        auto receiving = [](unix_datagram_socket& socket) -> task<received_unix_datagram> {
            text_buffer buffer;
            co_return co_await socket.recv_from(buffer.bytes);
        };
        auto handle = create_task(receiving(b));
        co_await async::testing::wait_all_tasks_blocked();
        CHECK_FALSE(handle.done());
        const std::error_code second = co_await error_of(receiving(b));
        CHECK(second == errc::busy);
        co_await a.send_to("", b.local_endpoint());
        const received_unix_datagram got = co_await handle;
        CHECK(got.size == 0);
        CHECK(got.from.empty());
        CHECK(a.local_endpoint().empty());
    }());
}

TEST_CASE("what finds no room in the buffer is lost, and said to be: a unix datagram") {
    async::run([]() -> task<void> {
        auto [a, b] = unix_datagram_socket::pair();
        co_await a.send("0123456789");
        co_await a.send("next");
        text_buffer buffer;
        const received_unix_datagram cut = co_await b.recv_from(std::span(buffer.bytes).first(4));
        CHECK(cut.truncated);
        CHECK(cut.size == 4);
        CHECK(buffer.text(4) == "0123");
        const received_unix_datagram whole = co_await b.recv_from(buffer.bytes);
        CHECK_FALSE(whole.truncated);
        CHECK(buffer.text(whole.size) == "next");
    }());
}

TEST_CASE("a pair is connected both ways, without names, and knows who made it") {
    async::run([]() -> task<void> {
        auto [a, b] = unix_datagram_socket::pair({.receive_buffer = 1 << 16, .send_buffer = 1 << 16});
        co_await a.send("there");
        const std::string there = co_await next_text(b);
        CHECK(there == "there");
        co_await b.send("back");
        const std::string back = co_await next_text(a);
        CHECK(back == "back");
        CHECK(a.peer_credentials().pid > 0);
        CHECK(a.remote_endpoint().empty());
        auto alone = unix_datagram_socket::open();
        CHECK_THROWS_AS(static_cast<void>(alone.peer_credentials()), std::system_error);
        CHECK_THROWS_AS(static_cast<void>(alone.remote_endpoint()), std::system_error);
    }());
}

TEST_CASE("a connected unix socket hears its peer alone; others are refused") {
    async::run([]() -> task<void> {
        const temporary_directory directory;
        auto peer = unix_datagram_socket::bind(directory / "peer");
        auto stranger = unix_datagram_socket::open();
        auto socket = unix_datagram_socket::bind(directory / "socket");
        socket.connect_to(peer.local_endpoint());
        CHECK(socket.remote_endpoint() == peer.local_endpoint());
        const std::error_code refused = co_await error_of(stranger.send_to("not heard", socket.local_endpoint()));
        CHECK(refused == std::errc::operation_not_permitted);
        CHECK_THROWS_AS(stranger.connect_to(socket.local_endpoint()), std::system_error);
        co_await socket.send("ping");
        text_buffer buffer;
        const received_unix_datagram ping = co_await peer.recv_from(buffer.bytes);
        CHECK(ping.from == socket.local_endpoint());
        co_await peer.send_to("pong", ping.from);
        const std::string pong = co_await next_text(socket);
        CHECK(pong == "pong");
    }());
}

TEST_CASE(
    "who connects elsewhere loses what had come, tells the former peer, and hears everybody again if it is nowhere") {
    async::run([]() -> task<void> {
        const temporary_directory directory;
        auto a = unix_datagram_socket::bind(directory / "a");
        auto b = unix_datagram_socket::bind(directory / "b");
        a.connect_to(b.local_endpoint());
        b.connect_to(a.local_endpoint());
        co_await b.send("lost");
        a.disconnect();
        const std::error_code told = co_await error_of(next_text(b));
        CHECK(told == std::errc::connection_reset);
        auto stranger = unix_datagram_socket::connect(a.local_endpoint());
        co_await stranger.send("heard");
        const std::string heard = co_await next_text(a);
        CHECK(heard == "heard");
    }());
}

TEST_CASE("who sends by name waits for room, loses nothing, and keeps the order") {
    async::run([]() -> task<void> {
        const temporary_directory directory;
        auto receiver = unix_datagram_socket::bind(directory / "receiver");
        auto sender = unix_datagram_socket::open();
        int sent = 0;
        auto sending = create_task(send_on_and_on(sender, receiver.local_endpoint(), sent));
        for (int before = -1; before != sent;) {
            before = sent;
            for (int i = 0; i < 50; ++i) co_await yield();
        }
        CHECK(sent > 0);
        CHECK_FALSE(sending.done());
        const int at_first = sent;
        for (int i = 0; i < 3 * at_first; ++i) {
            const std::string text = co_await timeout(20s, next_text(receiver));
            REQUIRE(text == std::to_string(i));
        }
        CHECK(sent > at_first);
        sending.cancel();
        co_await sending.wait();
        CHECK(sending.cancelled());
    }());
}

TEST_CASE("who is connected waits for room until there is some, and one at a time") {
    async::run([]() -> task<void> {
        const temporary_directory directory;
        auto receiver = unix_datagram_socket::bind(directory / "receiver");
        auto sender = unix_datagram_socket::connect(receiver.local_endpoint());
        int sent = 0;
        auto sending = create_task(send_on_and_on(sender, {}, sent));
        co_await async::testing::wait_all_tasks_blocked();
        CHECK(sent > 0);
        const std::error_code second = co_await error_of(sender.send("x"));
        CHECK(second == errc::busy);
        const int at_first = sent;
        for (int i = 0; i < 3 * at_first; ++i) {
            const std::string text = co_await next_text(receiver);
            REQUIRE(text == std::to_string(i));
        }
        CHECK(sent > at_first);
        co_await receiver.close();
        const std::error_code gone = co_await error_of(std::move(sending));
        CHECK(gone == std::errc::connection_refused);
    }());
}

TEST_CASE("the ends of a pair wait for each other too") {
    async::run([]() -> task<void> {
        auto [a, b] = unix_datagram_socket::pair();
        int sent = 0;
        auto sending = create_task(send_on_and_on(a, {}, sent));
        co_await async::testing::wait_all_tasks_blocked();
        CHECK(sent > 20);
        const int at_first = sent;
        for (int i = 0; i < at_first + 10; ++i) {
            const std::string text = co_await next_text(b);
            REQUIRE(text == std::to_string(i));
        }
        CHECK(sent > at_first);
        sending.cancel();
        co_await sending.wait();
    }());
}

TEST_CASE("many unix datagrams go and come by few calls, in order") {
    async::run([]() -> task<void> {
        const temporary_directory directory;
        auto a = unix_datagram_socket::bind(directory / "a");
        auto b = unix_datagram_socket::bind(directory / "b");
        std::vector<std::string> texts;
        for (int i = 0; i < 100; ++i) texts.push_back("number " + std::to_string(i));
        std::vector<outgoing_unix_datagram> out;
        for (const std::string& t : texts) out.push_back({t, b.local_endpoint()});
        auto send_all = [](unix_datagram_socket& s, std::span<const outgoing_unix_datagram> all) -> task<void> {
            while (!all.empty()) all = all.subspan(co_await s.send_many(all));
        };
        auto sending = create_task(send_all(a, out));
        std::vector<text_buffer> buffers(40);
        std::vector<incoming_unix_datagram> in(40);
        std::size_t next = 0;
        while (next < texts.size()) {
            for (std::size_t i = 0; i < in.size(); ++i) in[i].into = buffers[i].bytes;
            const std::size_t got = co_await b.recv_many(in);
            CHECK(got >= 1);
            CHECK(got <= 32);
            for (std::size_t i = 0; i < got; ++i) {
                CHECK(buffers[i].text(in[i].size) == texts[next++]);
                CHECK(in[i].from == a.local_endpoint());
            }
        }
        co_await sending;
        const std::size_t none = co_await b.recv_many({});
        CHECK(none == 0);
    }());
}

TEST_CASE("an abstract name vanishes with its datagram socket") {
    async::run([]() -> task<void> {
        const unix_endpoint name = unix_endpoint::abstract("libasync-test-" + std::to_string(::getpid()));
        auto sender = unix_datagram_socket::open();
        {
            auto socket = unix_datagram_socket::bind(name);
            CHECK_THROWS_AS(unix_datagram_socket::bind(name), std::system_error);
            co_await sender.send_to("hi", name);
            const std::string text = co_await next_text(socket);
            CHECK(text == "hi");
            co_await socket.close();
        }
        const std::error_code error = co_await error_of(sender.send_to("hi", name));
        CHECK(error == std::errc::connection_refused);
        const std::string message = co_await message_of(sender.send_to("hi", name));
        CHECK(message.find("send_to") != message.npos);
        CHECK_THROWS_WITH_AS(unix_datagram_socket::connect(name), doctest::Contains("connect to @libasync"),
                             std::system_error);
    }());
}

#ifdef __linux__
TEST_CASE("the system chooses a name for a datagram socket that gives none, and can be answered by it") {
    async::run([]() -> task<void> {
        const temporary_directory directory;
        auto server = unix_datagram_socket::bind(directory / "server");
        auto client = unix_datagram_socket::bind({});
        auto other = unix_datagram_socket::bind({});
        CHECK(client.local_endpoint().is_abstract());
        CHECK(client.local_endpoint() != other.local_endpoint());
        client.connect_to(server.local_endpoint());
        co_await client.send("question");
        text_buffer buffer;
        const received_unix_datagram got = co_await server.recv_from(buffer.bytes);
        co_await server.send_to("answer", got.from);
        const std::string answer = co_await next_text(client);
        CHECK(answer == "answer");
    }());
}
#endif

TEST_CASE("wrong unix datagrams are errors with the operation in their message, and the socket goes on") {
    async::run([]() -> task<void> {
        const temporary_directory directory;
        auto a = unix_datagram_socket::open();
        auto b = unix_datagram_socket::bind(directory / "b");
        const std::string large(4'000'000, 'x');
        const std::error_code too_large = co_await error_of(a.send_to(large, b.local_endpoint()));
        CHECK(too_large == std::errc::message_size);
        const std::error_code no_peer = co_await error_of(a.send("to whom?"));
        CHECK((no_peer == std::errc::not_connected || no_peer == std::errc::destination_address_required));
        const std::error_code missing = co_await error_of(a.send_to("x", directory / "nobody"));
        CHECK(missing == std::errc::no_such_file_or_directory);
        CHECK_THROWS_AS(static_cast<void>(a.send_to("x", unix_endpoint())), std::invalid_argument);
        CHECK_THROWS_WITH_AS(unix_datagram_socket::bind(directory / "b"),
                             doctest::Contains(("bind " + directory / "b").c_str()), std::system_error);
        co_await a.send_to("fits", b.local_endpoint());
        const std::string text = co_await next_text(b);
        CHECK(text == "fits");
    }());
}

TEST_CASE("that the peer is gone is told by the next send, once; then there is no peer") {
    async::run([]() -> task<void> {
        auto [a, b] = unix_datagram_socket::pair();
        co_await b.close();
        const std::error_code refused = co_await error_of(a.send("x"));
        CHECK(refused == std::errc::connection_refused);
        const std::error_code none = co_await error_of(a.send("x"));
        CHECK(none == std::errc::not_connected);
    }());
}

TEST_CASE("the path of a datagram socket goes with it, but not if it is somebody else's by then") {
    async::run([]() -> task<void> {
        const temporary_directory directory;
        const std::string path = directory / "ours";
        io::system_calls& system = this_engine().calls();
        io::file_identity identity;
        {
            auto destroyed = unix_datagram_socket::bind(path);
            CHECK(system.identify_path(path.c_str(), identity) == 0);
            auto moved = std::move(destroyed);
            CHECK(system.identify_path(path.c_str(), identity) == 0);
        }
        CHECK(system.identify_path(path.c_str(), identity) == ENOENT);

        auto old = unix_datagram_socket::bind(path);
        REQUIRE(system.remove_path(path.c_str()) == 0);
        auto young = unix_datagram_socket::bind(path);
        co_await old.close();
        auto sender = unix_datagram_socket::open();
        co_await sender.send_to("still there", path);
        const std::string text = co_await next_text(young);
        CHECK(text == "still there");
        co_await young.close();
        CHECK(system.identify_path(path.c_str(), identity) == ENOENT);
    }());
}

TEST_CASE("a datagram socket replaces what an ended program has left at the path, and nothing else") {
    async::run([]() -> task<void> {
        const temporary_directory directory;
        const std::string path = directory / "stale";
        io::system_calls& system = this_engine().calls();
        int error = 0;
        const native_handle left = system.open_socket(io::socket_domain::local, io::socket_type::datagram, error);
        REQUIRE(system.bind_local(left, path) == 0);
        system.close_socket(left);
        CHECK_THROWS_AS(unix_datagram_socket::bind(path, {.replace_stale = false}), std::system_error);
        auto socket = unix_datagram_socket::bind(path);
        CHECK_THROWS_AS(unix_datagram_socket::bind(path), std::system_error);

        auto listener = unix_listener::bind(directory / "stream");
        CHECK_THROWS_AS(unix_datagram_socket::bind(directory / "stream"), std::system_error);
        auto sender = unix_datagram_socket::open();
        const std::error_code wrong = co_await error_of(sender.send_to("x", directory / "stream"));
        CHECK(wrong == std::errc::wrong_protocol_type);
        unix_stream client = co_await unix_connect(listener.local_endpoint());
        co_await listener.close();
        co_await socket.close();
    }());
}

TEST_CASE("the path of a datagram socket gets the permissions that are asked for") {
    if (on_sim()) return;
    async::run([]() -> task<void> {
        const temporary_directory directory;
        auto socket = unix_datagram_socket::bind(directory / "mode", {.permissions = 0622});
        struct stat status {};
        REQUIRE(::stat((directory / "mode").c_str(), &status) == 0);
        CHECK((status.st_mode & 0777) == 0622);
        co_await socket.close();
    }());
}

TEST_CASE("handles come with the datagram that they were sent with") {
    async::run([]() -> task<void> {
        auto [a, b] = unix_datagram_socket::pair();
        auto [reader, writer] = async::pipe::create();
        const std::array<native_handle, 1> handles = {writer.write_handle()};
        co_await a.send("before");
        co_await a.send_handles("with one", handles);
        co_await a.send_handles("", handles);
        text_buffer buffer;
        const received_handles before = co_await b.receive_handles(buffer.bytes);
        CHECK(before.empty());
        CHECK(buffer.text(before.bytes()) == "before");
        received_handles cut = co_await b.receive_handles(std::span(buffer.bytes).first(4));
        CHECK(buffer.text(cut.bytes()) == "with");
        CHECK(cut.truncated());
        REQUIRE(cut.size() == 1);
        const received_handles bare = co_await b.receive_handles(buffer.bytes);
        CHECK(bare.bytes() == 0);
        CHECK_FALSE(bare.truncated());
        CHECK(bare.size() == 1);
        async::pipe copy = async::pipe::adopt(invalid_handle, cut.take(0));
        co_await copy.write("through the copy");
        co_await copy.close();
        const std::string text = co_await reader.read_exactly(16);
        CHECK(text == "through the copy");
    }());
}

TEST_CASE("handles of datagrams that nobody takes are closed: dropped, too many, plainly received, or on their way") {
    async::run([]() -> task<void> {
        auto [a, b] = unix_datagram_socket::pair();
        auto [reader, writer] = async::pipe::create();
        const std::array<native_handle, 2> two = {writer.write_handle(), writer.write_handle()};
        for (const char* text : {"dropped", "too many", "plain", "on the way"}) co_await a.send_handles(text, two);
        text_buffer buffer;
        {
            const received_handles dropped = co_await b.receive_handles(buffer.bytes);
            CHECK(dropped.size() == 2);
        }
        const std::error_code too_many = co_await error_of(b.receive_handles(buffer.bytes, 1));
        CHECK(too_many == std::errc::message_size);
        const std::string plain = co_await next_text(b);
        CHECK(plain == "plain");
        co_await b.close();
        co_await writer.close();
        const std::string rest = co_await reader.read_all();  // there is no copy that is still open
        CHECK(rest.empty());
    }());
}

TEST_CASE("a closed unix datagram socket refuses, and ends what was pending") {
    async::run([]() -> task<void> {
        auto [socket, peer] = unix_datagram_socket::pair();
        auto receiving = create_task(next_text(socket));
        co_await async::testing::wait_all_tasks_blocked();
        co_await socket.close();
        const std::error_code ended = co_await error_of(std::move(receiving));
        CHECK(ended == errc::closed);
        const std::error_code refused = co_await error_of(socket.send("x"));
        CHECK(refused == errc::closed);
        const std::error_code by_name = co_await error_of(socket.send_to("x", "/nowhere"));
        CHECK(by_name == errc::closed);
        CHECK_FALSE(socket.is_open());
        CHECK(socket.handle() == invalid_handle);
        co_await socket.close();
        CHECK_THROWS_AS(static_cast<void>(socket.local_endpoint()), std::system_error);
        CHECK_THROWS_AS(socket.disconnect(), std::system_error);
    }());
}

TEST_CASE("a cancelled receive loses no unix datagram") {
    async::run([]() -> task<void> {
        auto [a, b] = unix_datagram_socket::pair();
        for (int i = 0; i < 20; ++i) {
            const auto nothing = co_await move_on_after(0ms, next_text(b));
            CHECK_FALSE(nothing.has_value());
            co_await a.send(std::to_string(i));
            const std::string text = co_await next_text(b);
            CHECK(text == std::to_string(i));
        }
    }());
}

TEST_CASE("a datagram socket that somebody left open is adopted; its path stays") {
    async::run([]() -> task<void> {
        const temporary_directory directory;
        const std::string path = directory / "given";
        io::system_calls& system = this_engine().calls();
        int error = 0;
        const native_handle given = system.open_socket(io::socket_domain::local, io::socket_type::datagram, error);
        REQUIRE(system.bind_local(given, path) == 0);
        auto socket = unix_datagram_socket::adopt(given);
        CHECK(socket.handle() == given);
        auto sender = unix_datagram_socket::connect(path);
        co_await sender.send("hello");
        const std::string text = co_await next_text(socket);
        CHECK(text == "hello");
        co_await socket.close();
        CHECK(system.remove_path(path.c_str()) == 0);
    }());
}

TEST_CASE("a loop ends while a unix datagram is awaited and another finds no room") {
    const temporary_directory directory;
    const std::string path = directory / "full";
    unix_datagram_socket full;
    int sent = 0;
    async::run([](const std::string& where, unix_datagram_socket& receiver, int& count) -> task<void> {
        auto receive = [](unix_datagram_socket socket) -> task<void> { co_await next_text(socket); };
        auto send = [](unix_datagram_socket socket, unix_endpoint to, int& n) -> task<void> {
            co_await send_on_and_on(socket, to, n);
        };
        receiver = unix_datagram_socket::bind(where);
        auto receiving = create_task(receive(unix_datagram_socket::open()));
        auto sending = create_task(send(unix_datagram_socket::open(), where, count));
        for (int before = -1; before != count;) {
            before = count;
            for (int i = 0; i < 50; ++i) co_await yield();
        }
        CHECK_FALSE(receiving.done());
        CHECK_FALSE(sending.done());
    }(path, full, sent));
    CHECK(sent > 0);
}

#endif
