// The cancel classes of raw sockets, derived.
#include <array>
#include <string>
#include <vector>

#include <tests/support/cancel_class_probes.hpp>
#include <tests/support/expect.hpp>

using namespace async_tests;

namespace {

using raw = async::socket;

struct raw_pair {
    raw near;
    raw far;
    raw_pair(raw n, raw f) : near(std::move(n)), far(std::move(f)) {}
};

raw open_listener() {
    raw listener = raw::open(socket_domain::ipv4, socket_type::stream);
    listener.bind(endpoint::loopback(0));
    listener.listen();
    return listener;
}

task<raw_pair> connected_raw() {
    raw listener = open_listener();
    raw near = raw::open(socket_domain::ipv4, socket_type::stream);
    near.set_option(socket_option::send_buffer, 4096);
    co_await near.connect(listener.local_endpoint());
    raw far = co_await listener.accept();
    co_await listener.close();
    co_return raw_pair(std::move(near), std::move(far));
}

task<std::string> take(raw& s) {
    std::array<std::byte, 100> room{};
    const std::size_t size = co_await s.recv(room);
    co_return std::string(reinterpret_cast<const char*>(room.data()), size);
}

task<void> receive(cancel_subject& subject) {
    raw_pair pair = co_await connected_raw();
    const auto ending = co_await subject.run(take(pair.near));
    must(ending.cancelled(), "nothing was there");
    co_await pair.far.send_all("late");
    const std::string got = co_await take(pair.near);
    must(got == "late", "what came later is received");
    co_await pair.near.close();
    co_await pair.far.close();
}

task<void> until_readable(raw& s) { co_await s.readable(); }
task<void> until_writable(raw& s) { co_await s.writable(); }

task<void> wait_readable(cancel_subject& subject) {
    raw_pair pair = co_await connected_raw();
    const auto ending = co_await subject.run(until_readable(pair.near));
    must(ending.cancelled(), "nothing was there");
    co_await pair.far.send_all("x");
    co_await until_readable(pair.near);
    const std::string got = co_await take(pair.near);
    must(got == "x", "nothing was taken");
    co_await pair.near.close();
    co_await pair.far.close();
}

// Until there is no room, for a while.
task<void> fill(raw& s) {
    const std::string text = pattern(1 << 20);
    while (co_await move_on_after(20ms, s.send(text))) {
    }
}

task<void> wait_writable(cancel_subject& subject) {
    raw_pair pair = co_await connected_raw();
    co_await fill(pair.near);
    const auto ending = co_await subject.run(until_writable(pair.near));
    must(ending.cancelled(), "there was no room");
    co_await pair.far.close();
    co_await until_writable(pair.near);
    co_await pair.near.close();
}

task<void> send_once(raw& s) { static_cast<void>(co_await s.send("x")); }

task<void> send(cancel_subject& subject) {
    raw_pair pair = co_await connected_raw();
    co_await fill(pair.near);
    const auto ending = co_await subject.run(send_once(pair.near));
    must(ending.cancelled(), "there was no room");
    co_await pair.far.close();
    co_await pair.near.close();
}

task<void> send_all(cancel_subject& subject, facts& seen) {
    raw_pair pair = co_await connected_raw();
    const std::string text = pattern(16 << 20);
    const auto ending = co_await subject.run(pair.near.send_all(text));
    must(ending.cancelled(), "there was no room");
    const std::error_code again = co_await error_of(pair.near.send_all("x"));
    seen.half_done += again == errc::broken;
    co_await pair.far.close();
    co_await pair.near.close();
}

task<void> accept(cancel_subject& subject) {
    raw listener = open_listener();
    auto ending = co_await subject.run(listener.accept());
    must(ending.cancelled(), "nobody came");
    raw client = raw::open(socket_domain::ipv4, socket_type::stream);
    co_await client.connect(listener.local_endpoint());
    raw server = co_await listener.accept();
    must(server.is_open(), "who came later is let in");
    co_await client.close();
    co_await server.close();
    co_await listener.close();
}

// It takes the socket at the call, and the scope is cancelled before it begins.
task<native_handle> release_late(task<native_handle> released) {
    try {
        for (int i = 0; i < 3; ++i) co_await yield();
    } catch (const cancelled&) {
    }
    co_return co_await std::move(released);
}

task<void> release(cancel_subject& subject, facts& seen) {
    raw_pair pair = co_await connected_raw();
    const auto ending = co_await subject.run(release_late(pair.near.release()));
    must(ending.cancelled(), "in a cancelled scope it is refused");
    const std::string end = co_await take(pair.far);
    seen.half_done += !pair.near.is_open() && end.empty();
    co_await pair.far.close();
}

task<void> close(cancel_subject& subject, facts& seen) {
    raw_pair pair = co_await connected_raw();
    co_await close_cancelled(subject, std::move(pair.near), seen);
    co_await pair.far.close();
}

task<raw> connect_raw(endpoint where) {
    raw s = raw::open(socket_domain::ipv4, socket_type::stream);
    co_await s.connect(where);
    co_return s;
}

// To a listener whose backlog is full.
task<void> connect(cancel_subject& subject, facts& seen) {
    auto part = [](raw& s, endpoint where) -> task<void> { co_await s.connect(where); };
    raw listener = raw::open(socket_domain::ipv4, socket_type::stream);
    listener.bind(endpoint::loopback(0));
    listener.listen(1);
    const endpoint where = listener.local_endpoint();
    std::vector<raw> waiting;
    for (bool full = false; !full;) {
        auto client = co_await move_on_after(20ms, connect_raw(where));
        full = !client.has_value();
        if (client) waiting.push_back(std::move(*client));
        must(waiting.size() < 20, "the backlog never fills");
    }
    raw late = raw::open(socket_domain::ipv4, socket_type::stream);
    const auto ending = co_await subject.run(part(late, where));
    must(ending.cancelled(), "there was no room");
    const std::error_code again = co_await error_of(late.send("x"));
    seen.half_done += !late.is_open() && again == errc::closed;
    for (raw& s : waiting) co_await s.close();
    co_await listener.close();
}

const cancel_class_probes of_raw_sockets{
    {"socket::connect", [] { return class_of(observe(connect)); }},
    {"socket::recv", [] { return lossless_if(receive); }},
    {"socket::readable", [] { return lossless_if(wait_readable); }},
    {"socket::writable", [] { return lossless_if(wait_writable); }},
    {"socket::send", [] { return lossless_if(send); }},
    {"socket::send_all", [] { return class_of(observe(send_all)); }},
    {"socket::accept", [] { return lossless_if(accept); }},
    {"socket::release", [] { return class_of(observe(release)); }},
    {"socket::close", [] { return class_of(observe(close)); }},
};

}  // namespace
