#include <libasync/net/copy.hpp>

#include <doctest/doctest.h>

#include <string>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>
#include <tests/support/stream_kinds.hpp>

using namespace async_tests;
using async::testing::wait_all_tasks_blocked;

namespace {

template <class Stream>
task<void> write_and_end(Stream& stream, std::string text) {
    co_await stream.write(text);
    co_await stream.shutdown_write();
}

}  // namespace

TEST_CASE_TEMPLATE("copy carries everything up to the end, what was read ahead first, and does not end the other side",
                   kind, ASYNC_TESTS_STREAM_KINDS) {
    async::run([]() -> task<void> {
        auto from = co_await kind::connect();
        auto to = co_await connected_pair();
        const std::string text = pattern(1'000'000);
        from.server.unread("before ");
        auto writer = create_task(write_and_end(from.client, text));
        auto reader = create_task(to.server.read_exactly(text.size() + 12));
        const std::uint64_t count = co_await copy(from.server, to.client);
        CHECK(count == text.size() + 7);
        CHECK(to.client.written() == count);
        co_await to.client.write("after");
        const std::string got = co_await reader;
        CHECK(got == "before " + text + "after");
        co_await writer;
        const std::uint64_t nothing = co_await copy(from.server, to.client);
        CHECK(nothing == 0);
    }());
}

TEST_CASE("what a cork joins comes before what is copied, and is copied once") {
    async::run([]() -> task<void> {
        auto from = co_await connected_pair();
        auto to = co_await connected_pair();
        const std::string text = pattern(1'000'000);
        auto cork = to.client.cork();
        co_await to.client.write("joined ");
        auto writer = create_task(write_and_end(from.client, text));
        auto reader = create_task(to.server.read_exactly(7 + text.size()));
        const std::uint64_t copied = co_await copy(from.server, to.client);
        CHECK(copied == text.size());
        co_await cork.flush();
        const std::string got = co_await reader;
        const bool whole = got == "joined " + text;
        CHECK(whole);
        CHECK(to.client.written() == got.size());
        co_await writer;
    }());
}

TEST_CASE("copy goes between streams of any kind") {
    async::run([]() -> task<void> {
        auto tcp = co_await connected_pair();
        auto [near, far] = memory_stream::pair(1000);
        const std::string text = pattern(50'000);
        auto writer = create_task(write_and_end(tcp.client, text));
        plain_stream own(std::move(tcp.server));
        auto copy_and_end = [](plain_stream& from, memory_stream& to) -> task<void> {
            static_cast<void>(co_await copy(from, to));
            co_await to.shutdown_write();
        };
        auto copier = create_task(copy_and_end(own, near));
        const std::string got = co_await far.read_all();
        CHECK(got == text);
        co_await copier;
        co_await writer;
    }());
}

TEST_CASE("copy holds no more than a read gives while the other side does not read") {
    async::run([]() -> task<void> {
        auto [source, from] = memory_stream::pair(1000);
        auto [to, sink] = memory_stream::pair(1000);
        auto writer = create_task(write_and_end(source, std::string(100'000, 'x')));
        auto copier = create_task(copy(from, to));
        co_await wait_all_tasks_blocked();
        CHECK(to.written() == 1000);
        CHECK(source.written() <= 3000);
        const std::error_code code = co_await error_of(from.read());
        CHECK(code == errc::busy);
        const std::string got = co_await sink.read_exactly(100'000);
        CHECK(got == std::string(100'000, 'x'));
        const std::uint64_t count = co_await copier;
        CHECK(count == 100'000);
        co_await writer;
    }());
}

TEST_CASE_TEMPLATE("a copy that is cancelled puts back what it has read and not written", kind,
                   ASYNC_TESTS_STREAM_KINDS) {
    async::run([]() -> task<void> {
        auto from = co_await kind::connect();
        auto [to, sink] = memory_stream::pair(1000);
        const std::string text = pattern(3000);
        co_await from.client.write(text);
        co_await from.client.shutdown_write();
        auto copier = create_task(copy(from.server, to));
        while (to.written() < 1000) co_await sleep(100us);
        co_await wait_all_tasks_blocked();
        copier.cancel();
        co_await copier.wait();
        CHECK(copier.cancelled());
        CHECK(to.written() == 1000);
        std::string got = co_await sink.read_exactly(1000);
        got += co_await from.server.read_all();
        CHECK(got == text);
    }());
}

TEST_CASE("a copy to a stream that fails puts back what was not written") {
    async::run([]() -> task<void> {
        auto [source, from] = memory_stream::pair();
        auto [to, sink] = memory_stream::pair(4);
        co_await source.write("0123456789");
        auto copier = create_task(copy(from, to));
        co_await wait_all_tasks_blocked();
        sink.abort();
        const std::error_code code = co_await error_of(std::move(copier));
        CHECK(code == std::errc::connection_reset);
        const std::string rest = co_await from.read_exactly(6);
        CHECK(rest == "456789");
    }());
}

TEST_CASE("a copy whose source fails has written what came before, and throws the failure") {
    async::run([]() -> task<void> {
        auto [source, from] = memory_stream::pair();
        auto [to, sink] = memory_stream::pair();
        co_await source.write("all that came");
        source.abort();
        const std::error_code code = co_await error_of(copy(from, to));
        CHECK(code == std::errc::connection_reset);
        const std::string got = co_await sink.read_exactly(13);
        CHECK(got == "all that came");
    }());
}

TEST_CASE("a copy from or to a closed stream gives errc::closed") {
    async::run([]() -> task<void> {
        auto [a, b] = memory_stream::pair();
        memory_stream closed;
        std::error_code code = co_await error_of(copy(closed, a));
        CHECK(code == errc::closed);
        co_await b.write("x");
        code = co_await error_of(copy(a, closed));
        CHECK(code == errc::closed);
        const std::string kept = co_await a.read_exactly(1);
        CHECK(kept == "x");
        plain_stream own{tcp_stream()};
        code = co_await error_of(copy(own, a));
        CHECK(code == errc::closed);
    }());
}
