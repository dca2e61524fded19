#include <libasync/net/buffered_reads.hpp>

#include <doctest/doctest.h>

#include <array>
#include <optional>
#include <string>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>
#include <tests/support/stream_kinds.hpp>

using namespace async_tests;
using async::testing::wait_all_tasks_blocked;

namespace {

// The error of a buffered read, and what it carries.
struct failure {
    std::error_code code;
    std::string partial;
    std::size_t count = 0;  // expected, or consumed
    std::string message;
};

task<failure> failure_of(task<std::string> read) {
    failure found;
    try {
        static_cast<void>(co_await std::move(read));
    } catch (const incomplete_read& e) {
        found.code = e.code();
        found.partial = e.partial();
        found.count = e.expected();
        found.message = e.what();
    } catch (const limit_overrun& e) {
        found.code = e.code();
        found.count = e.consumed();
        found.message = e.what();
    } catch (const std::system_error& e) {
        found.code = e.code();
        found.message = e.what();
    }
    co_return found;
}

constexpr std::string_view ends[] = {"\r\n", "\n", "--"};

}  // namespace

TEST_CASE_TEMPLATE("read_exactly gives the number that was asked for, however the bytes come", kind,
                   ASYNC_TESTS_STREAM_KINDS) {
    async::run([]() -> task<void> {
        auto pair = co_await kind::connect();
        auto writer = create_task(write_pieces(pair.client, "abc", "defgh", "i"));
        std::string got = co_await pair.server.read_exactly(2);
        CHECK(got == "ab");
        got = co_await pair.server.read_exactly(0);
        CHECK(got.empty());
        got = co_await pair.server.read_exactly(5);
        CHECK(got == "cdefg");
        got = co_await pair.server.read_exactly(2);
        CHECK(got == "hi");
        co_await writer;
        const failure end = co_await failure_of(pair.server.read_exactly(1));
        CHECK(end.code == errc::incomplete);
        CHECK(end.partial.empty());
        CHECK(end.count == 1);
    }());
}

TEST_CASE_TEMPLATE("read_exactly that meets the end gives what came in its error, and takes it", kind,
                   ASYNC_TESTS_STREAM_KINDS) {
    async::run([]() -> task<void> {
        auto pair = co_await kind::connect();
        auto writer = create_task(write_pieces(pair.client, "abc", "de"));
        const failure end = co_await failure_of(pair.server.read_exactly(10));
        CHECK(end.code == errc::incomplete);
        CHECK(end.partial == "abcde");
        CHECK(end.count == 10);
        CHECK(end.message.find("read_exactly from ") == 0);
        CHECK(pair.server.at_eof());
        CHECK(pair.server.buffered() == 0);
        co_await writer;
    }());
}

TEST_CASE_TEMPLATE("large counts are read whole, and what follows is not touched", kind, ASYNC_TESTS_STREAM_KINDS) {
    async::run([]() -> task<void> {
        auto pair = co_await kind::connect();
        const std::string text = pattern(1'000'000);
        auto write = [](auto& stream, const std::string& text) -> task<void> { co_await stream.write(text, "rest\n"); };
        auto writer = create_task(write(pair.client, text));
        const std::string got = co_await pair.server.read_exactly(text.size());
        CHECK(got == text);
        const std::string rest = co_await pair.server.read_line();
        CHECK(rest == "rest\n");
        co_await writer;
    }());
}

TEST_CASE_TEMPLATE("read_until gives all up to the separator and the separator, though it comes in two pieces", kind,
                   ASYNC_TESTS_STREAM_KINDS) {
    async::run([]() -> task<void> {
        auto pair = co_await kind::connect();
        auto writer = create_task(write_pieces(pair.client, "one\r", "\ntwo\r\nth", "ree", "\r", "x\r\n"));
        for (const std::string_view expected : {"one\r\n", "two\r\n", "three\rx\r\n"}) {
            const std::string got = co_await pair.server.read_until("\r\n");
            CHECK(got == expected);
        }
        co_await writer;
    }());
}

TEST_CASE_TEMPLATE("of several separators the one that ends first ends the message", kind, ASYNC_TESTS_STREAM_KINDS) {
    async::run([]() -> task<void> {
        auto pair = co_await kind::connect();
        auto writer = create_task(write_pieces(pair.client, "a\r\nb--c\nd-", "-", "e-f\r", "g\n"));
        for (const std::string_view expected : {"a\r\n", "b--", "c\n", "d--", "e-f\rg\n"}) {
            const std::string got = co_await pair.server.read_until(ends);
            CHECK(got == expected);
        }
        co_await writer;
    }());
}

