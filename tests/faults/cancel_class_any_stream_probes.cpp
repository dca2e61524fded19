// The cancel classes of any_stream, derived.
#include <array>

#include <libasync/net/any_stream.hpp>

#include <tests/support/cancel_class_probes.hpp>
#include <tests/support/expect.hpp>

using namespace async_tests;

namespace {

struct any_pair {
    any_stream client;
    any_stream server;

    any_pair(any_stream c, any_stream s) : client(std::move(c)), server(std::move(s)) {}
};

task<any_pair> connected() {
    stream_pair pair = co_await connected_pair();
    co_return any_pair(std::move(pair.client), std::move(pair.server));
}

task<std::string> chunk_of(any_stream& stream) {
    const chunk data = co_await stream.read();
    co_return std::string(data.text());
}

task<std::string> some_of(any_stream& stream) {
    std::array<char, 10> room;
    const std::size_t count = co_await stream.read_some(std::as_writable_bytes(std::span(room)));
    co_return std::string(room.data(), count);
}

task<void> read_later(cancel_subject& subject, task<std::string> (*read)(any_stream&)) {
    any_pair pair = co_await connected();
    const auto ending = co_await subject.run(read(pair.server));
    must(ending.cancelled(), "nothing was there to read");
    co_await pair.client.write("late");
    const std::string got = co_await read(pair.server);
    must(got == "late", "what came later is read");
    co_await pair.client.close();
    co_await pair.server.close();
}

task<void> read_chunk(cancel_subject& subject) { return read_later(subject, chunk_of); }
task<void> read_some(cancel_subject& subject) { return read_later(subject, some_of); }

task<void> write_to_deaf(cancel_subject& subject, facts& seen) {
    any_pair pair = co_await connected();
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
    auto part = [](any_stream& stream) -> task<void> {
        co_await yield();
        co_await yield();
        co_await stream.shutdown_write();
    };
    any_pair pair = co_await connected();
    const auto ending = co_await subject.run(part(pair.client));
    must(ending.cancelled(), "in a cancelled scope it is refused");
    co_await pair.client.write("x");
    const std::string got = co_await chunk_of(pair.server);
    must(got == "x", "without effect");
    co_await pair.client.close();
    co_await pair.server.close();
}

task<void> close_stream(cancel_subject& subject, facts& seen) {
    any_pair pair = co_await connected();
    co_await close_cancelled(subject, std::move(pair.client), seen);
    co_await pair.server.close();
}

const cancel_class_probes of_any_stream{
    {"any_stream::read", [] { return lossless_if(read_chunk); }},
    {"any_stream::read_some", [] { return lossless_if(read_some); }},
    {"any_stream::write", [] { return class_of(observe(write_to_deaf)); }},
    {"any_stream::shutdown_write", [] { return lossless_if(shut_down); }},
    {"any_stream::close", [] { return class_of(observe(close_stream)); }},
};

}  // namespace
