// The cancel classes of streams and listeners, derived.
#include <array>
#include <vector>

#include <tests/support/cancel_class_probes.hpp>
#include <tests/support/expect.hpp>

using namespace async_tests;

namespace {

// What the part waits for does not come before it is cancelled; then it is repeated, and must find everything.
task<void> read_scenario(cancel_subject& subject, bool as_chunk) {
    stream_pair pair = co_await connected_pair();
    std::array<char, 10> room;
    auto some = [](tcp_stream& stream, std::span<char> into) -> task<std::string> {
        const std::size_t count = co_await stream.read_some(std::as_writable_bytes(into));
        co_return std::string(into.data(), count);
    };
    auto whole = [](tcp_stream& stream) -> task<std::string> {
        const chunk data = co_await stream.read();
        co_return std::string(data.text());
    };
    const auto make = [&] { return as_chunk ? whole(pair.server) : some(pair.server, room); };
    const auto ending = co_await subject.run(make());
    must(ending.cancelled(), "nothing was there to read");
    co_await pair.client.write("late");
    const std::string got = co_await make();
    must(got == "late", "what came later is read");
    co_await pair.client.close();
    co_await pair.server.close();
}

task<void> read_chunk(cancel_subject& subject) { return read_scenario(subject, true); }
task<void> read_some(cancel_subject& subject) { return read_scenario(subject, false); }

task<void> accept(cancel_subject& subject) {
    auto listener = tcp_listener::bind(endpoint::loopback(0));
    auto ending = co_await subject.run(listener.accept());
    must(ending.cancelled(), "nobody came");
    tcp_stream client = co_await connect(listener.local_endpoint());
    tcp_stream server = co_await listener.accept();
    must(server.remote_endpoint() == client.local_endpoint(), "who came later is let in");
    co_await client.close();
    co_await server.close();
    co_await listener.close();
}

// To a listener whose backlog is full.
task<void> connect_blocked(cancel_subject& subject, task<tcp_stream> (*connect_to)(endpoint)) {
    auto listener = tcp_listener::bind(endpoint::loopback(0), {.backlog = 1});
    const endpoint where = listener.local_endpoint();
    std::vector<tcp_stream> waiting;
    for (bool full = false; !full;) {
        auto client = co_await move_on_after(20ms, connect(where));
        full = !client.has_value();
        if (client) waiting.push_back(std::move(*client));
        must(waiting.size() < 20, "the backlog never fills");
    }
    auto ending = co_await subject.run(connect_to(where));
    must(ending.cancelled(), "there was no room");
    for (std::size_t i = 0; i < waiting.size(); ++i) {
        tcp_stream s = co_await listener.accept();
        co_await s.close();
    }
    tcp_stream client = co_await connect_to(where);
    must(client.is_open(), "it may be repeated");
    co_await client.close();
    for (tcp_stream& s : waiting) co_await s.close();
    co_await listener.close();
}

task<tcp_stream> connect_freely(endpoint where) { return connect(where); }
task<tcp_stream> connect_by_class(endpoint where) { return tcp_stream::connect(where); }
task<tcp_stream> connect_numbers(endpoint where) { return connect("127.0.0.1", where.port()); }
task<tcp_stream> connect_service(endpoint where) { return connect("127.0.0.1", std::to_string(where.port())); }
task<tcp_stream> connect_one_of(endpoint where) {
    const std::array<endpoint, 2> same{where, where};
    return connect_any(same, {.attempt_delay = std::chrono::hours(1)});
}
task<tcp_stream> connect_bound(endpoint where) { return tcp_stream::connect_from(endpoint::loopback(0), where); }
task<void> connect_to_port(cancel_subject& subject) { return connect_blocked(subject, connect_numbers); }
task<void> connect_to_service(cancel_subject& subject) { return connect_blocked(subject, connect_service); }
task<void> connect_to_any(cancel_subject& subject) { return connect_blocked(subject, connect_one_of); }
task<void> connect_from_any(cancel_subject& subject) { return connect_blocked(subject, connect_bound); }
task<void> connect_1(cancel_subject& subject) { return connect_blocked(subject, connect_freely); }
task<void> connect_2(cancel_subject& subject) { return connect_blocked(subject, connect_by_class); }

task<void> write_to_deaf(cancel_subject& subject, facts& seen) {
    stream_pair pair = co_await connected_pair();
    const std::string text = pattern(32 << 20);
    const auto ending = co_await subject.run(pair.client.write(text));
    must(ending.cancelled(), "there was no room");
    const std::error_code again = co_await error_of(pair.client.write("x"));
    const std::uint64_t written = pair.client.written();
    seen.half_done += written != 0 && written < text.size() && again == errc::broken;
    pair.server.abort();
    co_await pair.client.close();
}

task<void> shut_down(cancel_subject& subject) {
    auto part = [](tcp_stream& stream) -> task<void> {
        co_await yield();
        co_await yield();
        co_await stream.shutdown_write();
    };
    stream_pair pair = co_await connected_pair();
    const auto ending = co_await subject.run(part(pair.client));
    must(ending.cancelled(), "in a cancelled scope it is refused");
    co_await pair.client.write("x");
    const std::string got = co_await read_exactly(pair.server, 1);
    must(got == "x", "without effect");
    co_await pair.client.close();
    co_await pair.server.close();
}

task<void> close_stream(cancel_subject& subject, facts& seen) {
    stream_pair pair = co_await connected_pair();
    co_await close_cancelled(subject, std::move(pair.client), seen);
    co_await pair.server.close();
}

task<void> close_listener(cancel_subject& subject, facts& seen) {
    co_await close_cancelled(subject, tcp_listener::bind(endpoint::loopback(0)), seen);
}

const cancel_class_probes of_streams{
    {"connect", [] { return lossless_if(connect_to_port); }},
    {"connect#2", [] { return lossless_if(connect_to_service); }},
    {"connect#3", [] { return lossless_if(connect_1); }},
    {"connect_any", [] { return lossless_if(connect_to_any); }},
    {"tcp_stream::connect_from", [] { return lossless_if(connect_from_any); }},
    {"tcp_stream::connect", [] { return lossless_if(connect_2); }},
    {"socket_stream::read", [] { return lossless_if(read_chunk); }},
    {"socket_stream::read_some", [] { return lossless_if(read_some); }},
    {"socket_stream::write", [] { return class_of(observe(write_to_deaf)); }},
    {"socket_stream::shutdown_write", [] { return lossless_if(shut_down); }},
    {"socket_stream::close", [] { return class_of(observe(close_stream)); }},
    {"tcp_listener::accept", [] { return lossless_if(accept); }},
    {"tcp_listener::close", [] { return class_of(observe(close_listener)); }},
};

}  // namespace
