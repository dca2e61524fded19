// What is local to a machine, and datagrams: unix sockets, handles that they carry, pipes.
#include <tests/parity/behaviour.hpp>
#include <tests/support/own_address.hpp>

#include <array>

using namespace parity;

namespace {

task<std::string> datagram(udp_socket& socket, std::size_t room) {
    std::array<char, 64> bytes;
    const received_datagram got = co_await socket.recv_from(std::as_writable_bytes(std::span(bytes).first(room)));
    std::string text(bytes.data(), got.size);
    if (got.truncated) text += " (cut)";
    co_return text;
}

task<std::string> batch(udp_socket& socket) {
    std::array<std::array<char, 8>, 4> rooms;
    std::array<incoming_datagram, 4> datagrams;
    for (std::size_t i = 0; i < 4; ++i) datagrams[i].into = std::as_writable_bytes(std::span(rooms[i]));
    const std::size_t count = co_await socket.recv_many(datagrams);
    std::string text;
    for (std::size_t i = 0; i < count; ++i) text += std::string(rooms[i].data(), datagrams[i].size) + ";";
    co_return text;
}

}  // namespace

BEHAVIOUR("datagrams keep their borders, empty ones too, and what has no room is cut") {
    udp_socket a = udp_socket::bind(endpoint::loopback(0));
    udp_socket b = udp_socket::bind(endpoint::loopback(0));
    co_await t.see("send", a.send_to("one", b.local_endpoint()));
    co_await t.see("send nothing", a.send_to("", b.local_endpoint()));
    co_await t.see("send", a.send_to("a longer one", b.local_endpoint()));
    co_await settle();
    co_await t.see("receive", datagram(b, 64));
    co_await t.see("receive", datagram(b, 64));
    co_await t.see("receive", datagram(b, 4));
}

BEHAVIOUR("several datagrams are received by one call") {
    udp_socket a = udp_socket::bind(endpoint::loopback(0));
    udp_socket b = udp_socket::bind(endpoint::loopback(0));
    for (const char* text : {"1", "2", "3"}) co_await a.send_to(text, b.local_endpoint());
    co_await settle();
    co_await t.see("receive", batch(b));
}

#ifndef _WIN32  // under Wine nothing is heard
BEHAVIOUR("a connected datagram socket hears of a peer that is not there") {
    udp_socket gone = udp_socket::bind(async_tests::own_address());
    const endpoint nobody = gone.local_endpoint();
    co_await gone.close();
    udp_socket a = udp_socket::connect(nobody);
    co_await t.see("send", a.send("anybody?"));
    co_await settle();
    co_await t.see("receive", datagram(a, 64));
    co_await t.see("send", a.send("anybody?"));
}
#endif

