// The cancel classes of unix datagrams, derived.
#include <array>
#include <string>

#include <tests/support/cancel_class_probes.hpp>
#include <tests/support/files.hpp>

using namespace async_tests;

namespace {

#ifdef _WIN32

std::string not_here() { return "never waits"; }

const cancel_class_probes of_unix_datagrams{
    {"unix_datagram_socket::recv_from", not_here},       {"unix_datagram_socket::recv_many", not_here},
    {"unix_datagram_socket::send_to", not_here},         {"unix_datagram_socket::send", not_here},
    {"unix_datagram_socket::send_many", not_here},       {"unix_datagram_socket::send_handles", not_here},
    {"unix_datagram_socket::receive_handles", not_here}, {"unix_datagram_socket::close", not_here},
};

#else

using text_room = std::array<char, 20>;

task<std::string> receive_one(unix_datagram_socket& socket) {
    text_room room;
    const received_unix_datagram got = co_await socket.recv_from(std::as_writable_bytes(std::span(room)));
    co_return std::string(room.data(), got.size);
}

task<std::string> receive_several(unix_datagram_socket& socket) {
    text_room room;
    std::array<incoming_unix_datagram, 2> datagrams;
    datagrams[0].into = std::as_writable_bytes(std::span(room));
    const std::size_t count = co_await socket.recv_many(datagrams);
    must(count == 1, "one has come");
    co_return std::string(room.data(), datagrams[0].size);
}

task<std::string> receive_with_handles(unix_datagram_socket& socket) {
    text_room room;
    const received_handles got = co_await socket.receive_handles(std::as_writable_bytes(std::span(room)));
    must(got.size() == 1, "a handle has come too");
    co_return std::string(room.data(), got.bytes());
}

task<void> receive(cancel_subject& subject, task<std::string> (*take)(unix_datagram_socket&)) {
    auto [near, far] = unix_datagram_socket::pair();
    const auto ending = co_await subject.run(take(near));
    must(ending.cancelled(), "nothing was there");
    const std::array<native_handle, 1> handles = {near.handle()};
    co_await far.send_handles("late", handles);
    const std::string got = co_await take(near);
    must(got == "late", "what came later is received");
    co_await near.close();
    co_await far.close();
}

task<void> probe_receive_one(cancel_subject& subject) { return receive(subject, receive_one); }
task<void> probe_receive_several(cancel_subject& subject) { return receive(subject, receive_several); }
task<void> probe_receive_handles(cancel_subject& subject) { return receive(subject, receive_with_handles); }

using sender = task<void> (*)(unix_datagram_socket&, unix_endpoint);

task<void> send_one_to(unix_datagram_socket& socket, unix_endpoint to) { co_await socket.send_to("early", to); }
task<void> send_one(unix_datagram_socket& socket, unix_endpoint) { co_await socket.send("early"); }
task<void> send_several(unix_datagram_socket& socket, unix_endpoint to) {
    const std::array<outgoing_unix_datagram, 2> datagrams{{{"early", to}, {"early", to}}};
    static_cast<void>(co_await socket.send_many(datagrams));
}
task<void> send_with_handles(unix_datagram_socket& socket, unix_endpoint) {
    const std::array<native_handle, 1> handles = {socket.handle()};
    co_await socket.send_handles("early", handles);
}

// To one that has no room for more.
task<void> send(cancel_subject& subject, sender give) {
    const temporary_directory directory;
    auto far = unix_datagram_socket::bind(directory / "far");
    auto near = unix_datagram_socket::connect(far.local_endpoint());
    auto fill = [](unix_datagram_socket& socket, int& sent) -> task<void> {
        for (;; ++sent) co_await socket.send("filling");
    };
    int sent = 0;
    auto full = co_await move_on_after(20ms, fill(near, sent));
    must(!full && sent > 0, "it is full");
    const auto ending = co_await subject.run(give(near, far.local_endpoint()));
    must(ending.cancelled(), "there was no room");
    for (int i = 0; i < sent; ++i) {
        const std::string filling = co_await receive_one(far);
        must(filling == "filling", "what had left comes");
    }
    co_await near.send("late");
    const std::string got = co_await receive_one(far);
    must(got == "late", "without effect");
    co_await near.close();
    co_await far.close();
}

task<void> probe_send_to(cancel_subject& subject) { return send(subject, send_one_to); }
task<void> probe_send(cancel_subject& subject) { return send(subject, send_one); }
task<void> probe_send_many(cancel_subject& subject) { return send(subject, send_several); }
task<void> probe_send_handles(cancel_subject& subject) { return send(subject, send_with_handles); }

task<void> probe_close(cancel_subject& subject, facts& seen) {
    const temporary_directory directory;
    co_await close_cancelled(subject, unix_datagram_socket::bind(directory / "socket"), seen);
}

const cancel_class_probes of_unix_datagrams{
    {"unix_datagram_socket::recv_from", [] { return lossless_if(probe_receive_one); }},
    {"unix_datagram_socket::recv_many", [] { return lossless_if(probe_receive_several); }},
    {"unix_datagram_socket::send_to", [] { return lossless_if(probe_send_to); }},
    {"unix_datagram_socket::send", [] { return lossless_if(probe_send); }},
    {"unix_datagram_socket::send_many", [] { return lossless_if(probe_send_many); }},
    {"unix_datagram_socket::send_handles", [] { return lossless_if(probe_send_handles); }},
    {"unix_datagram_socket::receive_handles", [] { return lossless_if(probe_receive_handles); }},
    {"unix_datagram_socket::close", [] { return class_of(observe(probe_close)); }},
};

#endif

}  // namespace
