// Timers, delays and the clock of the loop: rows 4 to 11 of what asyncio and libuv promise. Where asyncio leaves the
// order of equal times open, and libuv counts milliseconds, ours are FIFO, in nanoseconds, and never early.
#include <doctest/doctest.h>

#include <array>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <libasync/loop/timer.hpp>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>
#include <tests/support/system.hpp>

using namespace async_tests;
using async::timer;

namespace {

using real_seconds = std::chrono::duration<double>;

constexpr real_seconds not_a_number{std::numeric_limits<double>::quiet_NaN()};
constexpr real_seconds infinite{std::numeric_limits<double>::infinity()};

task<int> number_after(std::chrono::nanoseconds delay, int n) {
    co_await sleep(delay);
    co_return n;
}

task<void> note_at(time_point when, std::string& notes, char name) {
    co_await sleep_until(when);
    notes += name;
}

}  // namespace

TEST_CASE("4: of timers that are due at one instant those that were set first are called first, of whatever kind") {
    scripted_runner s;
    std::string notes;
    const time_point when = s.engine.clock() + 1s;
    timer t(s.loop(), [&] { notes += 'b'; });
    s.loop().call_at(when, [&] { notes += 'a'; });
    t.set(when);
    auto sleeper = s.runner.create_task(note_at(when, notes, 'c'));
    s.turns(1);  // the sleep begins
    s.loop().call_at(when, [&] { notes += 'd'; });
    cancel_scope scope(when);
    auto in_scope = [](cancel_scope& scope, std::string& notes) -> task<void> {
        auto wait = [](std::string& notes) -> task<void> {
            try {
                co_await sleep(24h);
            } catch (const cancelled&) {
                notes += 'f';
                throw;
            }
        };
        co_await scope.run(wait(notes));
    };
    auto limited = s.runner.create_task(in_scope(scope, notes));
    s.turns(1);
    s.loop().call_at(when, [&] { notes += 'e'; });
    s.runner.turn(turn::wait);
    CHECK(notes == "abcde");
    s.turns(1);  // what the deadline has cancelled goes on in the turn after it
    CHECK(notes == "abcdef");
    CHECK(sleeper.done());
    CHECK(limited.done());
}

TEST_CASE("4: a timer that is set again goes behind those of its new instant, also if that is its old one") {
    scripted_runner s;
    std::string notes;
    const time_point when = s.engine.clock() + 1s;
    timer a(s.loop(), [&] { notes += 'a'; });
    timer b(s.loop(), [&] { notes += 'b'; });
    a.set(when);
    b.set(when);
    s.runner.turn(turn::wait);
    CHECK(notes == "ab");
    b.set_after(0s);
    a.set_after(0s);
    s.turns(1);
    CHECK(notes == "abba");
    a.set(when + 1s);
    b.set(when + 1s);
    a.set(when + 1s);
    s.runner.turn(turn::wait);
    CHECK(notes == "abbaba");
}

TEST_CASE("4: timers that are due at different times, but only found so in one turn, are called in the order of time") {
    scripted_runner s;
    std::string notes;
    const time_point start = s.engine.clock();
    for (const char name : std::string("dbca")) {
        s.loop().call_at(start - 1s + std::chrono::nanoseconds(name), [&notes, name] { notes += name; });
    }
    s.turns(1);
    CHECK(notes == "abcd");
}

TEST_CASE("5: waiting for a timer costs a wait, not a row of ever shorter ones") {
    runner r;
    auto sleeps = []() -> task<void> {
        for (const auto delay : {10'000'000ns, 100'000ns, 1'000ns, 100ns, 10ns, 1ns, 0ns}) co_await sleep(delay);
    };
    const std::uint64_t before = r.loop().statistics().turns;
    r.run(sleeps());
    CHECK(r.loop().statistics().turns - before <= 30);  // a few more, where the system wakes early
}