BEHAVIOUR("a datagram that is too long is refused") {
    udp_socket a = udp_socket::bind(endpoint::loopback(0));
    const std::string text(70'000, 'x');
    co_await t.see("send", a.send_to(text, a.local_endpoint()));
}

BEHAVIOUR("a datagram socket that is closed ends a receive, and refuses more") {
    udp_socket a = udp_socket::bind(endpoint::loopback(0));
    auto receiving = t.begin_silently("receive", datagram(a, 64));
    co_await settle();
    co_await t.see("close", a.close());
    co_await t.noted(receiving);
    co_await t.see("receive", datagram(a, 64));
    co_await t.see("send", a.send("x"));
    co_await t.see("close", a.close());
}

BEHAVIOUR("two receivers of datagrams: the second is refused; in a cancelled scope both are") {
    udp_socket a = udp_socket::bind(endpoint::loopback(0));
    auto receiving = t.begin("first", datagram(a, 64));
    co_await settle();
    co_await t.see("second", datagram(a, 64));
    co_await t.see_cancelled("send", a.send_to("x", a.local_endpoint()));
    co_await a.send_to("y", a.local_endpoint());
    co_await receiving;
}

#ifndef _WIN32

namespace {

task<std::string> with_handles(unix_stream& stream, std::size_t room, std::size_t most) {
    std::array<char, 64> bytes;
    const received_handles got =
        co_await stream.receive_handles(std::as_writable_bytes(std::span(bytes).first(room)), most);
    co_return std::string(bytes.data(), got.bytes()) + " with " + std::to_string(got.size());
}

task<std::string> connect_to(unix_endpoint where) {
    const unix_stream stream = co_await unix_connect(where);
    co_return stream.is_open() ? "a stream" : "a closed stream";
}

}  // namespace

BEHAVIOUR("groups: who is a member hears them, and who is not, if another one is") {
    constexpr std::uint32_t loopback = 1;
    const udp_options shared{.reuse_address = true, .multicast_interface = loopback};
    const group_options by_loopback{.interface_index = loopback};
    udp_socket member = udp_socket::bind(endpoint::any(0), shared);
    const endpoint group = async_tests::own_group(member.local_endpoint().port());
    udp_socket stranger = udp_socket::bind(endpoint::any(group.port()), shared);
    udp_socket choosy = udp_socket::bind(group, shared);
    udp_socket sender = udp_socket::bind(endpoint::loopback(0), {.multicast_loop = false});
    const endpoint wanted("127.0.0.9", 0);
    const group_options from_wanted{.interface_index = loopback, .source = &wanted};
    t.attempt("join", [&] { member.join_group(group, by_loopback); });
    t.attempt("join for a source", [&] { choosy.join_group(group, from_wanted); });
    t.attempt("again", [&] { member.join_group(group, by_loopback); });
    co_await t.see("send", sender.send_to("one", group));
    co_await settle();
    t.attempt("leave", [&] { member.leave_group(group, by_loopback); });
    t.attempt("again", [&] { member.leave_group(group, by_loopback); });
    co_await t.see("send", sender.send_to("two", group));
    udp_socket friendly = udp_socket::bind(endpoint("127.0.0.9", 0));
    co_await t.see("send", friendly.send_to("three", group));
    co_await settle();
    for (udp_socket* socket : {&member, &stranger, &choosy}) {
        t.note("a socket");
        co_await t.see("receive", datagram(*socket, 64));
        if (socket != &choosy) co_await t.see("receive", datagram(*socket, 64));
        co_await t.see("no more", move_on_after(0ms, datagram(*socket, 64)));
    }
}

namespace {

task<std::string> datagram(unix_datagram_socket& socket, std::size_t room) {
    std::array<char, 64> bytes;
    const received_unix_datagram got = co_await socket.recv_from(std::as_writable_bytes(std::span(bytes).first(room)));
    std::string text(bytes.data(), got.size);
    if (got.truncated) text += " (cut)";
    if (got.from.empty()) text += " (from nobody)";
    co_return text;
}

}  // namespace

BEHAVIOUR("unix datagrams keep their borders, and find nobody, somebody, or one who is gone") {
    auto a = unix_datagram_socket::open();
    const std::string path = t.files() / "socket";
    const std::string too_long(4'000'000, 'x');
    co_await t.see("to nobody", a.send_to("x", path));
    auto b = unix_datagram_socket::bind(path);
    co_await t.see("send", a.send_to("one", path));
    co_await t.see("send nothing", a.send_to("", path));
    co_await t.see("send too much", a.send_to(too_long, path));
    co_await t.see("send to itself", b.send_to("a longer one", path));
    co_await t.see("receive", datagram(b, 64));
    co_await t.see("receive", datagram(b, 64));
    co_await t.see("receive", datagram(b, 4));
    co_await t.see("without a peer", a.send("x"));
    a.connect_to(path);
    co_await t.see("close", b.close());
    co_await t.see("to one who is gone", a.send("x"));
    co_await t.see("again", a.send("x"));
    co_await t.see("by name", a.send_to("x", path));
    t.attempt("connect", [&] { a.connect_to(path); });
}

BEHAVIOUR("a unix datagram socket that is connected refuses strangers, and tells its peer when it leaves") {
    const std::string names[] = {t.files() / "a", t.files() / "b"};
    auto a = unix_datagram_socket::bind(names[0]);
    auto b = unix_datagram_socket::bind(names[1]);
    auto stranger = unix_datagram_socket::open();
    a.connect_to(names[1]);
    co_await t.see("a stranger", stranger.send_to("x", names[0]));
    t.attempt("a stranger connects", [&] { stranger.connect_to(names[0]); });
    b.connect_to(names[0]);
    co_await t.see("send", b.send("lost"));
    t.attempt("leave", [&] { a.disconnect(); });
    co_await t.see("the peer receives", datagram(b, 64));
    auto receiving = t.begin("receive", datagram(a, 64));
    co_await settle();
    co_await t.see("the stranger again", stranger.send_to("y", names[0]));
    co_await receiving;
    co_await t.see("the peer sends", b.send("z"));
    co_await t.see("receive", datagram(a, 64));
    t.attempt("whose pair", [&] { static_cast<void>(a.peer_credentials()); });
}

BEHAVIOUR("handles come with their datagram, and with no other") {
    auto [a, b] = unix_datagram_socket::pair();
    const std::array<native_handle, 2> handles = {a.handle(), a.handle()};
    auto receive = [](unix_datagram_socket& socket, std::size_t room, std::size_t most) -> task<std::string> {
        std::array<char, 64> bytes;
        const received_handles got =
            co_await socket.receive_handles(std::as_writable_bytes(std::span(bytes).first(room)), most);
        co_return std::string(bytes.data(), got.bytes()) + " with " + std::to_string(got.size()) +
            (got.truncated() ? " (cut)" : "");
    };
    co_await t.see("send", a.send_handles("with two", handles));
    co_await t.see("send", a.send("with none"));
    co_await t.see("send", a.send_handles("", handles));
    co_await t.see("send", a.send_handles("too many", handles));
    co_await t.see("send", a.send_handles("the last", {}));
    co_await t.see("receive", receive(b, 4, 16));
    co_await t.see("receive", receive(b, 64, 16));
    co_await t.see("receive", receive(b, 64, 16));
    co_await t.see("receive", receive(b, 64, 1));
    co_await t.see("receive", datagram(b, 64));
}

BEHAVIOUR("a unix stream that is closed ends, and a write to it is refused") {
    auto [a, b] = unix_stream::pair();
    co_await t.see("write", b.write("last"));
    co_await t.see("close", b.close());
    co_await t.see("read", a.read());
    co_await t.see("read", a.read());
    co_await t.see("write", a.write("x"));
    co_await t.see("write", a.write("x"));
}

BEHAVIOUR("closing a unix stream with unread data resets its peer") {
    auto [a, b] = unix_stream::pair();
    co_await a.write("never read");
    co_await settle();
    co_await b.close();
    co_await settle();
    co_await t.see("read", a.read());
    co_await t.see("read", a.read());
    co_await t.see("write", a.write("x"));
}

BEHAVIOUR("connecting by a name that is not there, or that nobody listens under") {
    const std::string path = t.files() / "socket";
    co_await t.see("nobody", connect_to(path));
    {
        unix_listener listener = unix_listener::bind(path);
        co_await t.see("somebody", connect_to(path));
        t.attempt("a second listener", [&] { static_cast<void>(unix_listener::bind(path)); });
        co_await listener.close();
    }
    co_await t.see("not any more", connect_to(path));
}

BEHAVIOUR("handles come with their bytes, and no further than these") {
    auto [a, b] = unix_stream::pair({.receives_handles = true});
    const std::array<native_handle, 2> handles = {a.handle(), b.handle()};
    co_await t.see("send", a.send_handles("with two", handles));
    co_await settle();
    co_await t.see("receive", with_handles(b, 4, 16));
    co_await t.see("receive", with_handles(b, 64, 16));
    co_await t.see("send", a.send_handles("too many", handles));
    co_await settle();
    co_await t.see("receive", with_handles(b, 64, 1));
    co_await t.see("shutdown", a.shutdown_write());
    co_await t.see("receive", with_handles(b, 64, 16));
}

BEHAVIOUR("a pipe: what was written before the end, the end, and a reader that is gone") {
    auto [reader, writer] = async::pipe::create();
    co_await t.see("write", writer.write("before"));
    co_await t.see("shutdown", writer.shutdown_write());
    co_await t.see("write", writer.write("x"));
    co_await t.see("read", reader.read());
    co_await t.see("read", reader.read());
    auto [deaf, talker] = async::pipe::create();
    co_await t.see("close", deaf.close());
    co_await t.see("write", talker.write("x"));
    co_await t.see("write", talker.write("x"));
}

BEHAVIOUR("a write to a full pipe ends when its reader goes") {
    auto [reader, writer] = async::pipe::create();
    const std::string text = pattern(1 << 20);
    auto writing = t.begin("write", writer.write(text));
    co_await settle();
    co_await t.see("close", reader.close());
    co_await writing;
    t.note("some was written", writer.written() != 0);
    co_await t.see("write", writer.write("x"));
}

BEHAVIOUR("handles that are not open cannot be waited for") {
    co_await t.see("readable", readable(native_handle{987654}));
    co_await t.see("writable", writable(native_handle{987654}));
}

#endif
