#include <libasync/net/udp_socket.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include <tests/support/expect.hpp>
#include <tests/support/network.hpp>
#include <tests/support/own_address.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

struct text_buffer {
    std::array<std::byte, 2048> bytes{};
    std::string_view text(std::size_t size) const { return {reinterpret_cast<const char*>(bytes.data()), size}; }
};

}  // namespace

TEST_CASE("a datagram arrives whole, with the address it comes from") {
    async::run([]() -> task<void> {
        udp_socket a = udp_socket::bind(endpoint::loopback(0));
        udp_socket b = udp_socket::bind(endpoint::loopback(0));
        co_await a.send_to("hello", b.local_endpoint());
        text_buffer buffer;
        const received_datagram got = co_await b.recv_from(buffer.bytes);
        CHECK(buffer.text(got.size) == "hello");
        CHECK(got.from == a.local_endpoint());
        CHECK_FALSE(got.truncated);
    }());
}

TEST_CASE("a receive waits for a datagram; an empty one is one too") {
    async::run([]() -> task<void> {
        udp_socket a = udp_socket::bind(endpoint::loopback(0));
        udp_socket b = udp_socket::bind(endpoint::loopback(0));
        auto receiving = [](udp_socket& socket) -> task<received_datagram> {
            text_buffer buffer;
            co_return co_await socket.recv_from(buffer.bytes);
        };
        auto handle = create_task(receiving(b));
        co_await yield();
        co_await yield();
        CHECK_FALSE(handle.done());
        co_await a.send_to("", b.local_endpoint());
        const received_datagram got = co_await handle;
        CHECK(got.size == 0);
        CHECK(got.from == a.local_endpoint());
    }());
}

TEST_CASE("what finds no room in the buffer is lost, and said to be") {
    async::run([]() -> task<void> {
        udp_socket a = udp_socket::bind(endpoint::loopback(0));
        udp_socket b = udp_socket::bind(endpoint::loopback(0));
        co_await a.send_to("0123456789", b.local_endpoint());
        co_await a.send_to("next", b.local_endpoint());
        text_buffer buffer;
        const received_datagram cut = co_await b.recv_from(std::span(buffer.bytes).first(4));
        CHECK(cut.truncated);
        CHECK(cut.size == 4);
        CHECK(buffer.text(4) == "0123");
        const received_datagram whole = co_await b.recv_from(buffer.bytes);
        CHECK_FALSE(whole.truncated);
        CHECK(buffer.text(whole.size) == "next");
    }());
}

TEST_CASE("a connected socket sends to its peer, and hears nobody else") {
    async::run([]() -> task<void> {
        udp_socket peer = udp_socket::bind(endpoint::loopback(0));
        udp_socket stranger = udp_socket::bind(endpoint::loopback(0));
        udp_socket socket = udp_socket::connect(peer.local_endpoint());
        CHECK(socket.remote_endpoint() == peer.local_endpoint());
        co_await stranger.send_to("not heard", socket.local_endpoint());
        co_await socket.send("ping");
        text_buffer buffer;
        const received_datagram ping = co_await peer.recv_from(buffer.bytes);
        CHECK(ping.from == socket.local_endpoint());
        co_await peer.send_to("pong", ping.from);
        const received_datagram pong = co_await socket.recv_from(buffer.bytes);
        CHECK(buffer.text(pong.size) == "pong");
    }());
}

TEST_CASE("a socket that is disconnected hears everybody again") {
    async::run([]() -> task<void> {
        udp_socket a = udp_socket::bind(endpoint::loopback(0));
        udp_socket b = udp_socket::bind(endpoint::loopback(0));
        udp_socket socket = udp_socket::bind(endpoint::loopback(0));
        const endpoint where = socket.local_endpoint();
        socket.connect_to(a.local_endpoint());
        socket.disconnect();
        // Linux takes the port away with the peer if it chose it.
        if (socket.local_endpoint() != where) co_return;
        co_await b.send_to("here", where);
        text_buffer buffer;
        const received_datagram got = co_await socket.recv_from(buffer.bytes);
        CHECK(got.from == b.local_endpoint());
    }());
}

