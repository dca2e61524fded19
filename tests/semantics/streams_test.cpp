// Streams: rows 110 to 127 of what asyncio, trio and libuv promise, on every kind of stream. Where asyncio lets an
// error overtake the bytes that came before it, ours come first: row 115 is pinned in that form.
#include <doctest/doctest.h>

#include <array>
#include <string>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>
#include <tests/support/stream_kinds.hpp>

using namespace async_tests;
using async::testing::wait_all_tasks_blocked;

namespace {

// The count of consumed bytes that a limit_overrun tells; -1 for any other end.
task<int> overrun_of(task<std::string> read) {
    try {
        static_cast<void>(co_await std::move(read));
    } catch (const limit_overrun& e) {
        co_return static_cast<int>(e.consumed());
    }
    co_return -1;
}

template <class Stream>
task<void> write_text(Stream& stream, std::string text) {
    co_await stream.write(text);
}

constexpr std::string_view a_or_long[] = {"A", "ome dataA"};
constexpr std::string_view first_end[] = {"DEF", "BCDE"};
constexpr std::string_view short_and_long[] = {"A", "long sep"};

}  // namespace

TEST_CASE_TEMPLATE("110: a separator beyond the limit is an error, found or not, and the data is kept", kind,
                   ASYNC_TESTS_STREAM_KINDS) {
    async::run([]() -> task<void> {
        auto pair = co_await kind::connect();
        pair.server.unread("some dataAA");
        int consumed = co_await overrun_of(pair.server.read_until("AAA", {.limit = 3}));
        CHECK(consumed == 9);
        CHECK(pair.server.buffered() == 11);
        consumed = co_await overrun_of(pair.server.read_until("data", {.limit = 3}));
        CHECK(consumed == 5);
        CHECK(pair.server.buffered() == 11);
        std::string got = co_await pair.server.read_exactly(5);
        CHECK(got == "some ");
        got = co_await pair.server.read_until("AA", {.limit = 4});
        CHECK(got == "dataAA");
    }());
}

TEST_CASE_TEMPLATE("110: of several separators the shorter one counts for the limit where two end together", kind,
                   ASYNC_TESTS_STREAM_KINDS) {
    async::run([]() -> task<void> {
        auto pair = co_await kind::connect();
        pair.server.unread("some dataA");
        const int consumed = co_await overrun_of(pair.server.read_until(a_or_long, {.limit = 3}));
        CHECK(consumed == 9);
        CHECK(pair.server.buffered() == 10);
    }());
}

TEST_CASE_TEMPLATE("110: read_line drops a line over the limit, or all there is of it; the limit is strict", kind,
                   ASYNC_TESTS_STREAM_KINDS) {
    async::run([]() -> task<void> {
        auto pair = co_await kind::connect();
        pair.server.unread("chunk1chunk2\nchunk3\n");
        int consumed = co_await overrun_of(pair.server.read_line({.limit = 7}));
        CHECK(consumed == 12);
        std::string got = co_await pair.server.read_line({.limit = 7});
        CHECK(got == "chunk3\n");
        pair.server.unread("line1li");
        consumed = co_await overrun_of(pair.server.read_line({.limit = 3}));
        CHECK(consumed == 7);
        CHECK(pair.server.buffered() == 0);
        pair.server.unread("1234567\n12345678\n");
        got = co_await pair.server.read_line({.limit = 7});
        CHECK(got == "1234567\n");
        consumed = co_await overrun_of(pair.server.read_line({.limit = 7}));
        CHECK(consumed == 8);
        CHECK(pair.server.buffered() == 0);
        pair.server.unread("12345678");
        consumed = co_await overrun_of(pair.server.read_line({.limit = 7}));
        CHECK(consumed == 8);
        CHECK(pair.server.buffered() == 0);
    }());
}