TEST_CASE("read_until wants a separator") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        CHECK_THROWS_AS(static_cast<void>(pair.server.read_until("")), std::invalid_argument);
        CHECK_THROWS_AS(static_cast<void>(pair.server.read_until(std::span<const std::string_view>())),
                        std::invalid_argument);
        constexpr std::string_view one_empty[] = {"a", ""};
        CHECK_THROWS_AS(static_cast<void>(pair.server.read_until(one_empty)), std::invalid_argument);
    }());
}

TEST_CASE("separators and options are copied at the call") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        auto late = [](tcp_stream& stream) {
            std::string separator = "the end of a message that is not short";
            return stream.read_until(separator);
        };
        auto read = late(pair.server);
        co_await pair.client.write("x the end of a message that is not short y");
        const std::string got = co_await std::move(read);
        CHECK(got == "x the end of a message that is not short");
    }());
}

TEST_CASE_TEMPLATE("lines come with their ends, the last one as it is, and then empty ones", kind,
                   ASYNC_TESTS_STREAM_KINDS) {
    async::run([]() -> task<void> {
        auto pair = co_await kind::connect();
        auto writer = create_task(write_pieces(pair.client, "first\nsec", "ond\n\nlast"));
        for (const std::string_view expected : {"first\n", "second\n", "\n", "last", "", ""}) {
            const std::string got = co_await pair.server.read_line();
            CHECK(got == expected);
        }
        CHECK(pair.server.at_eof());
        co_await writer;
    }());
}

TEST_CASE_TEMPLATE("lines() gives line after line up to the end, and other reads may come in between", kind,
                   ASYNC_TESTS_STREAM_KINDS) {
    async::run([]() -> task<void> {
        auto pair = co_await kind::connect();
        auto writer = create_task(write_pieces(pair.client, "first\nsecond\nxyzthird\n", "la", "st"));
        auto lines = pair.server.lines();
        auto line = co_await lines.next();
        CHECK(line == "first\n");
        line = co_await lines.next();
        CHECK(line == "second\n");
        const std::string three = co_await pair.server.read_exactly(3);
        CHECK(three == "xyz");
        line = co_await lines.next();
        CHECK(line == "third\n");
        line = co_await lines.next();
        CHECK(line == "last");
        line = co_await lines.next();
        CHECK_FALSE(line.has_value());
        co_await writer;
    }());
}

TEST_CASE("lines() of a stream that has gone ends with errc::closed") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        auto lines = pair.server.lines();
        co_await pair.client.write("one\ntwo\n");
        const auto line = co_await lines.next();
        CHECK(line == "one\n");
        pair.server = {};
        const std::error_code code = co_await error_of(lines.next());
        CHECK(code == errc::closed);
    }());
}

