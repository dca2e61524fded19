// Memory runs out in buffered reads: what had arrived is still there, and whoever has memory again reads it whole.
#include <doctest/doctest.h>

#include <string>
#include <utility>

#include <tests/support/allocation_failure.hpp>
#include <tests/support/stream_kinds.hpp>

using namespace async_tests;

namespace {

// Keeps what it reads; a failure is told apart from a loss by whoever reads on.
using reader = task<void> (*)(tcp_stream&, std::string&);

task<void> by_lines(tcp_stream& stream, std::string& got) {
    for (;;) {
        const std::string line = co_await stream.read_line();
        if (line.empty()) co_return;
        got.append(line);
    }
}

task<void> by_number(tcp_stream& stream, std::string& got) {
    while (got.size() < 300) {
        const std::string part = co_await stream.read_exactly(100);
        got.append(part);
    }
}

task<void> in_turns(tcp_stream& stream, std::string& got) {
    const std::string line = co_await stream.read_line();
    got.append(line);
    const chunk data = co_await stream.read();
    got.append(data.text());
    const std::string rest = co_await stream.read_all();
    got.append(rest);
}

task<void> with_unread(tcp_stream& stream, std::string& got) {
    const std::string line = co_await stream.read_line();
    try {
        stream.unread(line);
    } catch (const std::bad_alloc&) {
        got.append(line);
        throw;
    }
    const chunk all = stream.take_buffered();
    got.append(all.text());
    const std::string rest = co_await stream.read_all();
    got.append(rest);
}

// Connecting is tested elsewhere.
task<stream_pair> connected_with_memory() {
    const async::testing::no_failures meanwhile;
    stream_pair pair = co_await connected_pair();
    co_return pair;
}

task<void> read_in_spite_of_it(reader read) {
    std::string text(300, 'x');
    for (const std::size_t end : {50u, 151u, 299u}) text[end] = '\n';
    std::string got;
    got.reserve(text.size());
    stream_pair pair = co_await connected_with_memory();
    co_await pair.client.write(std::string_view(text).substr(0, 120));
    co_await pair.client.write(std::string_view(text).substr(120));
    co_await pair.client.shutdown_write();
    const bool failed = co_await runs_out(read(pair.server, got));
    while (failed) {
        const chunk data = co_await pair.server.read();
        if (data.empty()) break;
        got.append(data.text());
    }
    must_hold(got == text, "nothing is lost or doubled");
    if (failed) throw std::bad_alloc();
}

}  // namespace

TEST_CASE("without memory read_line leaves the bytes in the stream") {
    survives([] { return read_in_spite_of_it(by_lines); });
}

TEST_CASE("without memory read_exactly leaves the bytes in the stream") {
    survives([] { return read_in_spite_of_it(by_number); });
}

TEST_CASE("without memory plain reads, read_all and read_line leave the bytes in the stream") {
    survives([] { return read_in_spite_of_it(in_turns); });
}

TEST_CASE("without memory unread and take_buffered change nothing") {
    survives([] { return read_in_spite_of_it(with_unread); });
}

TEST_CASE("without memory the end is told as an incomplete read, or the bytes stay") {
    survives([]() -> task<void> {
        stream_pair pair = co_await connected_with_memory();
        co_await pair.client.write("some text that is not kept in place");
        co_await pair.client.shutdown_write();
        std::string got;
        got.reserve(100);
        auto read = [](tcp_stream& stream, std::string& got) -> task<void> {
            try {
                const std::string text = co_await stream.read_exactly(100);
            } catch (const incomplete_read& e) {
                got.append(e.partial());
            }
        };
        const bool failed = co_await runs_out(read(pair.server, got));
        if (failed) {
            const std::string rest = co_await pair.server.read_all();
            got.append(rest);
        }
        must_hold(got == "some text that is not kept in place", "each byte comes once");
        if (failed) throw std::bad_alloc();
    });
}