TEST_CASE_TEMPLATE("110: the message that ends first is read, though its separator is the longer one", kind,
                   ASYNC_TESTS_STREAM_KINDS) {
    async::run([]() -> task<void> {
        auto pair = co_await kind::connect();
        auto writer = create_task(write_pieces(pair.client, "ABCDEFGdata", "Z", "Aaaa"));
        std::string got = co_await pair.server.read_until(first_end);
        CHECK(got == "ABCDE");
        got = co_await pair.server.read_until(short_and_long);
        CHECK(got == "FGdataZA");
        got = co_await pair.server.read_all();
        CHECK(got == "aaa");
        co_await writer;
    }());
}

TEST_CASE_TEMPLATE("110: a separator that repeats itself is found where it is whole", kind, ASYNC_TESTS_STREAM_KINDS) {
    async::run([]() -> task<void> {
        auto pair = co_await kind::connect();
        auto writer = create_task(write_pieces(pair.client, "QWEaa", "XYa", "aa", "aaaXX", "Xa", "a", "ax"));
        for (const std::string_view expected : {"QWEaaXYaaa", "aaa", "XXXaaa"}) {
            const std::string got = co_await pair.server.read_until("aaa");
            CHECK(got == expected);
        }
        const std::string rest = co_await pair.server.read_all();
        CHECK(rest == "x");
        co_await writer;
    }());
}

TEST_CASE_TEMPLATE("112: a message that is whole when the end comes is delivered before the end", kind,
                   ASYNC_TESTS_STREAM_KINDS) {
    async::run([]() -> task<void> {
        auto pair = co_await kind::connect();
        co_await pair.client.write("messageAAAsome dataAA");
        co_await pair.client.shutdown_write();
        std::string got = co_await pair.server.read_until("AAA");
        CHECK(got == "messageAAA");
        std::string partial;
        std::size_t expected = 1;
        try {
            static_cast<void>(co_await pair.server.read_until("AAA"));
        } catch (const incomplete_read& e) {
            partial = e.partial();
            expected = e.expected();
        }
        CHECK(partial == "some dataAA");  // half a separator included
        CHECK(expected == 0);
        CHECK(pair.server.at_eof());
    }());
}

TEST_CASE_TEMPLATE("112: lines and counted bytes may be read in turns", kind, ASYNC_TESTS_STREAM_KINDS) {
    async::run([]() -> task<void> {
        auto pair = co_await kind::connect();
        co_await pair.client.write("line1\nline2\nline3\nsome data");
        co_await pair.client.shutdown_write();
        std::string got = co_await pair.server.read_line();
        CHECK(got == "line1\n");
        got = co_await pair.server.read_exactly(7);
        CHECK(got == "line2\nl");
        got = co_await pair.server.read_line();
        CHECK(got == "ine3\n");
        got = co_await pair.server.read_line();
        CHECK(got == "some data");
        got = co_await pair.server.read_line();
        CHECK(got.empty());
    }());
}

TEST_CASE_TEMPLATE("113: read_exactly of more than any buffer holds, and than the limit of a line, goes on", kind,
                   ASYNC_TESTS_STREAM_KINDS) {
    async::run([]() -> task<void> {
        auto pair = co_await kind::connect();
        const std::string text = pattern(8 << 20);
        auto writer = create_task(write_text(pair.client, text));
        const std::string got = co_await pair.server.read_exactly(text.size());
        CHECK(got == text);
        co_await writer;
    }());
}

