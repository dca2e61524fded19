#include <libasync/net/cork.hpp>

#include <doctest/doctest.h>

#include <array>
#include <optional>
#include <string>

#include <libasync/testing/wait_all_tasks_blocked.hpp>

#include <tests/support/corks.hpp>
#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

constexpr std::size_t limit = 64 * 1024;

task<void> flush(cork_guard& cork) { co_await cork.flush(); }
task<void> write(tcp_stream& stream, std::string_view text) { co_await stream.write(text); }

// A flush that waits for room.
task<task_handle<void>> begin_flush(cork_guard& cork) {
    auto flushing = create_task(flush(cork));
    co_await async::testing::wait_all_tasks_blocked();
    REQUIRE_FALSE(flushing.done());
    co_return flushing;
}

}  // namespace

TEST_CASE("under a cork writes complete at once, and nothing leaves before the flush, which sends all of it") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        {
            cork_guard cork = pair.client.cork();
            for (int i = 0; i < 100; ++i) co_await pair.client.write("0123456789");
            CHECK(pair.client.written() == 0);
            co_await cork.flush();
            CHECK(pair.client.written() == 1000);
            const std::string got = co_await read_exactly(pair.server, 1000);
            CHECK(got.size() == 1000);
            co_await cork.flush();
            CHECK(pair.client.written() == 1000);
            co_await pair.client.write("again");
            co_await cork.flush();
        }
        co_await pair.client.write("!");
        const std::string rest = co_await read_exactly(pair.server, 6);
        CHECK(rest == "again!");
    }());
}

TEST_CASE("the write that reaches the limit sends all; one more below it would not") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        cork_guard cork = pair.client.cork();
        const std::string text = pattern(limit);
        auto reading = create_task(read_exactly(pair.server, limit));
        co_await pair.client.write(std::string_view(text).substr(0, limit - 1));
        CHECK(pair.client.written() == 0);
        co_await pair.client.write(std::string_view(text).substr(limit - 1));
        CHECK(pair.client.written() == limit);
        const std::string got = co_await reading;
        CHECK(same(got, text));
        co_await pair.client.write("x");
        CHECK(pair.client.written() == limit);
    }());
}

TEST_CASE("a write larger than the limit, of several pieces, follows what was joined before it") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        const std::string large = pattern(5 * limit);
        const std::string_view all(large);
        auto reading = create_task(read_all(pair.server));
        {
            cork_guard cork = pair.client.cork();
            co_await pair.client.write("head");
            co_await pair.client.write(all.substr(0, 10), all.substr(10, 3 * limit), all.substr(10 + 3 * limit));
            CHECK(pair.client.written() == large.size() + 4);
            co_await pair.client.write("tail");
        }
        co_await pair.client.close();
        const std::string got = co_await reading;
        CHECK(same(got, "head" + large + "tail"));
    }());
}

TEST_CASE("what is left when the guard goes leaves at once as far as there is room, and the rest before the next write") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await narrow_pair();
        const std::string text = joined_text();
        {
            cork_guard cork = pair.client.cork();
            co_await pair.client.write(text);
        }
        const std::uint64_t first = pair.client.written();
        CHECK(first != 0);
        CHECK(first < text.size());
        auto reading = create_task(read_exactly(pair.server, text.size() + 4));
        co_await pair.client.write("next");
        CHECK(pair.client.written() == text.size() + 4);
        const std::string got = co_await reading;
        CHECK(same(got, text + "next"));
    }());
}

TEST_CASE("a flush waits for room; meanwhile other writes are refused, and a guard that goes changes nothing") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await narrow_pair();
        const std::string text = joined_text();
        std::optional<cork_guard> cork(pair.client.cork());
        co_await pair.client.write(text);
        const std::string more = pattern(limit);
        auto flushing = create_task(write(pair.client, more));
        co_await async::testing::wait_all_tasks_blocked();
        REQUIRE_FALSE(flushing.done());
        const std::error_code busy = co_await error_of(pair.client.write("x"));
        CHECK(busy == errc::busy);
        const std::error_code again = co_await error_of(cork->flush());
        CHECK(again == errc::busy);
        const std::error_code shut = co_await error_of(pair.client.shutdown_write());
        CHECK(shut == errc::busy);
        cork.reset();
        CHECK_THROWS_AS(static_cast<void>(pair.client.cork()), std::system_error);
        const std::string got = co_await read_exactly(pair.server, text.size() + limit);
        CHECK(same(got, text + more));
        co_await flushing;
        co_await pair.client.write("on its own");
        CHECK(pair.client.written() == text.size() + limit + 10);
    }());
}

TEST_CASE("a flush that was cancelled before anything left keeps what was joined") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await narrow_pair();
        const std::uint64_t before = fill_up(pair.client.handle());
        {
            cork_guard cork = pair.client.cork();
            co_await pair.client.write("joined");
            auto flushing = co_await begin_flush(cork);
            flushing.cancel();
            co_await flushing.wait();
            CHECK(pair.client.written() == 0);
        }
        const std::string filled = co_await read_exactly(pair.server, before);
        CHECK(filled.size() == before);
        co_await pair.client.write("!");
        const std::string got = co_await read_exactly(pair.server, 7);
        CHECK(got == "joined!");
    }());
}

