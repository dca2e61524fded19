// Memory runs out in streams in memory, in what wraps a stream, and in copy.
#include <doctest/doctest.h>

#include <string>
#include <utility>

#include <libasync/net/copy.hpp>
#include <libasync/net/buffered_reader.hpp>

#include <tests/support/allocation_failure.hpp>
#include <tests/support/stream_kinds.hpp>

using namespace async_tests;

namespace {

task<std::string> rest_of(memory_stream& stream) {
    std::string text;
    for (;;) {
        const chunk data = co_await stream.read();
        if (data.empty()) co_return text;
        text += data.text();
    }
}

}  // namespace

TEST_CASE("without memory a pair of memory streams is not made, or carries everything") {
    survives([]() -> task<void> {
        auto [client, server] = memory_stream::pair(50);
        auto write = [](memory_stream& stream) -> task<void> {
            co_await stream.write(std::string_view("a text that is longer than what fits into the memory between"));
            co_await stream.shutdown_write();
        };
        auto read = [](memory_stream& stream, std::string& got) -> task<void> {
            for (;;) {
                const chunk data = co_await stream.read();
                if (data.empty()) co_return;
                got.append(data.text());
            }
        };
        std::string got;
        got.reserve(100);
        co_await gather(write(client), read(server, got));
        must_hold(got.size() == 60, "all of it comes");
        co_await client.close();
    });
}

TEST_CASE("without memory a read of a memory stream takes nothing") {
    survives([]() -> task<void> {
        auto [client, server] = memory_stream::pair();
        co_await client.write(std::string_view("what was written"));
        client.abort();
        std::string got;
        got.reserve(100);
        auto read = [](memory_stream& stream, std::string& got) -> task<void> {
            const chunk data = co_await stream.read();
            got.append(data.text());
        };
        const bool failed = co_await runs_out(read(server, got));
        if (failed) co_await read(server, got);
        must_hold(got == "what was written", "nothing is lost");
        if (failed) throw std::bad_alloc();
    });
}

TEST_CASE("without memory a copy stops, and nothing is lost") {
    survives([]() -> task<void> {
        auto [source, from] = memory_stream::pair();
        auto [to, sink] = memory_stream::pair();
        const std::string text(300, 'x');
        co_await source.write(text);
        co_await source.shutdown_write();
        from.unread("y");
        auto copy_all = [](memory_stream& from, memory_stream& to) -> task<void> {
            static_cast<void>(co_await copy(from, to));
        };
        const bool failed = co_await runs_out(copy_all(from, to));
        async::testing::fail_allocation::disarm_current();
        co_await to.close();
        std::string got = co_await rest_of(sink);
        got += co_await rest_of(from);
        must_hold(got == "y" + text, "what was not written is left");
        if (failed) throw std::bad_alloc();
    });
}

TEST_CASE("without memory a buffered_reader fails to be made, or reads") {
    survives([]() -> task<void> {
        auto [client, server] = memory_stream::pair();
        co_await client.write("one\ntwo\n");
        buffered_reader reader(std::move(server));
        auto moved = std::move(reader);
        const std::string line = co_await moved.read_line();
        must_hold(line == "one\n", "a line");
        const chunk data = co_await moved.read();
        must_hold(data.text() == "two\n", "and the rest");
        co_await moved.close();
    });
}
