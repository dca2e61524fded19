#include <libasync/net/stream_relay.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include <libasync/net/copy.hpp>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>
#include <tests/support/short_way.hpp>
#include <tests/support/stream_kinds.hpp>

#ifdef __linux__
#include <set>

#include <dirent.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <tests/support/no_descriptors.hpp>
#endif

using namespace async_tests;

namespace {

template <class Stream>
task<void> write_all_of(Stream& stream, const std::string& text) {
    co_await stream.write(text);
}

template <class Stream>
task<void> write_and_end(Stream& stream, const std::string& text) {
    co_await stream.write(text);
    co_await stream.shutdown_write();
}

template <class From, class To>
task<std::uint64_t> copy_and_end(From& from, To& to) {
    const std::uint64_t count = co_await copy(from, to);
    co_await to.shutdown_write();
    co_return count;
}

template <class From, class To>
task<void> carry_large() {
    auto from = co_await From::connect();
    auto to = co_await To::connect();
    const std::string text = "a line that comes first\n" + pattern(3'000'000);
    auto writer = create_task(write_and_end(from.client, text));
    const std::string line = co_await from.server.read_line();
    auto copier = create_task(copy_and_end(from.server, to.client));
    const std::string got = co_await to.server.read_all();
    const std::uint64_t count = co_await copier;
    CHECK(count == text.size() - line.size());
    CHECK(to.client.written() == count);
    const bool whole = line + got == text;
    CHECK(whole);
    CHECK(from.server.at_eof());
    co_await writer;
}

}  // namespace

TEST_CASE("large transfers between sockets of every kind arrive whole, what was read ahead first, and then the end") {
    async::run(carry_large<tcp_kind, tcp_kind>());
#ifndef _WIN32
    async::run(carry_large<tcp_kind, unix_kind>());
    async::run(carry_large<unix_kind, tcp_kind>());
    async::run(carry_large<pipe_kind, tcp_kind>());
    async::run(carry_large<unix_kind, pipe_kind>());
    async::run(carry_large<pipe_kind, pipe_kind>());
#endif
}

TEST_CASE("two copies may go both ways between the same two sockets") {
    async::run([]() -> task<void> {
        auto left = co_await connected_pair();
        auto right = co_await connected_pair();
        const std::string there = pattern(2'000'000);
        const std::string back(1'500'000, 'b');
        auto forward = create_task(copy_and_end(left.server, right.client));
        auto backward = create_task(copy_and_end(right.client, left.server));
        auto a = create_task(write_and_end(left.client, there));
        auto b = create_task(write_and_end(right.server, back));
        auto reader = create_task(read_all(right.server));
        const std::string got_back = co_await read_all(left.client);
        const std::string got_there = co_await reader;
        const bool whole = got_back == back && got_there == there;
        CHECK(whole);
        const std::uint64_t count = co_await forward;
        CHECK(count == there.size());
        co_await backward;
        co_await a;
        co_await b;
    }());
}

TEST_CASE("a source that resets after large transfers has given everything before, and the error stays") {
    async::run([]() -> task<void> {
        auto from = co_await connected_pair();
        auto to = co_await connected_pair();
        const std::string text = pattern(1'000'000);
        auto copier = create_task(copy(from.server, to.client));
        auto reader = create_task(to.server.read_exactly(text.size()));
        co_await from.client.write(text);
        const std::string got = co_await reader;
        const bool whole = got == text;
        CHECK(whole);
        from.client.abort();
        const std::error_code code = co_await error_of(std::move(copier));
        CHECK(was_reset(code));
        const std::error_code again = co_await error_of(from.server.read());
        CHECK(was_reset(again));
        co_await to.client.write("goes on");
    }());
}

TEST_CASE("large and small messages arrive in order, by whatever way each goes") {
    async::run([]() -> task<void> {
        auto from = co_await connected_pair({.no_delay = true});
        auto to = co_await connected_pair();
        const std::string text = pattern(2'000'000);
        auto copier = create_task(copy_and_end(from.server, to.client));
        auto reader = create_task(to.server.read_all());
        const std::string_view all = text;
        for (std::size_t done = 0; done < text.size();) {
            const std::size_t size = done % 500'000 < 490'000 ? 490'000 : 5;
            co_await from.client.write(all.substr(done, size));
            done += size;
        }
        co_await from.client.shutdown_write();
        const std::string got = co_await reader;
        const bool whole = got == text;
        CHECK(whole);
        const std::uint64_t count = co_await copier;
        CHECK(count == text.size());
    }());
}

