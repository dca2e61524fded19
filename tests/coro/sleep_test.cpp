#include <libasync/coro/sleep.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <optional>
#include <variant>
#include <vector>

#include <libasync/testing/destroyable.hpp>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>
#include <tests/support/system.hpp>

using namespace async_tests;

namespace {

task<void> append_after(std::chrono::nanoseconds delay, std::vector<int>& to, int n) {
    co_await sleep(delay);
    to.push_back(n);
}

task<void> sleep_long() { co_await sleep(24h); }

}  // namespace

TEST_CASE("sleep goes on when its time has come: never early, and on a virtual clock at that very instant") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        const time_point start = s.engine.clock();
        co_await sleep(3h);
        CHECK(s.engine.clock() == start + 3h);
        CHECK(s.loop().now() == start + 3h);
        co_await sleep_until(start + 4h);
        CHECK(s.engine.clock() == start + 4h);
    }(s));
    async::run([]() -> task<void> {
        for (const auto delay : {0us, 1us, 900us, 1100us}) {
            const time_point due = clock_now() + delay;
            co_await sleep(delay);
            CHECK(clock_now() >= due);
        }
    }());
}

TEST_CASE("sleepers wake in the order of their deadlines, those of one instant in the order they fell asleep") {
    scripted_runner s;
    s.run([]() -> task<void> {
        std::vector<int> order;
        create_task(append_after(2s, order, 3));
        create_task(append_after(1s, order, 1));
        create_task(append_after(2s, order, 4));
        create_task(append_after(1s, order, 2));
        co_await sleep(3s);
        CHECK(order == std::vector{1, 2, 3, 4});
    }());
}

TEST_CASE("a delay of zero or less lets the others run first") {
    on_every_engine([]() -> task<void> {
        for (const auto delay :
             {std::chrono::nanoseconds(0), std::chrono::nanoseconds(-1), std::chrono::nanoseconds::min()}) {
            std::vector<int> order;
            create_task(append_after(delay, order, 2));
            order.push_back(1);
            co_await yield();
            co_await sleep(delay);
            CHECK(order.front() == 1);
        }
        co_await sleep_until(time_point::min());
    });
}

TEST_CASE("a delay that is not a number is refused; one too long to count is for ever") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        CHECK_THROWS_AS(
            static_cast<void>(sleep(std::chrono::duration<double>(std::numeric_limits<double>::quiet_NaN()))),
            std::invalid_argument);
        auto sleeper = []() -> task<void> { co_await sleep(std::chrono::hours::max()); };
        auto infinite = []() -> task<void> {
            co_await sleep(std::chrono::duration<double>(std::numeric_limits<double>::infinity()));
        };
        auto a = create_task(sleeper());
        auto b = create_task(infinite());
        const time_point start = s.engine.clock();
        co_await sleep(std::chrono::hours(24 * 365 * 200));
        CHECK(s.engine.clock() == start + std::chrono::hours(24 * 365 * 200));
        CHECK_FALSE(a.done());
        CHECK_FALSE(b.done());
    }(s));
}

TEST_CASE("a sleep counts from the call, not from the await") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        const time_point start = s.engine.clock();
        auto described = sleep(2s);
        co_await sleep(1s);
        co_await described;
        CHECK(s.engine.clock() == start + 2s);
    }(s));
}

TEST_CASE("sleep outside a loop is an error") {
    std::error_code code;
    try {
        static_cast<void>(sleep(1s));
    } catch (const std::system_error& e) {
        code = e.code();
    }
    CHECK(code == errc::no_loop);
}

TEST_CASE("a cancelled sleep ends in the next turn, and its timer is gone") {
    scripted_runner s;
    auto handle = s.runner.create_task(sleep_long());
    s.turns(1);
    CHECK(s.loop().core().timers.size() == 1);
    handle.cancel();
    CHECK(s.loop().core().timers.empty());
    s.turns(1);
    CHECK(handle.cancelled());
}

TEST_CASE("a sleep that is destroyed takes its timer along") {
    on_every_engine([]() -> task<void> {
        const detail::timer_queue& timers = this_loop().core().timers;
        const auto before = timers.size();
        detail::test_gate over;
        std::optional<std::monostate> nothing;
        {
            auto destroyed = detail::await_destroyably(sleep_long(), nothing);
            destroyed.start(this_loop().core(), over);
            for (int i = 0; i < 2; ++i) co_await yield();
            CHECK(timers.size() == before + 1);
        }
        CHECK(timers.size() == before);
    });
}

TEST_CASE("a sleep that is over is not undone by a cancel of the same instant") {
    scripted_runner s;
    bool slept = false;
    bool passed = false;
    auto body = [](bool& slept, bool& passed) -> task<void> {
        co_await sleep(1s);
        slept = true;
        co_await yield();
        passed = true;
    };
    task_handle<void> handle = s.runner.create_task(body(slept, passed));
    s.loop().call_later(1s, [&] { handle.cancel(); });  // set before the sleep: it is called first
    s.turns(1);
    s.runner.turn(turn::wait);
    CHECK(slept);
    s.turns(1);
    CHECK_FALSE(passed);
    CHECK(handle.cancelled());
}

TEST_CASE("yield goes behind everything that is ready, and tasks that yield take turns") {
    on_every_engine([]() -> task<void> {
        std::vector<int> order;
        auto body = [](std::vector<int>& order, int n) -> task<void> {
            for (int i = 0; i < 3; ++i) {
                order.push_back(n);
                co_await yield();
            }
        };
        auto a = create_task(body(order, 1));
        auto b = create_task(body(order, 2));
        auto c = create_task(body(order, 3));
        co_await a;
        co_await b;
        co_await c;
        CHECK(order == std::vector{1, 2, 3, 1, 2, 3, 1, 2, 3});
    });
}

TEST_CASE("yield is one turn") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        const auto before = s.loop().statistics().turns;
        for (int i = 0; i < 10; ++i) co_await yield();
        CHECK(s.loop().statistics().turns == before + 10);
    }(s));
}

TEST_CASE("yield in a cancelled task raises; a yield under way is not undone") {
    scripted_runner s;
    int passed = 0;
    auto body = [](int& passed) -> task<void> {
        for (;;) {
            co_await yield();
            ++passed;
        }
    };
    auto handle = s.runner.create_task(body(passed));
    s.turns(3);
    CHECK(passed == 2);
    handle.cancel();
    s.turns(1);
    CHECK(passed == 3);
    CHECK_FALSE(handle.done());
    s.turns(1);
    CHECK(passed == 3);
    CHECK(handle.cancelled());
}