TEST_CASE("that nobody listens is an error of a connected socket's next operation") {
#ifdef _WIN32
    if (!on_sim()) {
        MESSAGE("skipped: Wine does not tell it");
        return;
    }
#endif
    async::run([]() -> task<void> {
        endpoint nobody;
        {
            udp_socket closed = udp_socket::bind(own_address());
            nobody = closed.local_endpoint();
            co_await closed.close();
        }
        udp_socket socket = udp_socket::connect(nobody);
        co_await socket.send("anybody?");
        text_buffer buffer;
        const std::string message = co_await message_of(timeout(10s, socket.recv_from(buffer.bytes)));
#ifndef _WIN32  // its text for that is "Unknown error"
        CHECK(message.find("onnection refused") != message.npos);
#endif
        CHECK(message.find("recv_from on 127.0.0.1:") != message.npos);
    }());
}

TEST_CASE("many datagrams go and come by few calls, in order on one machine") {
    async::run([]() -> task<void> {
        udp_socket a = udp_socket::bind(endpoint::loopback(0));
        udp_socket b = udp_socket::bind(endpoint::loopback(0), {.receive_buffer = 1 << 20});
        std::vector<std::string> texts;
        for (int i = 0; i < 100; ++i) texts.push_back("number " + std::to_string(i));
        std::vector<outgoing_datagram> out;
        for (const std::string& t : texts) out.push_back({t, b.local_endpoint()});
        std::size_t sent = 0;
        while (sent < out.size()) sent += co_await a.send_many(std::span(out).subspan(sent));
        std::vector<text_buffer> buffers(40);
        std::vector<incoming_datagram> in(40);
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
        const std::size_t none = co_await b.recv_many({});
        CHECK(none == 0);
    }());
}