#ifndef _WIN32  // Wine tells of a reset only who waited for it, and others of a mere end
TEST_CASE_TEMPLATE("115: what came before an error is read before it, as far as it is whole; the error stays", kind,
                   ASYNC_TESTS_RESETTING_KINDS) {
    async::run([]() -> task<void> {
        auto pair = co_await kind::connect();
        pair.server.unread("one\ntwo\nhalf");
        pair.client.abort();
        for (const std::string_view expected : {"one\n", "two\n"}) {
            const std::string got = co_await pair.server.read_line();
            CHECK(got == expected);
        }
        for (int i = 0; i < 2; ++i) {
            std::error_code code = co_await error_of(pair.server.read_line());
            CHECK(code == std::errc::connection_reset);
            code = co_await error_of(pair.server.read_exactly(10));
            CHECK(code == std::errc::connection_reset);
            code = co_await error_of(pair.server.read_all());
            CHECK(code == std::errc::connection_reset);
        }
        // What is less than was asked for is there for who takes anything.
        const std::string half = co_await read_plain(pair.server);
        CHECK(half == "half");
        const std::error_code code = co_await error_of(pair.server.read());
        CHECK(code == std::errc::connection_reset);
        CHECK_FALSE(pair.server.at_eof());
    }());
}

TEST_CASE_TEMPLATE("115: an error wakes who waits for a line", kind, ASYNC_TESTS_RESETTING_KINDS) {
    async::run([]() -> task<void> {
        auto pair = co_await kind::connect();
        auto line = create_task(pair.server.read_line());
        co_await wait_all_tasks_blocked();
        pair.client.abort();
        const std::error_code code = co_await error_of(std::move(line));
        CHECK(code == std::errc::connection_reset);
    }());
}
#endif

TEST_CASE_TEMPLATE("116: a cancelled reader does not break the next one, and an error afterwards finds nobody", kind,
                   ASYNC_TESTS_STREAM_KINDS) {
    async::run([]() -> task<void> {
        auto pair = co_await kind::connect();
        for (int i = 0; i < 3; ++i) {
            auto line = create_task(pair.server.read_line());
            co_await wait_all_tasks_blocked();
            line.cancel();
            co_await line.wait();
            CHECK(line.cancelled());
        }
        co_await pair.client.write("line\n");
        const std::string got = co_await pair.server.read_line();
        CHECK(got == "line\n");
        auto line = create_task(pair.server.read_line());
        co_await wait_all_tasks_blocked();
        line.cancel();
        pair.client.abort();
        co_await line.wait();
        CHECK(line.cancelled());
    }());
}

TEST_CASE_TEMPLATE("116: two readers at once are an error, for the second", kind, ASYNC_TESTS_STREAM_KINDS) {
    async::run([]() -> task<void> {
        auto pair = co_await kind::connect();
        auto first = create_task(pair.server.read_exactly(4));
        co_await wait_all_tasks_blocked();
        const std::error_code code = co_await error_of(pair.server.read_exactly(4));
        CHECK(code == errc::busy);
        co_await pair.client.write("data");
        const std::string got = co_await first;
        CHECK(got == "data");
    }());
}

TEST_CASE_TEMPLATE("118: who writes in a tight loop notices that the peer is dead", kind, ASYNC_TESTS_STREAM_KINDS) {
    async::run([]() -> task<void> {
        auto pair = co_await kind::connect();
        co_await pair.server.close();
        auto write_for_ever = [](auto& stream) -> task<void> {
            for (;;) co_await stream.write("foo\n");
        };
        const std::error_code code = co_await error_of(write_for_ever(pair.client));
        CHECK((code == std::errc::broken_pipe || code == std::errc::connection_reset ||
               code == std::errc::connection_aborted));
    }());
}

TEST_CASE_TEMPLATE("118: a write after the close of the stream is an error", kind, ASYNC_TESTS_STREAM_KINDS) {
    async::run([]() -> task<void> {
        auto pair = co_await kind::connect();
        co_await pair.client.close();
        const std::error_code code = co_await error_of(pair.client.write("data"));
        CHECK(code == errc::closed);
    }());
}

