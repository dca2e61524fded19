// The cancel classes of TLS, derived.
#include <array>
#include <vector>

#include <tests/support/cancel_class_probes.hpp>
#include <tests/support/tls.hpp>

using namespace async_tests;

namespace {

task<std::string> chunk_of(tls_stream& stream) {
    const chunk data = co_await stream.read();
    co_return std::string(data.text());
}

task<std::string> some_of(tls_stream& stream) {
    std::array<char, 10> room;
    const std::size_t count = co_await stream.read_some(std::as_writable_bytes(std::span(room)));
    co_return std::string(room.data(), count);
}

task<void> read_later(cancel_subject& subject, task<std::string> (*read)(tls_stream&)) {
    tls_pair pair = co_await connected_tls();
    const auto ending = co_await subject.run(read(pair.server));
    must(ending.cancelled(), "nothing was there to read");
    co_await pair.client.write("late");
    const std::string got = co_await read(pair.server);
    must(got == "late", "what came later is read");
    co_await gather(pair.client.close(), pair.server.close());
}

task<void> read_chunk(cancel_subject& subject) { return read_later(subject, chunk_of); }
task<void> read_some(cancel_subject& subject) { return read_later(subject, some_of); }

task<void> write_to_deaf(cancel_subject& subject, facts& seen) {
    tls_pair pair = co_await connected_tls();
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
    auto part = [](tls_stream& stream) -> task<void> {
        co_await yield();
        co_await yield();
        co_await stream.shutdown_write();
    };
    tls_pair pair = co_await connected_tls();
    const auto ending = co_await subject.run(part(pair.client));
    must(ending.cancelled(), "in a cancelled scope it is refused");
    co_await pair.client.write("x");
    const std::string got = co_await chunk_of(pair.server);
    must(got == "x", "without effect");
    co_await gather(pair.client.close(), pair.server.close());
}

task<void> close_stream(cancel_subject& subject, facts& seen) {
    tls_pair pair = co_await connected_tls();
    co_await close_cancelled(subject, std::move(pair.client), seen);
    co_await pair.server.close();
}

task<tls_stream> upgrade_by(tcp_stream stream) {
    return tls_stream::upgrade(std::move(stream), the_tls_world().client_context, quick_options);
}
task<tls_stream> accept_by(tcp_stream stream) {
    return tls_stream::accept(std::move(stream), the_tls_world().server_context);
}

// With a peer that says nothing: what is left is a closed transport.
task<void> begin(cancel_subject& subject, facts& seen, task<tls_stream> (*by)(tcp_stream)) {
    stream_pair tcp = co_await connected_pair();
    const auto ending = co_await subject.run(by(std::move(tcp.client)));
    must(ending.cancelled(), "nobody answers");
    static_cast<void>(co_await read_all(tcp.server));
    ++seen.half_done;
}

task<void> upgrade(cancel_subject& subject, facts& seen) { return begin(subject, seen, upgrade_by); }
task<void> accept(cancel_subject& subject, facts& seen) { return begin(subject, seen, accept_by); }

task<tls_stream> connect_with_context(endpoint where) {
    return tls_connect(where, quick_options, the_tls_world().client_context);
}
task<tls_stream> connect_by_system(endpoint where) { return tls_connect(where, quick_options); }

task<tls_stream> connect_named(endpoint where) { return tls_connect("127.0.0.1", where.port()); }
task<tls_stream> connect_named_with_context(endpoint where) {
    return tls_connect("127.0.0.1", where.port(), {}, the_tls_world().client_context);
}

// Each attempt makes a connection of its own, so it may be repeated.
task<void> connect_to_silent(cancel_subject& subject, task<tls_stream> (*connect_to)(endpoint)) {
    tcp_listener listener = tcp_listener::bind(endpoint::loopback(0));
    const auto ending = co_await subject.run(connect_to(listener.local_endpoint()));
    must(ending.cancelled(), "nobody answers");
    auto again = create_task(connect_to(listener.local_endpoint()));
    tcp_stream first = co_await listener.accept();
    tcp_stream second = co_await listener.accept();
    const chunk hello = co_await second.read();
    must(!hello.empty(), "it begins once more");
    again.cancel();
    co_await again.wait();
}

task<void> connect_1(cancel_subject& subject) { return connect_to_silent(subject, connect_by_system); }
task<void> connect_2(cancel_subject& subject) { return connect_to_silent(subject, connect_with_context); }
task<void> connect_3(cancel_subject& subject) { return connect_to_silent(subject, connect_named); }
task<void> connect_4(cancel_subject& subject) { return connect_to_silent(subject, connect_named_with_context); }

const cancel_class_probes of_tls{
    {"tls_stream::upgrade", [] { return class_of(observe(upgrade)); }},
    {"tls_stream::accept", [] { return class_of(observe(accept)); }},
    {"tls_stream::read", [] { return lossless_if(read_chunk); }},
    {"tls_stream::read_some", [] { return lossless_if(read_some); }},
    {"tls_stream::write", [] { return class_of(observe(write_to_deaf)); }},
    {"tls_stream::shutdown_write", [] { return lossless_if(shut_down); }},
    {"tls_stream::close", [] { return class_of(observe(close_stream)); }},
    {"tls_connect", [] { return lossless_if(connect_1); }},
    {"tls_connect#2", [] { return lossless_if(connect_2); }},
    {"tls_connect#3", [] { return lossless_if(connect_3); }},
    {"tls_connect#4", [] { return lossless_if(connect_4); }},
};

}  // namespace
