// Reading and writing, cancelled at every suspension: reads lose nothing, writes tell how far they came.
#include <doctest/doctest.h>

#include <array>
#include <string>

#include <tests/support/cancel.hpp>
#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

constexpr int pieces = 4;

// Sends in pieces, with pauses in which the reader waits.
task<void> send_in_pieces(tcp_stream& stream, const std::string& text) {
    const std::size_t size = text.size() / pieces;
    for (int i = 0; i < pieces; ++i) {
        co_await sleep(200us);
        co_await stream.write(std::string_view(text).substr(static_cast<std::size_t>(i) * size, size));
    }
    co_await stream.shutdown_write();
}

task<void> read_chunks(tcp_stream& stream, std::string& got) {
    for (;;) {
        const chunk data = co_await stream.read();
        if (data.empty()) co_return;
        got += data.text();
    }
}

task<void> read_somes(tcp_stream& stream, std::string& got) {
    std::array<char, 1000> room;
    for (;;) {
        const std::size_t count = co_await stream.read_some(std::as_writable_bytes(std::span(room)));
        if (count == 0) co_return;
        got.append(room.data(), count);
    }
}

task<void> read_results(tcp_stream& stream, std::string& got) {
    for (;;) {
        auto data = co_await as_result(stream.read());
        if (!data || data->empty()) co_return;
        got += data->text();
    }
}

task<void> read_below(tcp_stream& stream, std::string& got, int depth) {
    if (depth == 0) {
        co_await read_chunks(stream, got);
    } else {
        co_await read_below(stream, got, depth - 1);
    }
}

task<void> read_deep(tcp_stream& stream, std::string& got) { co_await read_below(stream, got, 40); }

using reader = task<void> (*)(tcp_stream&, std::string&);

// Whoever reads on after a cancellation sees everything, and nothing twice.
cancel_report lose_nothing(reader read, std::size_t size) {
    const std::string text = pattern(size * pieces);
    const auto scenario = [&text, read](cancel_subject& subject) -> task<void> {
        stream_pair pair = co_await connected_pair();
        std::string got;
        auto sender = create_task(send_in_pieces(pair.client, text));
        const auto ending = co_await subject.run(read(pair.server, got));
        must_not_fail(ending);
        must(!ending.completed() || got == text, "a read that completed has read all");
        if (!ending.completed()) co_await read(pair.server, got);
        co_await sender;
        must(got.size() >= text.size(), "bytes are lost");
        must(got == text, "bytes are doubled or mixed up");
        co_await pair.client.close();
        co_await pair.server.close();
    };
    return cancel_everywhere(scenario);
}

}  // namespace

TEST_CASE("read loses nothing: small messages") { check_cancelled(lose_nothing(read_chunks, 5)); }

TEST_CASE("read loses nothing: messages of many buffers") { check_cancelled(lose_nothing(read_chunks, 100'000)); }

TEST_CASE("read_some loses nothing: small messages") { check_cancelled(lose_nothing(read_somes, 5)); }

TEST_CASE("read_some loses nothing: messages larger than its room") {
    check_cancelled(lose_nothing(read_somes, 20'000));
}

TEST_CASE("as_result changes nothing of that") { check_cancelled(lose_nothing(read_results, 5)); }

TEST_CASE("a read below more tasks than are resumed in place loses nothing") {
    check_cancelled(lose_nothing(read_deep, 5));
}

namespace {

constexpr std::size_t large = 8 << 20;

task<void> write_one(tcp_stream& stream, const std::string& text) { co_await stream.write(text); }

task<void> write_three(tcp_stream& stream, const std::string& text) {
    const std::string_view all(text);
    co_await stream.write(all.substr(0, 10), all.substr(10, large / 2), all.substr(10 + large / 2));
}

// Leaves off now and then, so that the writer waits.
task<void> read_slowly(tcp_stream& stream, std::string& got) {
    for (;;) {
        const chunk data = co_await stream.read();
        if (data.empty()) co_return;
        got += data.text();
        co_await yield();
    }
}

using writer = task<void> (*)(tcp_stream&, const std::string&);

struct write_counts {
    int in_part = 0;
};

// What the peer has read is what `written` tells, and a stream whose write was cut short takes no more.
void check_writes(writer write) {
    const std::string text = pattern(large);
    write_counts seen;
    const auto scenario = [&text, &seen, write](cancel_subject& subject) -> task<void> {
        stream_pair pair = co_await connected_pair();
        std::string got;
        auto peer = create_task(read_slowly(pair.server, got));
        const auto ending = co_await subject.run(write(pair.client, text));
        must_not_fail(ending);
        const std::uint64_t written = pair.client.written();
        must(ending.completed() == (written == text.size()), "a write completes if and only if all was written");
        const std::error_code again = co_await error_of(pair.client.write("x"));
        const bool cut_short = !ending.completed() && written != 0;
        must(again == (cut_short ? make_error_code(errc::broken) : std::error_code()), "broken, if a part was written");
        seen.in_part += cut_short;
        co_await pair.client.close();
        co_await peer;
        const std::string expected = text.substr(0, written) + (cut_short ? "" : "x");
        must(got == expected, "the peer has read what was written, and nothing else");
        co_await pair.server.close();
    };
    check_cancelled(cancel_everywhere(scenario));
    CHECK(seen.in_part != 0);
}

}  // namespace

TEST_CASE("a write that was cut short tells how much was written, and the stream refuses more") {
    check_writes(write_one);
}

TEST_CASE("a vectored write that was cut short tells how much was written, and the stream refuses more") {
    check_writes(write_three);
}

TEST_CASE("small writes happen or do not: the peer reads whole messages only, as many as were written") {
    const auto write_messages = [](tcp_stream& stream, int& sent) -> task<void> {
        for (int i = 0; i < 3; ++i) {
            co_await yield();
            co_await stream.write("message");
            ++sent;
        }
    };
    const auto scenario = [write_messages](cancel_subject& subject) -> task<void> {
        stream_pair pair = co_await connected_pair();
        int sent = 0;
        const auto ending = co_await subject.run(write_messages(pair.client, sent));
        must_not_fail(ending);
        must(pair.client.written() == 7u * static_cast<unsigned>(sent), "each write that began is done");
        must(!ending.completed() || sent == 3, "all were sent");
        co_await pair.client.write("end");
        co_await pair.client.shutdown_write();
        const std::string got = co_await read_all(pair.server);
        must(got.size() == 7u * static_cast<unsigned>(sent) + 3, "the peer has read as much");
        co_await pair.client.close();
        co_await pair.server.close();
    };
    check_cancelled(cancel_everywhere(scenario));
}

TEST_CASE("shutdown_write happens or does not: a stream whose shutdown was cancelled writes on") {
    const auto shut_down = [](tcp_stream& stream) -> task<void> {
        co_await yield();
        co_await stream.shutdown_write();
    };
    const auto scenario = [shut_down](cancel_subject& subject) -> task<void> {
        stream_pair pair = co_await connected_pair();
        const auto ending = co_await subject.run(shut_down(pair.client));
        must_not_fail(ending);
        if (!ending.completed()) {
            co_await pair.client.write("still open");
            co_await pair.client.shutdown_write();
        }
        const std::string got = co_await read_all(pair.server);
        must(got == (ending.completed() ? "" : "still open"), "the peer sees the end where it is");
        co_await pair.client.close();
        co_await pair.server.close();
    };
    check_outcomes(cancel_everywhere(scenario));
}