TEST_CASE_TEMPLATE("119: many small writes keep their order, and a write of nothing is nothing", kind,
                   ASYNC_TESTS_STREAM_KINDS) {
    async::run([]() -> task<void> {
        auto pair = co_await kind::connect();
        auto write_many = [](auto& stream) -> task<void> {
            for (int i = 0; i < 5000; ++i) {
                co_await stream.write(std::to_string(i), std::string_view(), " ");
                co_await stream.write(std::string_view());
            }
            co_await stream.shutdown_write();
        };
        auto writer = create_task(write_many(pair.client));
        const std::string got = co_await pair.server.read_all();
        std::string expected;
        for (int i = 0; i < 5000; ++i) expected += std::to_string(i) + " ";
        CHECK(got == expected);
        CHECK(pair.client.written() == expected.size());
        co_await writer;
    }());
}

TEST_CASE_TEMPLATE("121: the end comes after all that was written; beside a write it is refused, as after the close",
                   kind, ASYNC_TESTS_STREAM_KINDS) {
    async::run([]() -> task<void> {
        auto pair = co_await kind::connect();
        const std::string text = pattern(16 << 20);
        auto writer = create_task(write_text(pair.client, text));
        co_await wait_all_tasks_blocked();
        std::error_code code = co_await error_of(pair.client.shutdown_write());
        CHECK(code == errc::busy);
        const std::string got = co_await pair.server.read_exactly(text.size());
        CHECK(got == text);
        co_await writer;
        co_await pair.client.shutdown_write();
        const std::string end = co_await pair.server.read_all();
        CHECK(end.empty());
        co_await pair.client.close();
        code = co_await error_of(pair.client.shutdown_write());
        CHECK(code == errc::closed);
    }());
}

TEST_CASE_TEMPLATE("122: the end of the peer's side leaves ours open", kind, ASYNC_TESTS_STREAM_KINDS) {
    async::run([]() -> task<void> {
        auto pair = co_await kind::connect();
        co_await pair.client.shutdown_write();
        const std::string end = co_await pair.server.read_line();
        CHECK(end.empty());
        CHECK(pair.server.at_eof());
        CHECK(pair.server.is_open());
        co_await pair.server.write("answer\n");
        const std::string got = co_await pair.client.read_line();
        CHECK(got == "answer\n");
    }());
}

TEST_CASE_TEMPLATE("124: close with data that nobody read comes to its end, and the stream is at its own", kind,
                   ASYNC_TESTS_STREAM_KINDS) {
    async::run([]() -> task<void> {
        auto pair = co_await kind::connect();
        co_await pair.client.write("line\nnever read\nnor this");
        const std::string got = co_await pair.server.read_line();
        CHECK(got == "line\n");
        co_await pair.server.close();
        CHECK(pair.server.at_eof());
        const std::error_code code = co_await error_of(pair.server.read());
        CHECK(code == errc::closed);
    }());
}

TEST_CASE_TEMPLATE("125: what is pending when a stream is closed ends with errc::closed", kind,
                   ASYNC_TESTS_STREAM_KINDS) {
    async::run([]() -> task<void> {
        auto pair = co_await kind::connect();
        auto line = create_task(pair.client.read_line());
        auto writer = create_task(write_text(pair.client, pattern(16 << 20)));
        co_await wait_all_tasks_blocked();
        co_await pair.client.close();
        std::error_code code = co_await error_of(std::move(line));
        CHECK(code == errc::closed);
        code = co_await error_of(std::move(writer));
        CHECK(code == errc::closed);
    }());
}

TEST_CASE_TEMPLATE("127: to end twice is no error, to write after the end is one; an abort may follow", kind,
                   ASYNC_TESTS_STREAM_KINDS) {
    async::run([]() -> task<void> {
        auto pair = co_await kind::connect();
        co_await pair.client.shutdown_write();
        co_await pair.client.shutdown_write();
        const std::error_code code = co_await error_of(pair.client.write("late"));
        if constexpr (requires { kind::end_closes; }) {
            CHECK(code == errc::closed);
        } else {
            CHECK((code == std::errc::broken_pipe || code == std::errc::connection_aborted));
        }
        const std::string end = co_await pair.server.read_all();
        CHECK(end.empty());
        pair.client.abort();
        CHECK_FALSE(pair.client.is_open());
    }());
}
