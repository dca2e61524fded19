// The cancel classes of datagrams, unix sockets and pipes, and of what sockets do beyond reading and writing, derived.
#include <array>
#include <string>
#include <vector>

#include <tests/support/cancel_class_probes.hpp>
#include <tests/support/corks.hpp>
#include <tests/support/expect.hpp>
#include <tests/support/files.hpp>
#include <tests/support/foreign_handles.hpp>

using namespace async_tests;

namespace {

// Awaits `t` in a scope that is cancelled already.
template <class T>
task<T> enter_cancelled(task<T> t) {
    try {
        for (int i = 0; i < 3; ++i) co_await yield();
    } catch (const cancelled&) {
    }
    co_return co_await std::move(t);
}

std::string_view text_of(const std::array<std::byte, 100>& bytes, std::size_t size) {
    return {reinterpret_cast<const char*>(bytes.data()), size};
}

task<std::string> receive_one(udp_socket& socket) {
    std::array<std::byte, 100> room{};
    const received_datagram got = co_await socket.recv_from(room);
    co_return std::string(text_of(room, got.size));
}

task<std::string> receive_many(udp_socket& socket) {
    std::array<std::byte, 100> room{};
    std::array<incoming_datagram, 2> datagrams;
    datagrams[0].into = room;
    const std::size_t count = co_await socket.recv_many(datagrams);
    must(count == 1, "one has come");
    co_return std::string(text_of(room, datagrams[0].size));
}

task<void> receive(cancel_subject& subject, task<std::string> (*take)(udp_socket&)) {
    udp_socket near = udp_socket::bind(endpoint::loopback(0));
    udp_socket far = udp_socket::bind(endpoint::loopback(0));
    const auto ending = co_await subject.run(take(near));
    must(ending.cancelled(), "nothing was there");
    co_await far.send_to("late", near.local_endpoint());
    const std::string got = co_await take(near);
    must(got == "late", "what came later is received");
    co_await near.close();
    co_await far.close();
}

task<void> receive_from(cancel_subject& subject) { return receive(subject, receive_one); }
task<void> receive_several(cancel_subject& subject) { return receive(subject, receive_many); }

task<void> send_one_to(udp_socket& socket, endpoint to) { co_await socket.send_to("early", to); }
task<void> send_one(udp_socket& socket, endpoint) { co_await socket.send("early"); }
task<void> send_several(udp_socket& socket, endpoint) {
    const std::array<outgoing_datagram, 2> datagrams{{{"early", {}}, {"early", {}}}};
    static_cast<void>(co_await socket.send_many(datagrams));
}

// A socket has room for a datagram at all times, nearly: so the scope is cancelled before.
task<void> send(cancel_subject& subject, task<void> (*give)(udp_socket&, endpoint)) {
    udp_socket far = udp_socket::bind(endpoint::loopback(0));
    udp_socket near = udp_socket::connect(far.local_endpoint());
    const auto ending = co_await subject.run(enter_cancelled(give(near, far.local_endpoint())));
    must(ending.cancelled(), "in a cancelled scope it is refused");
    co_await near.send("late");
    const std::string got = co_await receive_one(far);
    must(got == "late", "without effect");
    co_await near.close();
    co_await far.close();
}

task<void> send_to(cancel_subject& subject) { return send(subject, send_one_to); }
task<void> send_to_peer(cancel_subject& subject) { return send(subject, send_one); }
task<void> send_many(cancel_subject& subject) { return send(subject, send_several); }

task<void> close_datagrams(cancel_subject& subject, facts& seen) {
    return close_cancelled(subject, udp_socket::bind(endpoint::loopback(0)), seen);
}

// Of what was joined a part leaves, as the peer does not read.
task<void> flush_to_deaf(cancel_subject& subject, facts& seen) {
    auto part = [](cork_guard& cork) -> task<void> { co_await cork.flush(); };
    stream_pair pair = co_await narrow_pair();
    const std::string text = joined_text();
    {
        cork_guard cork = pair.client.cork();
        co_await pair.client.write(text);
        must(pair.client.written() == 0, "it waits for more");
        const auto ending = co_await subject.run(part(cork));
        must(ending.cancelled(), "there was no room");
        const std::error_code again = co_await error_of(pair.client.write("x"));
        const std::uint64_t written = pair.client.written();
        seen.half_done += written != 0 && written < text.size() && again == errc::broken;
    }
    pair.server.abort();
    co_await pair.client.close();
}

task<void> send_file_to_deaf(cancel_subject& subject, facts& seen) {
    const temporary_directory directory;
    directory.store("large", pattern(8 << 20));
    file source = co_await file::open(directory / "large");
    stream_pair pair = co_await narrow_pair();
    const auto ending = co_await subject.run(pair.client.send_file(source));
    must(ending.cancelled(), "there was no room");
    const std::uint64_t written = pair.client.written();
    const std::error_code again = co_await error_of(pair.client.write("x"));
    seen.half_done += written != 0 && again == errc::broken;
    pair.server.abort();
    co_await pair.client.close();
    co_await source.close();
}

// It takes the stream at the call: one that breaks off has closed it.
task<void> release(cancel_subject& subject, facts& seen) {
    stream_pair pair = co_await connected_pair();
    auto ending = co_await subject.run(enter_cancelled(pair.client.release()));
    must(ending.cancelled(), "in a cancelled scope it is refused");
    const std::error_code again = co_await error_of(pair.client.write("x"));
    const chunk end = co_await pair.server.read();
    seen.half_done += again == errc::closed && end.empty();
    co_await pair.server.close();
}

#ifdef _WIN32

std::string not_here() { return "never waits"; }

const cancel_class_probes of_unix{
    {"unix_connect", not_here},
    {"unix_stream::connect", not_here},
    {"unix_stream::send_handles", not_here},
    {"unix_stream::receive_handles", not_here},
    {"unix_listener::accept", not_here},
    {"unix_listener::close", not_here},
    {"pipe::read", not_here},
    {"pipe::read_some", not_here},
    {"pipe::write", not_here},
    {"pipe::shutdown_write", not_here},
    {"pipe::close", not_here},
    {"readable", not_here},
    {"writable", not_here},
};

#else

task<unix_stream> connect_by_name(unix_endpoint where) { return unix_connect(where); }
task<unix_stream> connect_by_class(unix_endpoint where) { return unix_stream::connect(where); }

// To a listener whose backlog is full.
task<void> connect_blocked(cancel_subject& subject, task<unix_stream> (*connect_to)(unix_endpoint)) {
    const temporary_directory directory;
    auto listener = unix_listener::bind(directory / "socket", {.backlog = 1});
    const unix_endpoint where = listener.local_endpoint();
    std::vector<unix_stream> waiting;
    for (bool full = false; !full;) {
        auto client = co_await move_on_after(20ms, unix_connect(where));
        full = !client.has_value();
        if (client) waiting.push_back(std::move(*client));
        must(waiting.size() < 20, "the backlog never fills");
    }
    auto ending = co_await subject.run(connect_to(where));
    must(ending.cancelled(), "there was no room");
    for (std::size_t i = 0; i < waiting.size(); ++i) {
        unix_stream s = co_await listener.accept();
        co_await s.close();
    }
    unix_stream client = co_await connect_to(where);
    must(client.is_open(), "it may be repeated");
    co_await client.close();
    for (unix_stream& s : waiting) co_await s.close();
    co_await listener.close();
}

task<void> connect_1(cancel_subject& subject) { return connect_blocked(subject, connect_by_name); }
task<void> connect_2(cancel_subject& subject) { return connect_blocked(subject, connect_by_class); }

task<void> accept(cancel_subject& subject) {
    const temporary_directory directory;
    auto listener = unix_listener::bind(directory / "socket");
    auto ending = co_await subject.run(listener.accept());
    must(ending.cancelled(), "nobody came");
    unix_stream client = co_await unix_connect(listener.local_endpoint());
    unix_stream server = co_await listener.accept();
    co_await client.write("x");
    const std::string got = co_await server.read_exactly(1);
    must(got == "x", "who came later is let in");
    co_await client.close();
    co_await server.close();
    co_await listener.close();
}

task<void> close_listener(cancel_subject& subject, facts& seen) {
    const temporary_directory directory;
    co_await close_cancelled(subject, unix_listener::bind(directory / "socket"), seen);
}

task<received_handles> receive_some(unix_stream& stream) {
    std::array<std::byte, 10> room{};
    co_return co_await stream.receive_handles(room);
}

task<void> receive_handles(cancel_subject& subject) {
    auto [near, far] = unix_stream::pair({.receives_handles = true});
    auto ending = co_await subject.run(receive_some(near));
    must(ending.cancelled(), "nothing was there");
    const std::array<native_handle, 1> handles = {far.handle()};
    co_await far.send_handles("x", handles);
    const received_handles got = co_await receive_some(near);
    must(got.size() == 1 && got.bytes() == 1, "what came later is received");
    co_await near.close();
    co_await far.close();
}

// Without room.
task<void> send_handles(cancel_subject& subject) {
    auto part = [](unix_stream& stream) -> task<void> {
        const std::array<native_handle, 1> handles = {stream.handle()};
        static_cast<void>(co_await stream.send_handles("x", handles));
    };
    auto [near, far] = unix_stream::pair({.receives_handles = true});
    fill_up(near.handle());
    const auto ending = co_await subject.run(part(near));
    must(ending.cancelled(), "there was no room");
    must(near.written() == 0, "nothing has left");
    near.abort();
    co_await far.close();
}

task<void> read_pipe(cancel_subject& subject, task<std::string> (*take)(async::pipe&)) {
    auto [reader, writer] = async::pipe::create();
    const auto ending = co_await subject.run(take(reader));
    must(ending.cancelled(), "nothing was there to read");
    co_await writer.write("late");
    const std::string got = co_await take(reader);
    must(got == "late", "what came later is read");
    co_await reader.close();
    co_await writer.close();
}

task<std::string> take_chunk(async::pipe& p) {
    const chunk data = co_await p.read();
    co_return std::string(data.text());
}
task<std::string> take_some(async::pipe& p) {
    std::array<std::byte, 100> room{};
    const std::size_t size = co_await p.read_some(room);
    co_return std::string(text_of(room, size));
}
task<void> read_chunk(cancel_subject& subject) { return read_pipe(subject, take_chunk); }
task<void> read_some(cancel_subject& subject) { return read_pipe(subject, take_some); }

task<void> write_to_deaf_pipe(cancel_subject& subject, facts& seen) {
    auto [reader, writer] = async::pipe::create();
    const std::string text = pattern(8 << 20);
    const auto ending = co_await subject.run(writer.write(text));
    must(ending.cancelled(), "there was no room");
    const std::error_code again = co_await error_of(writer.write("x"));
    seen.half_done += writer.written() != 0 && writer.written() < text.size() && again == errc::broken;
    co_await reader.close();
    co_await writer.close();
}

task<void> shut_down_pipe(cancel_subject& subject) {
    auto [reader, writer] = async::pipe::create();
    const auto ending = co_await subject.run(enter_cancelled(writer.shutdown_write()));
    must(ending.cancelled(), "in a cancelled scope it is refused");
    co_await writer.write("x");
    const std::string got = co_await take_chunk(reader);
    must(got == "x", "without effect");
    co_await reader.close();
    co_await writer.close();
}

task<void> close_pipe(cancel_subject& subject, facts& seen) {
    auto [near, far] = async::pipe::create_both_ways();
    co_await close_cancelled(subject, std::move(near), seen);
    co_await far.close();
}

task<void> until_readable(native_handle handle) { co_await readable(handle); }
task<void> until_writable(native_handle handle) { co_await writable(handle); }

task<void> wait_readable(cancel_subject& subject) {
    foreign_pair pair;
    const auto ending = co_await subject.run(until_readable(pair.near()));
    must(ending.cancelled(), "nothing was there");
    must(pair.send("x") == 1, "it is sent");
    co_await until_readable(pair.near());
    must(pair.receive() == 1, "nothing was taken");
}

task<void> wait_writable(cancel_subject& subject) {
    foreign_pair pair;
    fill_up(pair.near());
    const auto ending = co_await subject.run(until_writable(pair.near()));
    must(ending.cancelled(), "there was no room");
    pair.close_far();
    co_await until_writable(pair.near());
}

const cancel_class_probes of_unix{
    {"unix_connect", [] { return lossless_if(connect_1); }},
    {"unix_stream::connect", [] { return lossless_if(connect_2); }},
    {"unix_stream::send_handles", [] { return lossless_if(send_handles); }},
    {"unix_stream::receive_handles", [] { return lossless_if(receive_handles); }},
    {"unix_listener::accept", [] { return lossless_if(accept); }},
    {"unix_listener::close", [] { return class_of(observe(close_listener)); }},
    {"pipe::read", [] { return lossless_if(read_chunk); }},
    {"pipe::read_some", [] { return lossless_if(read_some); }},
    {"pipe::write", [] { return class_of(observe(write_to_deaf_pipe)); }},
    {"pipe::shutdown_write", [] { return lossless_if(shut_down_pipe); }},
    {"pipe::close", [] { return class_of(observe(close_pipe)); }},
    {"readable", [] { return lossless_if(wait_readable); }},
    {"writable", [] { return lossless_if(wait_writable); }},
};

#endif

const cancel_class_probes of_sockets{
    {"udp_socket::recv_from", [] { return lossless_if(receive_from); }},
    {"udp_socket::recv_many", [] { return lossless_if(receive_several); }},
    {"udp_socket::send_to", [] { return lossless_if(send_to); }},
    {"udp_socket::send", [] { return lossless_if(send_to_peer); }},
    {"udp_socket::send_many", [] { return lossless_if(send_many); }},
    {"udp_socket::close", [] { return class_of(observe(close_datagrams)); }},
    {"cork_guard::flush", [] { return class_of(observe(flush_to_deaf)); }},
    {"socket_stream::send_file", [] { return class_of(observe(send_file_to_deaf)); }},
    {"socket_stream::release", [] { return class_of(observe(release)); }},
};

}  // namespace