TEST_CASE_TEMPLATE("read_all gives everything up to the end", kind, ASYNC_TESTS_STREAM_KINDS) {
    async::run([]() -> task<void> {
        auto pair = co_await kind::connect();
        const std::string text = pattern(300'000);
        auto writer = create_task(write_pieces(pair.client, "line\n", text, "."));
        std::string got = co_await pair.server.read_line();
        CHECK(got == "line\n");
        got = co_await pair.server.read_all();
        CHECK(got == text + ".");
        got = co_await pair.server.read_all();
        CHECK(got.empty());
        co_await writer;
    }());
}

TEST_CASE_TEMPLATE("more than the limit is an error, and stays in the stream", kind, ASYNC_TESTS_STREAM_KINDS) {
    async::run([]() -> task<void> {
        auto pair = co_await kind::connect();
        auto writer = create_task(write_pieces(pair.client, "0123456789;abc"));
        failure overrun = co_await failure_of(pair.server.read_until(";", {.limit = 9}));
        CHECK(overrun.code == errc::limit_overrun);
        CHECK(overrun.count == 10);
        CHECK(overrun.message.find("read_until from ") == 0);
        std::string got = co_await pair.server.read_until(";", {.limit = 10});
        CHECK(got == "0123456789;");
        co_await writer;
        overrun = co_await failure_of(pair.server.read_all({.limit = 2}));
        CHECK(overrun.code == errc::limit_overrun);
        got = co_await pair.server.read_all({.limit = 3});
        CHECK(got == "abc");
    }());
}

TEST_CASE_TEMPLATE("a line over the limit is dropped: the next read gives the next line", kind,
                   ASYNC_TESTS_STREAM_KINDS) {
    async::run([]() -> task<void> {
        auto pair = co_await kind::connect();
        pair.server.unread("far too long\nfi");  // all of the line is there, however the rest arrives
        const failure overrun = co_await failure_of(pair.server.read_line({.limit = 4}));
        CHECK(overrun.code == errc::limit_overrun);
        CHECK(overrun.count == 12);
        co_await pair.client.write("ts\n");
        const std::string got = co_await pair.server.read_line({.limit = 4});
        CHECK(got == "fits\n");
    }());
}

TEST_CASE_TEMPLATE("a hostile peer that ends no line is cut off at the limit", kind, ASYNC_TESTS_STREAM_KINDS) {
    async::run([]() -> task<void> {
        auto pair = co_await kind::connect();
        auto flood = [](auto& stream) -> task<void> {
            const std::string text(10'000, 'x');
            for (int i = 0; i < 1000; ++i) co_await stream.write(text);
        };
        auto writer = create_task(flood(pair.client));
        const failure overrun = co_await failure_of(pair.server.read_until("\n"));
        CHECK(overrun.code == errc::limit_overrun);
        CHECK(overrun.count > 65'536);
        CHECK(pair.server.buffered() < 300'000);
        writer.cancel();
        co_await writer.wait();
    }());
}

TEST_CASE_TEMPLATE("plain reads give first what was read ahead", kind, ASYNC_TESTS_STREAM_KINDS) {
    async::run([]() -> task<void> {
        auto pair = co_await kind::connect();
        co_await pair.client.write("line\nabcdefg");
        std::string got = co_await pair.server.read_line();
        CHECK(got == "line\n");
        // What was read ahead may be all of it, or nothing.
        std::array<char, 3> room;
        const std::size_t count = co_await pair.server.read_some(std::as_writable_bytes(std::span(room)));
        got.assign(room.data(), count);
        while (got.size() < 7) got += co_await read_plain(pair.server);
        CHECK(got == "abcdefg");
        co_await pair.client.write("next");
        got.clear();
        while (got.size() < 4) got += co_await read_plain(pair.server);
        CHECK(got == "next");
    }());
}

TEST_CASE_TEMPLATE("a read beside a buffered one is refused, and the buffered one goes on", kind,
                   ASYNC_TESTS_STREAM_KINDS) {
    async::run([]() -> task<void> {
        auto pair = co_await kind::connect();
        auto line = create_task(pair.server.read_line());
        co_await wait_all_tasks_blocked();
        for (int round = 0; round < 2; ++round) {
            std::error_code code = co_await error_of(pair.server.read());
            CHECK(code == errc::busy);
            std::array<std::byte, 4> room;
            code = co_await error_of(pair.server.read_some(room));
            CHECK(code == errc::busy);
            code = co_await error_of(pair.server.read_exactly(1));
            CHECK(code == errc::busy);
            code = co_await error_of(pair.server.read_line());
            CHECK(code == errc::busy);
            CHECK_THROWS_AS(pair.server.unread("x"), std::system_error);
            CHECK_THROWS_AS(static_cast<void>(pair.server.take_buffered()), std::system_error);
            // Then with half a line in the buffer.
            co_await pair.client.write("ha");
            co_await wait_all_tasks_blocked();
        }
        co_await pair.client.write("lf\n");
        const std::string got = co_await line;
        CHECK(got == "hahalf\n");
    }());
}

TEST_CASE_TEMPLATE("a buffered read beside a plain one is refused, and the plain one goes on", kind,
                   ASYNC_TESTS_STREAM_KINDS) {
    async::run([]() -> task<void> {
        auto pair = co_await kind::connect();
        auto plain = create_task(read_plain(pair.server));
        co_await wait_all_tasks_blocked();
        const std::error_code code = co_await error_of(pair.server.read_line());
        CHECK(code == errc::busy);
        co_await pair.client.write("x");
        const std::string got = co_await plain;
        CHECK(got == "x");
    }());
}

TEST_CASE_TEMPLATE("a cancelled buffered read leaves all that came to the next read, of whatever kind", kind,
                   ASYNC_TESTS_STREAM_KINDS) {
    async::run([]() -> task<void> {
        auto pair = co_await kind::connect();
        for (int next = 0; next < 4; ++next) {
            auto line = create_task(pair.server.read_line());
            co_await wait_all_tasks_blocked();
            co_await pair.client.write("hal");
            while (pair.server.buffered() < 3) co_await sleep(100us);
            line.cancel();
            co_await line.wait();
            CHECK(line.cancelled());
            CHECK(pair.server.buffered() == 3);
            std::string got;
            if (next == 0) got = co_await read_plain(pair.server);
            if (next == 1) got = co_await pair.server.read_exactly(3);
            if (next == 2) got = co_await pair.server.read_until("l");
            if (next == 3) {
                co_await pair.client.write("f\n");
                got = co_await pair.server.read_line();
            }
            CHECK(got == (next == 3 ? "half\n" : "hal"));
        }
    }());
}

TEST_CASE_TEMPLATE("buffered reads that are refused in a cancelled scope take nothing from the buffer", kind,
                   ASYNC_TESTS_STREAM_KINDS) {
    async::run([]() -> task<void> {
        auto pair = co_await kind::connect();
        pair.server.unread("line\nrest");
        cancel_scope scope;
        scope.cancel();
        static_cast<void>(co_await scope.run(pair.server.read_line()));
        CHECK(scope.cancelled_caught());
        CHECK(pair.server.buffered() == 9);
        cancel_scope again;
        again.cancel();
        static_cast<void>(co_await again.run(read_plain(pair.server)));
        CHECK(again.cancelled_caught());
        CHECK(pair.server.buffered() == 9);
    }());
}

TEST_CASE_TEMPLATE("unread puts bytes before all others", kind, ASYNC_TESTS_STREAM_KINDS) {
    async::run([]() -> task<void> {
        auto pair = co_await kind::connect();
        co_await pair.client.write("5\n6\n");
        pair.server.unread("4\n");
        pair.server.unread(chunk::copy_of("2\n3\n"));
        pair.server.unread("1\n");
        CHECK(pair.server.buffered() == 8);
        for (char expected = '1'; expected <= '6'; ++expected) {
            const std::string got = co_await pair.server.read_line();
            CHECK(got == std::string{expected, '\n'});
            if (expected % 2 == 0) continue;
            pair.server.unread(got);
            const std::string again = co_await pair.server.read_line();
            CHECK(again == got);
        }
    }());
}

TEST_CASE_TEMPLATE("take_buffered carries the bytes that were read ahead to another stream", kind,
                   ASYNC_TESTS_STREAM_KINDS) {
    async::run([]() -> task<void> {
        auto from = co_await kind::connect();
        auto to = co_await kind::connect();
        chunk nothing = from.server.take_buffered();
        CHECK(nothing.empty());
        from.server.unread(chunk::copy_of("cd"));
        from.server.unread("ab");
        chunk carried = from.server.take_buffered();
        CHECK(carried.text() == "abcd");
        CHECK(from.server.buffered() == 0);
        to.server.unread(std::move(carried));
        co_await to.client.write("e\n");
        const std::string got = co_await to.server.read_line();
        CHECK(got == "abcde\n");
        co_await from.client.write("x");
        const std::string plain = co_await read_plain(from.server);
        CHECK(plain == "x");
    }());
}

TEST_CASE_TEMPLATE("a buffered read that is pending when the stream is closed or destroyed ends with errc::closed",
                   kind, ASYNC_TESTS_STREAM_KINDS) {
    async::run([]() -> task<void> {
        for (int how = 0; how < 3; ++how) {
            auto pair = co_await kind::connect();
            auto line = create_task(pair.server.read_line());
            co_await pair.client.write("half");
            while (pair.server.buffered() < 4) co_await sleep(100us);
            if (how == 0) co_await pair.server.close();
            if (how == 1) pair.server.abort();
            if (how == 2) {
                auto gone = std::move(pair.server);
            }
            const std::error_code code = co_await error_of(std::move(line));
            CHECK(code == errc::closed);
        }
    }());
}

TEST_CASE_TEMPLATE("everything on a closed stream gives errc::closed, and it is at its end", kind,
                   ASYNC_TESTS_STREAM_KINDS) {
    async::run([]() -> task<void> {
        auto pair = co_await kind::connect();
        pair.server.unread("line\n");
        co_await pair.server.close();
        CHECK(pair.server.at_eof());
        CHECK(pair.server.buffered() == 0);
        std::error_code code = co_await error_of(pair.server.read_line());
        CHECK(code == errc::closed);
        code = co_await error_of(pair.server.read_exactly(0));
        CHECK(code == errc::closed);
        code = co_await error_of(pair.server.read_all());
        CHECK(code == errc::closed);
        CHECK_THROWS_AS(pair.server.unread("x"), std::system_error);
        CHECK(pair.server.take_buffered().empty());
    }());
}

TEST_CASE_TEMPLATE("many lines that are there at once do not keep others waiting", kind, ASYNC_TESTS_STREAM_KINDS) {
    async::run([]() -> task<void> {
        auto pair = co_await kind::connect();
        std::string text;
        for (int i = 0; i < 2000; ++i) text += "x\n";
        pair.server.unread(text);
        int read = 0;
        auto read_lines = [](auto& stream, int& read) -> task<void> {
            for (; read < 2000; ++read) static_cast<void>(co_await stream.read_line());
        };
        auto reader = create_task(read_lines(pair.server, read));
        co_await yield();
        co_await yield();
        CHECK(read > 0);
        CHECK(read < 2000);
        co_await reader;
    }());
}
