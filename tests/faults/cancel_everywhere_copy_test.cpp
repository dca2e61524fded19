// Copies between two sockets, cancelled at every suspension: nothing is lost, where the bytes stay in the kernel too.
#include <doctest/doctest.h>

#include <string>

#include <libasync/net/copy.hpp>

#include <tests/support/cancel.hpp>
#include <tests/support/short_way.hpp>
#include <tests/support/stream_kinds.hpp>

using namespace async;
using namespace async_tests;

namespace {

template <class Stream>
task<void> write_and_end(Stream& stream, const std::string& text) {
    co_await stream.write(text);
    co_await stream.shutdown_write();
}

// Slowly, so that the other side has to wait for room.
template <class Stream>
task<void> read_slowly(Stream& stream, std::string& got, short_way_watch& watch) {
    for (;;) {
        watch.look();
        const chunk data = co_await stream.read();
        if (data.empty()) co_return;
        got += data.text();
        co_await yield();
    }
}

// How often the short way was gone is counted, and how often it had to give something back.
struct seen_short_way {
    int taken = 0;
    int given_back = 0;
};

template <class From, class To>
cancel_report cancel_copies(seen_short_way& seen) {
    const std::string text = pattern(1'500'000);
    const auto scenario = [&text, &seen](cancel_subject& subject) -> task<void> {
        auto from = co_await From::connect();
        auto to = co_await To::connect();
        short_way_watch watch;
        std::string got;
        auto writer = create_task(write_and_end(from.client, text));
        auto reader = create_task(read_slowly(to.server, got, watch));
        const auto ending = co_await subject.run(copy(from.server, to.client));
        must_not_fail(ending);
        seen.taken += watch.seen();
        seen.given_back += from.server.buffered() > largest_read;
        const std::uint64_t written = to.client.written();
        must(!ending.completed() || written == text.size(), "a copy that completed has copied all");
        const std::string rest = co_await from.server.read_all();
        co_await to.client.close();
        co_await reader;
        co_await writer;
        must(got == text.substr(0, written), "the other side has what was written");
        must(got + rest == text, "and what was not is left");
        co_await from.client.close();
        co_await from.server.close();
        co_await to.server.close();
    };
    return cancel_everywhere(scenario);
}

template <class From, class To>
void check_copies(int least_given_back) {
    seen_short_way seen;
    check_cancelled(cancel_copies<From, To>(seen));
    if (has_no_short_way()) return;
    CHECK(seen.taken != 0);
    CHECK(seen.given_back >= least_given_back);
}

}  // namespace

TEST_CASE("a copy between tcp sockets that was cut short has lost nothing") {
    check_copies<tcp_kind, bounded_tcp_kind>(1);
}

#ifndef _WIN32

TEST_CASE("a copy between a unix socket and a pipe that was cut short has lost nothing") {
    check_copies<unix_kind, pipe_kind>(1);
    check_copies<pipe_kind, unix_kind>(0);  // a pipe has no more than a read gives
}

#endif
