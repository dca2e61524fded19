// Memory runs out in copies between two sockets, where the bytes stay in the kernel.
#include <doctest/doctest.h>

#include <string>

#include <libasync/net/copy.hpp>

#include <tests/support/allocation_failure.hpp>
#include <tests/support/network.hpp>
#include <tests/support/short_way.hpp>
#include <tests/support/stream_kinds.hpp>

using namespace async_tests;

namespace {

// However the work ends, the end of the stream comes, and nobody waits for more.
template <class Stream>
task<void> and_end(task<void> work, Stream& stream, bool& failed) {
    try {
        co_await std::move(work);
    } catch (const std::bad_alloc&) {
        failed = true;
    } catch (const std::system_error& e) {
        if (e.code() != std::errc::not_enough_memory && e.code() != std::errc::no_buffer_space) throw;
        failed = true;
    }
    if (failed) async::testing::fail_allocation::disarm_current();
    co_await stream.shutdown_write();
}

template <class Stream>
task<void> write(Stream& stream, const std::string& text) {
    co_await stream.write(text);
}

template <class From, class To>
task<void> copy_all(From& from, To& to) {
    static_cast<void>(co_await copy(from, to));
}

template <class From, class To>
task<void> copy_and_take_rest(From& from, To& to, bool& failed, std::string& rest) {
    co_await and_end(copy_all(from, to), to, failed);
    rest = co_await from.read_all();
}

template <class Stream>
task<void> read(Stream& stream, std::string& got, short_way_watch& watch) {
    for (;;) {
        watch.look();
        const chunk data = co_await stream.read();
        if (data.empty()) co_return;
        got.append(data.text());
    }
}

template <class Kind>
auto connected() -> decltype(Kind::connect()) {
    const async::testing::no_failures meanwhile;
    co_return co_await Kind::connect();
}

template <class From, class To>
task<void> carry(const std::string& text, std::string& got, bool& by_the_kernel) {
    got.clear();
    auto from = co_await connected<From>();
    auto to = co_await connected<To>();
    short_way_watch watch;
    bool failed = false;
    std::string rest;
    co_await gather(and_end(write(from.client, text), from.client, failed),
                    copy_and_take_rest(from.server, to.client, failed, rest), read(to.server, got, watch));
    by_the_kernel |= watch.seen();
    must_hold(to.client.written() == got.size(), "what was copied has come");
    must_hold(failed || got.size() == text.size(), "and that is all, unless memory was lacking");
    got.append(rest);
    must_hold(got == std::string_view(text).substr(0, from.client.written()), "what was not copied is left");
    if (failed) throw std::bad_alloc();
}

template <class From, class To>
void check_copy() {
    const std::string text = pattern(1'500'000);
    std::string got;
    got.reserve(text.size());
    bool by_the_kernel = false;
    survives([&]() -> task<void> { return carry<From, To>(text, got, by_the_kernel); });
    if (has_no_short_way()) return;
    CHECK(by_the_kernel);
}

}  // namespace

TEST_CASE("without memory a copy between tcp sockets stops, and nothing is lost") {
    check_copy<tcp_kind, bounded_tcp_kind>();
}

#ifndef _WIN32

TEST_CASE("without memory a copy between a unix socket and a pipe stops, and nothing is lost") {
    check_copy<unix_kind, pipe_kind>();
    check_copy<pipe_kind, unix_kind>();
}

#endif