TEST_CASE("a write that reached the limit and was cancelled before anything left is taken back, without what was before") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await narrow_pair();
        const std::uint64_t before = fill_up(pair.client.handle());
        const std::string large = pattern(limit);
        cork_guard cork = pair.client.cork();
        co_await pair.client.write("joined");
        auto writing = create_task(write(pair.client, large));
        co_await async::testing::wait_all_tasks_blocked();
        REQUIRE_FALSE(writing.done());
        writing.cancel();
        co_await writing.wait();
        const std::string filled = co_await read_exactly(pair.server, before);
        co_await pair.client.write("!");
        co_await cork.flush();
        CHECK(pair.client.written() == 7);
        const std::string got = co_await read_exactly(pair.server, 7);
        CHECK(got == "joined!");
    }());
}

TEST_CASE("a flush that was cut short breaks the stream, and tells how much was sent") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await narrow_pair();
        const std::string text = joined_text();
        {
            cork_guard cork = pair.client.cork();
            co_await pair.client.write(text);
            auto flushing = co_await begin_flush(cork);
            const std::string begin = co_await read_exactly(pair.server, 1);
            CHECK(same(begin, text.substr(0, 1)));
            flushing.cancel();
            co_await flushing.wait();
            CHECK(pair.client.written() != 0);
            const std::error_code again = co_await error_of(cork.flush());
            CHECK(again == errc::broken);
        }
        const std::uint64_t written = pair.client.written();
        const std::error_code code = co_await error_of(pair.client.write("x"));
        CHECK(code == errc::broken);
        co_await pair.client.close();
        const std::string got = co_await read_all(pair.server);
        CHECK(same(got, text.substr(1, written - 1)));
    }());
}

TEST_CASE("the flush tells of an error, and so does what comes after it") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        pair.server.abort();
        const std::error_code reset = co_await error_of(pair.client.read());
        CHECK(was_reset(reset));
        const auto is_lost = [](std::error_code code) {
            return code == std::errc::broken_pipe || code == std::errc::connection_reset ||
                   code == std::errc::connection_aborted;
        };
        {
            cork_guard cork = pair.client.cork();
            co_await pair.client.write("joined");
            const std::error_code first = co_await error_of(cork.flush());
            CHECK(is_lost(first));
            const std::error_code second = co_await error_of(cork.flush());
            CHECK(is_lost(second));
        }
        const std::error_code next = co_await error_of(pair.client.write("x"));
        CHECK(is_lost(next));
        const std::error_code shut = co_await error_of(pair.client.shutdown_write());
        CHECK(shut != errc::busy);  // there is nothing that would end by waiting
        CHECK(pair.client.written() == 0);
    }());
}

TEST_CASE("a stream has one guard at a time, and a closed one none") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        {
            cork_guard first = pair.client.cork();
            CHECK_THROWS_AS(static_cast<void>(pair.client.cork()), std::system_error);
            cork_guard moved = std::move(first);
            CHECK_THROWS_AS(static_cast<void>(pair.client.cork()), std::system_error);
        }
        cork_guard second = pair.client.cork();
        co_await pair.client.write("x");
        co_await pair.client.close();
        const std::error_code code = co_await error_of(second.flush());
        CHECK(code == errc::closed);
        CHECK_THROWS_AS(static_cast<void>(pair.client.cork()), std::system_error);
        const std::string got = co_await read_all(pair.server);
        CHECK(got == "x");  // close sends what was joined
    }());
}

TEST_CASE("shutdown_write sends what was joined first, and is refused if it has to wait") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        cork_guard cork = pair.client.cork();
        co_await pair.client.write("joined");
        co_await pair.client.shutdown_write();
        const std::string got = co_await read_all(pair.server);
        CHECK(got == "joined");

        stream_pair narrow = co_await narrow_pair();
        cork_guard other = narrow.client.cork();
        co_await narrow.client.write(joined_text());
        const std::error_code code = co_await error_of(narrow.client.shutdown_write());
        CHECK(code == errc::busy);
        auto reading = create_task(read_all(narrow.server));
        co_await other.flush();
        co_await narrow.client.shutdown_write();
        const std::string all = co_await reading;
        CHECK(same(all, joined_text()));
    }());
}

TEST_CASE("what was joined never comes into the midst of a write that is pending") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await narrow_pair();
        const std::string large = pattern(200'000);
        auto writing = create_task(write(pair.client, large));
        co_await async::testing::wait_all_tasks_blocked();
        REQUIRE_FALSE(writing.done());
        std::string got = co_await read_exactly(pair.server, 1);  // a part has left for sure
        {
            cork_guard cork = pair.client.cork();
            co_await pair.client.write("joined");
            const std::error_code busy = co_await error_of(cork.flush());
            CHECK(busy == errc::busy);
            // There is room now, and the engine has not noticed yet.
            while (got.size() < 50'000) {
                std::array<char, 4096> room;
                const io::transfer_result r = receive_now(this_engine(), pair.server.handle(), room.data(), room.size());
                if (r.error != 0) break;
                got.append(room.data(), r.bytes);
            }
        }
        got += co_await read_exactly(pair.server, large.size() - got.size());
        co_await writing;
        CHECK(same(got, large));
        co_await pair.client.write("!");
        const std::string rest = co_await read_exactly(pair.server, 7);
        CHECK(rest == "joined!");
    }());
}