TEST_CASE("a socket that is copied to itself is an echo") {
    async::run([]() -> task<void> {
        auto pair = co_await connected_pair();
        const std::string text = pattern(3'000'000);
        auto writer = create_task(write_and_end(pair.client, text));
        auto echo = create_task(copy_and_end(pair.server, pair.server));
        const std::string got = co_await pair.client.read_all();
        const bool whole = got == text;
        CHECK(whole);
        const std::uint64_t count = co_await echo;
        CHECK(count == text.size());
        co_await writer;
    }());
}

TEST_CASE("a target that was told that nothing more comes refuses the next bytes, and the source keeps them") {
    async::run([]() -> task<void> {
        auto from = co_await connected_pair();
        auto to = co_await connected_pair();
        const std::string text = pattern(1'000'000);
        auto copier = create_task(copy(from.server, to.client));
        auto reader = create_task(to.server.read_exactly(text.size()));
        co_await from.client.write(text);
        const std::string got = co_await reader;
        CHECK(got.size() == text.size());
        co_await to.client.shutdown_write();
        const std::string more(100'000, 'm');
        co_await from.client.write(more);
        const std::error_code code = co_await error_of(std::move(copier));
        CHECK(code == std::errc::broken_pipe);
        const std::string rest = co_await from.server.read_exactly(more.size());
        CHECK(rest == more);
    }());
}

#ifdef __linux__

namespace {

std::set<std::string> pipes_of_process(int* bytes = nullptr, const std::set<std::string>* known = nullptr) {
    std::set<std::string> found;
    DIR* const directory = ::opendir("/proc/self/fd");
    REQUIRE(directory != nullptr);
    while (const dirent* entry = ::readdir(directory)) {
        char target[64]{};
        if (::readlinkat(::dirfd(directory), entry->d_name, target, sizeof target - 1) < 0) continue;
        const std::string name = target;
        if (name.rfind("pipe:", 0) != 0 || (known && known->count(name) != 0)) continue;
        int there = 0;
        if (found.insert(name).second && bytes && ::ioctl(std::stoi(entry->d_name), FIONREAD, &there) == 0)
            *bytes += there;
    }
    ::closedir(directory);
    return found;
}

// A copy from tcp to tcp whose target nobody reads, so that bytes wait inside the kernel.
struct held_up {
    stream_pair from;
    stream_pair to;
    std::string text = pattern(24'000'000);
    std::string got;  // what was read from the target to let the copy go on
    std::set<std::string> known = pipes_of_process();
    int descriptors = async::testing::open_descriptors();

    held_up(stream_pair f, stream_pair t) : from(std::move(f)), to(std::move(t)) {}

    static task<async::detail::owned<held_up>> make() {
        stream_pair from = co_await connected_pair();
        stream_pair to = co_await connected_pair();
        co_return async::detail::owned<held_up>(new held_up(std::move(from), std::move(to)));
    }

    int in_between() const {
        int bytes = 0;
        pipes_of_process(&bytes, &known);
        return bytes;
    }
    // The bytes that stand in the pipe of a copy that waits for its target. If it waits in an ordinary write it is let
    // go on for a while.
    task<int> wait_until_held() {
        int bytes = 0;
        std::uint64_t written = 0;
        int quiet = 0;
        for (int i = 0; i < 20'000; ++i) {
            const int now = in_between();
            quiet = now == bytes && written == to.client.written() ? quiet + 1 : 0;
            bytes = now;
            written = to.client.written();
            if (quiet == 10 && bytes != 0) break;
            if (quiet == 10) got += co_await read_exactly(to.server, 500'000);
            co_await sleep(1ms);
        }
        REQUIRE(bytes != 0);
        co_return bytes;
    }
    // All that went through, or still will.
    task<std::string> rest_of(std::uint64_t size) {
        const std::string more = co_await read_exactly(to.server, static_cast<std::size_t>(size) - got.size());
        co_return got + more;
    }
};

}  // namespace

TEST_CASE("what waits between two sockets is in the kernel, is little, and is given back by a cancelled copy") {
    if (has_no_short_way()) return;
    async::run([]() -> task<void> {
        auto h = co_await held_up::make();
        auto writer = create_task(write_all_of(h->from.client, h->text));
        auto copier = create_task(copy(h->from.server, h->to.client));
        const int held = co_await h->wait_until_held();
        CHECK(held <= 512 * 1024);
        CHECK(async::testing::open_descriptors() == h->descriptors + 2);
        std::error_code code = co_await error_of(h->to.client.write("x"));
        CHECK(code == errc::busy);
        code = co_await error_of(h->from.server.read());
        CHECK(code == errc::busy);
        code = co_await error_of(h->to.client.shutdown_write());
        CHECK(code == errc::busy);
        copier.cancel();
        co_await copier.wait();
        CHECK(copier.cancelled());
        CHECK(async::testing::open_descriptors() == h->descriptors);
        CHECK(h->from.server.buffered() == static_cast<std::size_t>(held));
        // Nothing is torn: another copy goes on where this one stood.
        auto second = create_task(copy(h->from.server, h->to.client));
        const std::string got = co_await h->rest_of(h->text.size());
        const bool whole = got == h->text;
        CHECK(whole);
        co_await writer;
        second.cancel();
        co_await second.wait();
    }());
}

TEST_CASE("a copy that a timeout ends has lost nothing that the kernel held") {
    if (has_no_short_way()) return;
    async::run([]() -> task<void> {
        auto h = co_await held_up::make();
        auto writer = create_task(write_all_of(h->from.client, h->text));
        auto limited = [](held_up& held) -> task<void> {
            static_cast<void>(co_await async::timeout(100ms, copy(held.from.server, held.to.client)));
        };
        auto copier = create_task(limited(*h));
        const bool late = co_await throws<async::timeout_error>(std::move(copier));
        CHECK(late);
        const std::uint64_t written = h->to.client.written();
        const std::string first = co_await h->rest_of(written);
        const std::string rest = co_await h->from.server.read_exactly(h->text.size() - first.size());
        const bool whole = first + rest == h->text;
        CHECK(whole);
        co_await writer;
    }());
}

TEST_CASE("a target that resets or is closed ends the copy, and the source has what it was not given") {
    if (has_no_short_way()) return;
    for (const bool resets : {true, false}) {
        CAPTURE(resets);
        async::run([](bool peer_resets) -> task<void> {
            auto h = co_await held_up::make();
            auto writer = create_task(write_all_of(h->from.client, h->text));
            auto copier = create_task(copy(h->from.server, h->to.client));
            co_await h->wait_until_held();
            const std::uint64_t written = h->to.client.written();
            if (peer_resets) {
                h->to.server.abort();
            } else {
                co_await h->to.client.close();
            }
            std::error_code code;
            try {
                co_await copier;
            } catch (const std::system_error& e) {
                code = e.code();
                CHECK(std::string(e.what()).find("write to") != std::string::npos);
            }
            if (peer_resets) {
                const bool gone = code == std::errc::connection_reset || code == std::errc::broken_pipe;
                CHECK(gone);
                CHECK(h->to.client.written() == written);
            } else {
                CHECK(code == errc::closed);
            }
            const std::size_t left = h->text.size() - static_cast<std::size_t>(written);
            const std::string rest = co_await h->from.server.read_exactly(left);
            const bool whole = rest == h->text.substr(static_cast<std::size_t>(written));
            CHECK(whole);
            CHECK(async::testing::open_descriptors() <= h->descriptors);
            co_await writer;
        }(resets));
    }
}

TEST_CASE("a source that is closed meanwhile ends the copy, and what the kernel held has gone through") {
    if (has_no_short_way()) return;
    async::run([]() -> task<void> {
        auto h = co_await held_up::make();
        auto writer = create_task(write_all_of(h->from.client, h->text));
        auto copier = create_task(copy(h->from.server, h->to.client));
        const int held = co_await h->wait_until_held();
        const std::uint64_t before = h->to.client.written();
        co_await h->from.server.close();
        const std::uint64_t after = before + static_cast<std::uint64_t>(held);
        const std::string got = co_await h->rest_of(after);
        const bool whole = got == h->text.substr(0, static_cast<std::size_t>(after));
        CHECK(whole);
        std::error_code code = co_await error_of(std::move(copier));
        CHECK(code == errc::closed);
        CHECK(h->to.client.written() == after);
        co_await writer.wait();
    }());
}

TEST_CASE("a loop that ends takes the short way of its copies along") {
    if (has_no_short_way()) return;
    async::run([]() -> task<void> { co_return; }());  // what is opened once
    const int before = async::testing::open_descriptors();
    async::detail::owned<held_up> h;
    async::run([](async::detail::owned<held_up>& there) -> task<void> {
        there = co_await held_up::make();
        static_cast<void>(create_task(write_all_of(there->from.client, there->text)));
        static_cast<void>(create_task(copy(there->from.server, there->to.client)));
        co_await there->wait_until_held();
    }(h));
    h.reset();
    CHECK(async::testing::open_descriptors() == before);
}

TEST_CASE("without descriptors for a pipe a copy goes the ordinary way, and arrives whole") {
    if (has_no_short_way()) return;
    async::run([]() -> task<void> {
        auto h = co_await held_up::make();
        auto writer = create_task(write_and_end(h->from.client, h->text));
        std::string got;
        std::uint64_t count = 0;
        {
            const no_descriptors none;
            auto copier = create_task(copy_and_end(h->from.server, h->to.client));
            got = co_await read_all(h->to.server);
            count = co_await copier;
        }
        CHECK(count == h->text.size());
        const bool whole = got == h->text;
        CHECK(whole);
        co_await writer;
    }());
}

#endif