TEST_CASE("6: times are told apart by the nanosecond") {
    scripted_runner s;
    std::string notes;
    const time_point start = s.engine.clock();
    s.loop().call_at(start + 3ns, [&] { notes += '3'; });
    s.loop().call_at(start + 1ns, [&] { notes += '1'; });
    s.loop().call_at(start + 2ns, [&] { notes += '2'; });
    std::vector<std::string> after_turn;
    for (int i = 0; i < 3; ++i) {
        s.runner.turn(turn::wait);
        after_turn.push_back(notes);
    }
    CHECK(after_turn == std::vector<std::string>{"1", "12", "123"});
    CHECK(s.engine.clock() == start + 3ns);
}

TEST_CASE("6: a delay that cannot be told exactly is never early either") {
    runner r;
    for (int i = 0; i < 8; ++i) {
        const real_seconds delay(0.0006 + 0.0001);  // a little less than 0.7 ms
        const time_point due = r.loop().deadline_after(699'999ns);
        bool early = false;
        bool called = false;
        r.loop().call_later(delay, [&] {
            called = true;
            early = clock_now() < due;
        });
        while (!called) r.turn(turn::wait);
        CHECK_FALSE(early);
    }
}

TEST_CASE("7: delays of zero and less are all due at once, in the order given, in a later turn") {
    scripted_runner s;
    std::string notes;
    s.loop().call_soon([&] {
        s.loop().call_later(-1s, [&] { notes += 'a'; });
        s.loop().call_later(-2s, [&] { notes += 'b'; });
        s.loop().call_later(0s, [&] { notes += 'c'; });
        s.loop().call_later(real_seconds(-1e300), [&] { notes += 'd'; });
    });
    s.turns(1);
    CHECK(notes.empty());
    s.turns(1);
    CHECK(notes == "abcd");
}

TEST_CASE("7: a sleep of zero or less lets the others run, and is a place to be cancelled at") {
    on_every_engine([]() -> task<void> {
        for (const auto delay : {0s, -1s, -100'000s}) {
            bool ran = false;
            auto other = [](bool& ran) -> task<void> {
                ran = true;
                co_return;
            };
            create_task(other(ran));
            co_await sleep(delay);
            CHECK(ran);
            cancel_scope scope;
            scope.cancel();
            co_await scope.run([](std::chrono::nanoseconds delay) -> task<void> { co_await sleep(delay); }(delay));
            CHECK(scope.cancelled_caught());
        }
    });
}

TEST_CASE("8: what is not a number is no delay, wherever one is given") {
    scripted_runner s;
    timer t(s.loop(), [] {});
    CHECK_THROWS_AS(s.loop().call_later(not_a_number, [] {}), std::invalid_argument);
    CHECK_THROWS_AS(t.set_after(not_a_number), std::invalid_argument);
    CHECK_FALSE(t.pending());
    s.run([]() -> task<void> {
        auto nothing = []() -> task<void> { co_return; };
        CHECK_THROWS_AS(static_cast<void>(sleep(not_a_number)), std::invalid_argument);
        CHECK_THROWS_AS(static_cast<void>(timeout(not_a_number, nothing())), std::invalid_argument);
        CHECK_THROWS_AS(static_cast<void>(move_on_after(not_a_number, nothing())), std::invalid_argument);
        co_return;
    }());
    CHECK(s.loop().core().timers.empty());
}

TEST_CASE("8: infinite and huge delays are for ever, and do not disturb small ones") {
    on_every_engine([]() -> task<void> {
        async::loop& here = this_loop();
        std::string notes;
        auto huge = here.call_later(infinite, [&notes] { notes += 'h'; });
        auto also_huge = here.call_later(real_seconds(1e12), [&notes] { notes += 'h'; });
        auto longest = here.call_later(std::chrono::hours::max(), [&notes] { notes += 'h'; });
        const int n = co_await timeout(infinite, number_after(1ms, 3));
        CHECK(n == 3);
        const auto got = co_await move_on_after(std::chrono::hours::max(), number_after(1ms, 4));
        CHECK(got == 4);
        CHECK(notes.empty());
        for (callback_handle* handle : {&huge, &also_huge, &longest}) {
            CHECK(handle->pending());
            handle->cancel();
        }
    });
}

TEST_CASE("10: a timer that is set from a timer's callback is not called in the same turn, even if it is due") {
    scripted_runner s;
    std::vector<int> calls;
    timer t(s.loop(), [&] { calls.push_back(1); });
    s.loop().call_later(0s, [&] {
        calls.push_back(0);
        t.set(time_point::min());
        s.loop().call_at(time_point::min(), [&] { calls.push_back(2); });
    });
    s.turns(1);
    CHECK(calls == std::vector{0});
    s.turns(1);
    CHECK(calls == std::vector{0, 1, 2});
}

TEST_CASE("10: one turn that may wait calls what is due at the end of its wait; one that may not, what is due now") {
    scripted_runner s;
    int calls = 0;
    timer t(s.loop(), [&] { ++calls; });
    t.set_after(0s);
    s.runner.turn(turn::no_wait);
    CHECK(calls == 1);
    t.set_after(1ms);
    CHECK_FALSE(s.runner.turn(turn::no_wait));
    CHECK(calls == 1);
    CHECK(t.pending());
    s.runner.turn(turn::wait);
    CHECK(calls == 2);
}

TEST_CASE("10: a timer that sets itself again, and is overdue before its callback ends, is called once a turn") {
    runner r;
    int calls = 0;
    timer* self = nullptr;
    timer t(r.loop(), [&] {
        ++calls;
        self->set_after(100us);
        work_for(*r.loop().core().engine, 300us);
    });
    self = &t;
    t.set_after(0s);
    for (int i = 0; i < 6; ++i) {
        const int before = calls;
        r.turn(turn::no_wait);
        CHECK(calls <= before + 1);
    }
    CHECK(calls >= 5);
}

TEST_CASE("10: a cancelled timer is not waited for, and leaves nothing behind") {
    scripted_runner s;
    const time_point start = s.engine.clock();
    int calls = 0;
    auto first = s.loop().call_later(5s, [&] { calls += 10; });
    s.loop().call_later(10s, [&] { ++calls; });
    first.cancel();
    CHECK(s.loop().core().timers.size() == 1);
    s.runner.turn(turn::wait);
    CHECK(calls == 1);
    CHECK(s.engine.clock() == start + 10s);

    s.loop().call_later(3000s, [] {});
    for (int i = 0; i < 500; ++i) s.loop().call_later(std::chrono::seconds(100 + 20 * i), [] {}).cancel();
    CHECK(s.loop().core().timers.size() == 1);
}

TEST_CASE("10: a timer is set once at a time: setting it again moves it, and it calls once") {
    scripted_runner s;
    int calls = 0;
    timer t(s.loop(), [&] { ++calls; });
    t.set_after(24h);
    t.set_after(10ms);
    const time_point start = s.engine.clock();
    s.runner.turn(turn::wait);
    CHECK(calls == 1);
    CHECK(s.engine.clock() == start + 10ms);
    CHECK_FALSE(t.pending());
    CHECK(s.loop().core().timers.empty());
}

TEST_CASE("11: the loop's time stands still during a turn; a delay counts from a fresh reading") {
    runner r;
    r.run([]() -> task<void> {
        async::loop& here = this_loop();
        const time_point now = here.now();
        work_for(this_engine(), 2ms);
        CHECK(here.now() == now);
        CHECK(here.deadline_after(0s) >= now + 2ms);
        co_await sleep(0s);
        co_await sleep(1us);  // a visit to the engine, after which the time is another one
        CHECK(here.now() >= now + 2ms);
    }());
}

TEST_CASE("11: a sleep, a callback and a time-out are not short though the step that begins them was long") {
    runner r;
    r.run([]() -> task<void> {
        co_await sleep(100us);
        work_for(this_engine(), 2ms);
        time_point due = clock_now() + 1ms;
        co_await sleep(1ms);
        CHECK(clock_now() >= due);

        work_for(this_engine(), 2ms);
        due = clock_now() + 1ms;
        bool late_enough = false;
        event called;
        this_loop().call_later(1ms, [&late_enough, &called, due] {
            late_enough = clock_now() >= due;
            called.set();
        });
        co_await called.wait();
        CHECK(late_enough);

        work_for(this_engine(), 2ms);
        due = clock_now() + 1ms;
        const auto nothing = co_await move_on_after(1ms, sleep(24h));
        CHECK_FALSE(nothing.has_value());
        CHECK(clock_now() >= due);
    }());
}
