#include <libasync/testing/virtual_clock.hpp>

#include <doctest/doctest.h>

#include <string>

#include <libasync/sim/simulation.hpp>

#include <tests/support/expect.hpp>

using namespace async;
using namespace async_tests;
using namespace std::chrono_literals;

namespace {

constexpr sim::options by_hand{.clock = sim::clock_mode::by_hand};

task<void> note_after(std::chrono::milliseconds delay, std::string& seen, char name) {
    co_await sleep(delay);
    seen += name;
}

}  // namespace

TEST_CASE("a clock that is moved by hand stands still until it is told") {
    sim::run(
        1,
        []() -> task<void> {
            std::string seen;
            create_task(note_after(10ms, seen, 'a'));
            create_task(note_after(20ms, seen, 'b'));
            create_task(note_after(30ms, seen, 'c'));
            for (int i = 0; i < 100; ++i) co_await yield();
            CHECK(seen.empty());
            co_await testing::advance(9ms);
            CHECK(seen.empty());
            co_await testing::advance(1ms);
            CHECK(seen == "a");
            co_await testing::advance(1h);
            CHECK(seen == "abc");
        }(),
        by_hand);
}

TEST_CASE("everybody whose time comes on the way runs, those included who sleep again") {
    sim::run(
        1,
        []() -> task<void> {
            int ticks = 0;
            auto ticker = [](int& ticks) -> task<void> {
                for (;; ++ticks) co_await sleep(1s);
            };
            auto handle = create_task(ticker(ticks));
            co_await yield();
            const time_point begin = this_loop().now();
            co_await testing::advance(60s);
            CHECK(ticks == 60);
            CHECK(this_loop().now() - begin >= 60s);
            CHECK(this_loop().now() - begin < 60s + 1ms);
            handle.cancel();
        }(),
        by_hand);
}

TEST_CASE("who waits for time that nobody lets pass has stalled") {
    const log_recorder quiet;
    auto main = []() -> task<void> { co_await sleep(1s); };
    CHECK_THROWS_AS(sim::run(1, main(), by_hand), stalled_error);
}

TEST_CASE("advance refuses a clock that moves by itself, and a real one") {
    auto main = []() -> task<void> {
        CHECK_THROWS_AS(static_cast<void>(testing::advance(1s)), std::logic_error);
        co_return;
    };
    sim::run(1, main());
    async::run(main(), {.engine = engine_kind::asio});
}