TEST_CASE("wrong datagrams are errors with the operation in their message, and the socket goes on") {
    async::run([]() -> task<void> {
        udp_socket a = udp_socket::bind(endpoint::loopback(0));
        udp_socket b = udp_socket::bind(endpoint::loopback(0));
        const std::string large(70'000, 'x');
        const std::error_code too_large = co_await error_of(a.send_to(large, b.local_endpoint()));
        CHECK(too_large == std::errc::message_size);
        const std::error_code no_peer = co_await error_of(a.send("to whom?"));
#ifdef _WIN32
        const bool wines_own = no_peer == std::errc::invalid_argument;
#else
        const bool wines_own = false;
#endif
        CHECK((no_peer == std::errc::destination_address_required || no_peer == std::errc::not_connected || wines_own));
        CHECK_THROWS_AS(static_cast<void>(a.send_to("x", endpoint::loopback(0))), std::invalid_argument);
        co_await a.send_to("fits", b.local_endpoint());
        text_buffer buffer;
        const received_datagram got = co_await b.recv_from(buffer.bytes);
        CHECK(buffer.text(got.size) == "fits");
    }());
}

TEST_CASE("a second socket on a port is refused, unless both share it") {
    async::run([]() -> task<void> {
        udp_socket first = udp_socket::bind(endpoint::loopback(0));
        std::string message;
        try {
            udp_socket::bind(first.local_endpoint());
        } catch (const std::system_error& e) {
            message = e.what();
            CHECK(e.code() == std::errc::address_in_use);
        }
        CHECK(message.find(first.local_endpoint().to_string()) != message.npos);
#ifndef _WIN32
        udp_socket one = udp_socket::bind(endpoint::loopback(0), {.reuse_port = true});
        CHECK_NOTHROW(udp_socket::bind(one.local_endpoint(), {.reuse_port = true}));
#endif
        co_return;
    }());
}

TEST_CASE("a closed socket refuses, and ends what was pending") {
    async::run([]() -> task<void> {
        udp_socket socket = udp_socket::bind(endpoint::loopback(0));
        auto receiving = [](udp_socket& s) -> task<received_datagram> {
            text_buffer buffer;
            co_return co_await s.recv_from(buffer.bytes);
        };
        auto pending = create_task(receiving(socket));
        co_await yield();
        co_await yield();
        co_await socket.close();
        const std::error_code ended = co_await error_of(std::move(pending));
        CHECK(ended == errc::closed);
        const std::error_code refused = co_await error_of(socket.send_to("x", endpoint::loopback(9)));
        CHECK(refused == errc::closed);
        CHECK_FALSE(socket.is_open());
        co_await socket.close();
        CHECK_THROWS_AS(static_cast<void>(socket.local_endpoint()), std::system_error);
    }());
}

TEST_CASE("a cancelled receive loses no datagram, and the next one is the next reader's") {
    async::run([]() -> task<void> {
        udp_socket a = udp_socket::bind(endpoint::loopback(0));
        udp_socket b = udp_socket::bind(endpoint::loopback(0));
        for (int i = 0; i < 20; ++i) {
            const std::string text = "number " + std::to_string(i);
            text_buffer buffer;
            const auto nothing = co_await move_on_after(0ms, b.recv_from(buffer.bytes));
            CHECK_FALSE(nothing.has_value());
            co_await a.send_to(text, b.local_endpoint());
            const received_datagram got = co_await b.recv_from(buffer.bytes);
            CHECK(buffer.text(got.size) == text);
        }
    }());
}

TEST_CASE("whoever is always ready lets others run") {
    async::run([]() -> task<void> {
        udp_socket a = udp_socket::bind(endpoint::loopback(0));
        auto busy = [](udp_socket& socket) -> task<void> {
            for (;;) co_await socket.send_to("on and on", socket.local_endpoint());
        };
        auto handle = create_task(busy(a));
        for (int i = 0; i < 3; ++i) co_await yield();
        handle.cancel();
        co_await handle.wait();
        CHECK(handle.cancelled());
    }());
}

#ifndef _WIN32
TEST_CASE("members of a group hear what is sent to it") {
    async::run([]() -> task<void> {
        const endpoint group = own_group();
        udp_socket member = udp_socket::bind(endpoint::any(0), {.reuse_address = true});
        try {
            member.join_group(group);
        } catch (const std::system_error& e) {
            MESSAGE("no multicast here: " << e.what());
            co_return;
        }
        udp_socket sender = udp_socket::bind(endpoint::any(0), {.multicast_hops = 1});
        text_buffer buffer;
        co_await sender.send_to("to all", endpoint(group.address(), member.local_endpoint().port()));
        const received_datagram got = co_await timeout(10s, member.recv_from(buffer.bytes));
        CHECK(buffer.text(got.size) == "to all");
        member.leave_group(group);
        CHECK_THROWS_AS(member.leave_group(group), std::system_error);
        const endpoint only_from = endpoint("127.0.0.1", 0);
        member.join_group(group, {.source = &only_from});
        member.leave_group(group, {.source = &only_from});
    }());
}

namespace {

// On every machine, by an interface that it has: its loopback.
constexpr std::uint32_t loopback_interface = 1;
const group_options by_loopback{.interface_index = loopback_interface};

task<std::string> next_text(udp_socket& socket) {
    text_buffer buffer;
    const received_datagram got = co_await timeout(10s, socket.recv_from(buffer.bytes));
    co_return std::string(buffer.text(got.size));
}

}  // namespace

TEST_CASE("every member of a group hears it once, the sender too if it is one") {
    async::run([]() -> task<void> {
        const udp_options shared{.reuse_address = true, .multicast_interface = loopback_interface};
        udp_socket first = udp_socket::bind(endpoint::any(0), shared);
        const endpoint group = own_group(first.local_endpoint().port());
        udp_socket second = udp_socket::bind(endpoint::any(group.port()), shared);
        udp_socket at_group = udp_socket::bind(group, shared);
        for (udp_socket* socket : {&first, &second, &at_group}) socket->join_group(group, by_loopback);
        const std::array<outgoing_datagram, 2> out{{{"one", group}, {"two", group}}};
        std::size_t sent = 0;
        while (sent < 2) sent += co_await first.send_many(std::span(out).subspan(sent));
        for (udp_socket* socket : {&first, &second, &at_group}) {
            const std::string one = co_await next_text(*socket);
            CHECK(one == "one");
            const std::string two = co_await next_text(*socket);
            CHECK(two == "two");
            text_buffer buffer;
            const auto more = co_await move_on_after(0ms, socket->recv_from(buffer.bytes));
            CHECK_FALSE(more.has_value());
        }
    }());
}

TEST_CASE("who has left a group hears it no more") {
    async::run([]() -> task<void> {
        udp_socket member = udp_socket::bind(endpoint::any(0));
        const endpoint group = own_group(member.local_endpoint().port());
        udp_socket sender = udp_socket::bind(endpoint::loopback(0), {.multicast_interface = loopback_interface});
        co_await sender.send_to("too early", group);
        member.join_group(group, by_loopback);
        co_await sender.send_to("heard", group);
        member.leave_group(group, by_loopback);
        co_await sender.send_to("too late", group);
        co_await sender.send_to("to you alone", endpoint::loopback(group.port()));
        const std::string heard = co_await next_text(member);
        CHECK(heard == "heard");
        const std::string alone = co_await next_text(member);
        CHECK(alone == "to you alone");
    }());
}

TEST_CASE("who has joined a group for certain sources hears no others") {
    async::run([]() -> task<void> {
        udp_socket member = udp_socket::bind(endpoint::any(0));
        const endpoint group = own_group(member.local_endpoint().port());
        udp_socket sender = udp_socket::bind(endpoint::loopback(0), {.multicast_interface = loopback_interface});
        const endpoint wanted("127.0.0.1", 0);
        const endpoint other("127.0.0.9", 0);
        member.join_group(group, {.interface_index = loopback_interface, .source = &other});
        co_await sender.send_to("from a stranger", group);
        member.join_group(group, {.interface_index = loopback_interface, .source = &wanted});
        co_await sender.send_to("from a friend", group);
        member.leave_group(group, {.interface_index = loopback_interface, .source = &wanted});
        co_await sender.send_to("from a former friend", group);
        co_await sender.send_to("to you alone", endpoint::loopback(group.port()));
        const std::string friendly = co_await next_text(member);
        CHECK(friendly == "from a friend");
        const std::string alone = co_await next_text(member);
        CHECK(alone == "to you alone");
        member.leave_group(group, {.interface_index = loopback_interface, .source = &other});
        CHECK_THROWS_AS(member.leave_group(group, by_loopback), std::system_error);
    }());
}

TEST_CASE("wrong memberships are errors that name the group") {
    async::run([]() -> task<void> {
        const auto code_of = [](auto call) {
            try {
                call();
            } catch (const std::system_error& e) {
                return e.code();
            }
            return std::error_code();
        };
        udp_socket socket = udp_socket::bind(endpoint::any(0));
        const endpoint group = own_group();
        const endpoint source("127.0.0.1", 0);
        const group_options nowhere{.interface_index = 77'777};
        const group_options from_source{.interface_index = loopback_interface, .source = &source};
        const auto join = [&](const endpoint& g, const group_options& o) {
            return code_of([&] { socket.join_group(g, o); });
        };
        const auto leave = [&](const endpoint& g, const group_options& o) {
            return code_of([&] { socket.leave_group(g, o); });
        };
        CHECK(join(endpoint("10.0.0.1", 0), by_loopback) == std::errc::invalid_argument);
        CHECK(join(group, nowhere) == std::errc::no_such_device);
        CHECK(leave(group, by_loopback) == std::errc::address_not_available);
        CHECK(leave(group, from_source) == std::errc::invalid_argument);
        CHECK_FALSE(join(group, by_loopback));
        CHECK(join(group, by_loopback) == std::errc::address_in_use);
        CHECK_FALSE(join(group, from_source));
        CHECK(join(group, from_source) == std::errc::address_not_available);
        CHECK_FALSE(leave(group, by_loopback));
        CHECK_THROWS_WITH_AS(socket.leave_group(group, by_loopback),
                             doctest::Contains(("leave group " + group.address()).c_str()), std::system_error);
        co_return;
    }());
}

#endif
