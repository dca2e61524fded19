// Buffered reads, cancelled at every suspension: whoever reads on, in whatever way, misses nothing.
#include <doctest/doctest.h>

#include <string>

#include <tests/support/cancel.hpp>
#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>
#include <tests/support/stream_kinds.hpp>

using namespace async_tests;

namespace {

constexpr int pieces = 4;

// Sends in pieces that end anywhere, with pauses in which the reader waits.
template <class Stream>
task<void> send_in_pieces(Stream& stream, const std::string& text) {
    const std::size_t size = text.size() / pieces;
    for (int i = 0; i < pieces; ++i) {
        co_await sleep(200us);
        const std::size_t begin = static_cast<std::size_t>(i) * size;
        co_await stream.write(std::string_view(text).substr(begin, i + 1 == pieces ? text.size() : size));
    }
    co_await stream.shutdown_write();
}

// All these keep what they read at once, so that a cancellation finds it in `got` or in the stream.
template <class Stream>
task<void> by_lines(Stream& stream, std::string& got) {
    for (;;) {
        const std::string line = co_await stream.read_line();
        if (line.empty()) co_return;
        got += line;
    }
}

template <class Stream>
task<void> by_separators(Stream& stream, std::string& got) {
    constexpr std::string_view ends[] = {"\n", "eol"};
    while (!stream.at_eof()) {
        try {
            got += co_await stream.read_until(ends);
        } catch (const incomplete_read& e) {
            got += e.partial();
        }
    }
}

template <class Stream>
task<void> by_number(Stream& stream, std::string& got) {
    for (std::size_t size = 1; !stream.at_eof(); size = size * 3 % 101) {
        try {
            got += co_await stream.read_exactly(size);
        } catch (const incomplete_read& e) {
            got += e.partial();
        }
    }
}

template <class Stream>
task<void> by_turns(Stream& stream, std::string& got) {
    for (;;) {
        got += co_await stream.read_line();
        got += co_await read_plain(stream);
        if (stream.at_eof()) co_return;
    }
}

template <class Stream>
task<void> whole(Stream& stream, std::string& got) {
    got += co_await stream.read_all();
}

template <class Stream>
task<void> by_generator(Stream& stream, std::string& got) {
    auto lines = stream.lines();
    while (auto line = co_await lines.next()) got += *line;
}

std::string lines_of(std::size_t size) {
    std::string text = pattern(size);
    for (std::size_t i = 7; i < size; i += 1 + i % 61) text[i] = '\n';
    return text;
}

template <class Kind, class Read>
void lose_nothing(Read read, std::size_t size) {
    const std::string text = lines_of(size);
    const auto scenario = [&text, read](cancel_subject& subject) -> task<void> {
        auto pair = co_await Kind::connect();
        std::string got;
        auto sender = create_task(send_in_pieces(pair.client, text));
        const auto ending = co_await subject.run(read(pair.server, got));
        must_not_fail(ending);
        must(!ending.completed() || got == text, "a reader that completed has read all");
        if (!ending.completed()) co_await read(pair.server, got);
        co_await sender;
        must(got.size() >= text.size(), "bytes are lost");
        must(got == text, "bytes are doubled or mixed up");
        co_await pair.client.close();
        co_await pair.server.close();
    };
    check_cancelled(cancel_everywhere(scenario));
}

template <class Kind, class Read>
void lose_nothing(Read read) {
    for (const std::size_t size : {100u, 20'000u}) {
        CAPTURE(size);
        lose_nothing<Kind>(read, size);
    }
}

}  // namespace

TEST_CASE_TEMPLATE("read_line loses nothing", kind, ASYNC_TESTS_STREAM_KINDS) {
    lose_nothing<kind>([](auto& stream, std::string& got) { return by_lines(stream, got); });
}

TEST_CASE_TEMPLATE("read_until loses nothing", kind, ASYNC_TESTS_STREAM_KINDS) {
    lose_nothing<kind>([](auto& stream, std::string& got) { return by_separators(stream, got); });
}

TEST_CASE_TEMPLATE("read_exactly loses nothing", kind, ASYNC_TESTS_STREAM_KINDS) {
    lose_nothing<kind>([](auto& stream, std::string& got) { return by_number(stream, got); });
}

TEST_CASE_TEMPLATE("buffered and plain reads in turns lose nothing", kind, ASYNC_TESTS_STREAM_KINDS) {
    lose_nothing<kind>([](auto& stream, std::string& got) { return by_turns(stream, got); });
}

TEST_CASE_TEMPLATE("read_all loses nothing", kind, ASYNC_TESTS_STREAM_KINDS) {
    lose_nothing<kind>([](auto& stream, std::string& got) { return whole(stream, got); });
}

TEST_CASE_TEMPLATE("lines() loses nothing: another generator goes on where a cancelled one was", kind,
                   ASYNC_TESTS_STREAM_KINDS) {
    lose_nothing<kind>([](auto& stream, std::string& got) { return by_generator(stream, got); });
}
