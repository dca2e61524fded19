// The cancel classes of streams in memory, of what wraps a stream, and of copy, derived.
#include <array>
#include <type_traits>

#include <libasync/net/copy.hpp>
#include <libasync/net/buffered_reader.hpp>

#include <tests/support/cancel_class_probes.hpp>
#include <tests/support/expect.hpp>
#include <tests/support/stream_kinds.hpp>

using namespace async_tests;

namespace {

template <class Stream>
task<std::string> read_into_room(Stream& stream) {
    std::array<char, 10> room;
    const std::size_t count = co_await stream.read_some(std::as_writable_bytes(std::span(room)));
    co_return std::string(room.data(), count);
}

// What the part waits for does not come before it is cancelled; then it is repeated, and must find everything.
template <class Kind, class Read>
std::string class_of_read(Read read) {
    return class_of(observe([read](cancel_subject& subject, facts&) -> task<void> {
        auto pair = co_await Kind::connect();
        const auto ending = co_await subject.run(read(pair.server));
        must(ending.cancelled(), "nothing was there to read");
        co_await pair.client.write("late");
        const std::string got = co_await read(pair.server);
        must(got == "late", "what came later is read");
        co_await pair.client.close();
        co_await pair.server.close();
    }));
}

constexpr auto plainly = [](auto& stream) { return read_plain(stream); };
constexpr auto into_room = [](auto& stream) { return read_into_room(stream); };

task<void> write_to_deaf(cancel_subject& subject, facts& seen) {
    auto [client, server] = memory_stream::pair(100);
    const std::string text = pattern(1000);
    const auto ending = co_await subject.run(client.write(text));
    must(ending.cancelled(), "there was no room");
    const std::error_code again = co_await error_of(client.write("x"));
    seen.half_done += client.written() == 100 && again == errc::broken;
}

task<void> shut_down(cancel_subject& subject) {
    auto part = [](memory_stream& stream) -> task<void> {
        co_await yield();
        co_await yield();
        co_await stream.shutdown_write();
    };
    auto [client, server] = memory_stream::pair();
    const auto ending = co_await subject.run(part(client));
    must(ending.cancelled(), "in a cancelled scope it is refused");
    co_await client.write("x");
    const std::string got = co_await server.read_exactly(1);
    must(got == "x", "without effect");
}

task<void> close_stream(cancel_subject& subject, facts& seen) {
    auto [client, server] = memory_stream::pair();
    co_await close_cancelled(subject, std::move(client), seen);
}

// What is awaited is the operation of the stream inside.
std::string inherited_by_type() {
    using inner = plain_stream;
    using outer = buffered_reader<inner>;
    constexpr bool same =
        std::is_same_v<decltype(std::declval<inner&>().write("")), decltype(std::declval<outer&>().write(""))> &&
        std::is_same_v<decltype(std::declval<inner&>().shutdown_write()),
                       decltype(std::declval<outer&>().shutdown_write())> &&
        std::is_same_v<decltype(std::declval<inner&>().close()), decltype(std::declval<outer&>().close())>;
    return same ? "inherited" : "of its own";
}

// How far it came can be read, and whoever goes on from there misses nothing.
std::string class_of_copy() {
    bool counted = false;
    const facts seen = observe([&counted](cancel_subject& subject, facts&) -> task<void> {
        auto [source, from] = memory_stream::pair();
        auto [to, sink] = memory_stream::pair(100);
        const std::string text = pattern(300);
        co_await source.write(text);
        const auto ending = co_await subject.run(copy(from, to));
        must(ending.cancelled(), "there was no room");
        counted = to.written() == 100;
        const std::string rest = co_await from.read_exactly(200);
        must(rest == text.substr(100), "what was not written is read");
    });
    return counted && class_of(seen) == "lossless" ? "progress" : class_of(seen);
}

const cancel_class_probes of_memory_streams{
    {"memory_stream::read", [] { return class_of_read<memory_kind>(plainly); }},
    {"memory_stream::read_some", [] { return class_of_read<memory_kind>(into_room); }},
    {"memory_stream::write", [] { return class_of(observe(write_to_deaf)); }},
    {"memory_stream::shutdown_write", [] { return lossless_if(shut_down); }},
    {"memory_stream::close", [] { return class_of(observe(close_stream)); }},
    {"buffered_reader::read", [] { return class_of_read<wrapped_kind>(plainly); }},
    {"buffered_reader::read_some", [] { return class_of_read<wrapped_kind>(into_room); }},
    {"buffered_reader::write", inherited_by_type},
    {"buffered_reader::shutdown_write", inherited_by_type},
    {"buffered_reader::close", inherited_by_type},
    {"copy", class_of_copy},
};

}  // namespace
