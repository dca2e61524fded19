// Streams in memory and copy, cancelled at every suspension: reads lose nothing, writes tell how far they came.
#include <doctest/doctest.h>

#include <array>
#include <string>

#include <libasync/net/copy.hpp>

#include <tests/support/cancel.hpp>
#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>
#include <tests/support/stream_kinds.hpp>

using namespace async_tests;

namespace {

constexpr std::size_t capacity = 100;

task<void> write_slowly(memory_stream& stream, std::string text) {
    std::string_view left(text);
    for (std::size_t size = 1; !left.empty(); size = size * 3 % 251) {
        const std::string_view part = left.substr(0, size);
        co_await stream.write(part);
        left.remove_prefix(part.size());
        co_await yield();
    }
    co_await stream.shutdown_write();
}

task<void> read_chunks(memory_stream& stream, std::string& got) {
    for (;;) {
        const chunk data = co_await stream.read();
        if (data.empty()) co_return;
        got += data.text();
    }
}

task<void> read_somes(memory_stream& stream, std::string& got) {
    std::array<char, 30> room;
    for (;;) {
        const std::size_t count = co_await stream.read_some(std::as_writable_bytes(std::span(room)));
        if (count == 0) co_return;
        got.append(room.data(), count);
        if (got.size() % 2 == 0) co_await yield();
    }
}

using reader = task<void> (*)(memory_stream&, std::string&);

void lose_nothing(reader read) {
    const std::string text = pattern(1500);
    const auto scenario = [&text, read](cancel_subject& subject) -> task<void> {
        auto [client, server] = memory_stream::pair(capacity);
        std::string got;
        auto writer = create_task(write_slowly(client, text));
        const auto ending = co_await subject.run(read(server, got));
        must_not_fail(ending);
        if (!ending.completed()) co_await read(server, got);
        co_await writer;
        must(got == text, "each byte comes once");
    };
    check_cancelled(cancel_everywhere(scenario));
}

}  // namespace

TEST_CASE("read of a memory stream loses nothing") { lose_nothing(read_chunks); }

TEST_CASE("read_some of a memory stream loses nothing") { lose_nothing(read_somes); }

TEST_CASE("a write to a memory stream that was cut short tells how much was written, and more is refused") {
    const std::string text = pattern(450);
    int in_part = 0;
    const auto scenario = [&text, &in_part](cancel_subject& subject) -> task<void> {
        auto [client, server] = memory_stream::pair(capacity);
        auto write = [](memory_stream& stream, std::string_view text) -> task<void> {
            co_await yield();
            co_await stream.write(text.substr(0, 3), text.substr(3));
        };
        auto read_late = [](memory_stream& stream, std::string& got) -> task<void> {
            for (int i = 0; i < 5; ++i) co_await yield();
            co_await read_somes(stream, got);
        };
        std::string got;
        auto peer = create_task(read_late(server, got));
        const auto ending = co_await subject.run(write(client, text));
        must_not_fail(ending);
        const std::uint64_t written = client.written();
        must(ending.completed() == (written == text.size()), "a write completes if and only if all was written");
        const std::error_code again = co_await error_of(client.write("x"));
        const bool cut_short = !ending.completed() && written != 0;
        must(again == (cut_short ? make_error_code(errc::broken) : std::error_code()), "broken, if a part was written");
        in_part += cut_short;
        co_await client.close();
        co_await peer;
        must(got == text.substr(0, written) + (cut_short ? "" : "x"), "the peer has read what was written");
    };
    check_cancelled(cancel_everywhere(scenario));
    CHECK(in_part != 0);
}

TEST_CASE("a copy that was cut short has lost nothing: what was not written is still there to be read") {
    const std::string text = pattern(1500);
    const auto scenario = [&text](cancel_subject& subject) -> task<void> {
        auto [source, from] = memory_stream::pair(capacity);
        auto [to, sink] = memory_stream::pair(capacity / 2);
        std::string got;
        auto writer = create_task(write_slowly(source, text));
        auto reader = create_task(read_somes(sink, got));
        const auto ending = co_await subject.run(copy(from, to));
        must_not_fail(ending);
        const std::uint64_t written = to.written();
        must(!ending.completed() || written == text.size(), "a copy that completed has copied all");
        const std::string rest = co_await from.read_all();
        co_await to.close();
        co_await reader;
        co_await writer;
        must(got == text.substr(0, written), "the other side has what was written");
        must(got + rest == text, "and what was not is left");
    };
    check_cancelled(cancel_everywhere(scenario));
}
