// Time-outs: rows 73 to 79 of what asyncio and trio promise about timeout, move_on_after and scopes with deadlines.
#include <doctest/doctest.h>

#include <optional>
#include <string>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>
#include <tests/support/system.hpp>

using namespace async_tests;

namespace {

task<void> settle() {
    for (int i = 0; i < 6; ++i) co_await yield();
}

task<void> sleep_long() { co_await sleep(24h); }

task<int> number_after(std::chrono::nanoseconds delay, int n) {
    co_await sleep(delay);
    co_return n;
}

// Runs `t`, and notes how it ends: 't' for a time-out, 'c' if cancelled, '.' otherwise.
template <class T>
task<void> note_the_end(task<T> t, std::string& notes) {
    try {
        static_cast<void>(co_await std::move(t));
        notes += '.';
    } catch (const timeout_error&) {
        notes += 't';
        throw;
    } catch (const cancelled&) {
        notes += 'c';
        throw;
    }
}

}  // namespace

TEST_CASE("73: what takes too long is cancelled where it waits, waited for, and then timeout throws") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        const time_point start = s.engine.clock();
        std::string notes;
        bool late = co_await throws<timeout_error>(timeout(1s, note_the_end(sleep_long(), notes)));
        CHECK(late);
        CHECK(notes == "c");
        CHECK(s.engine.clock() == start + 1s);
        late = co_await throws<timeout_error>(timeout_at(start + 5s, sleep_long()));
        CHECK(late);
        CHECK(s.engine.clock() == start + 5s);
        co_await yield();  // the caller itself is not cancelled
    }(s));
}

TEST_CASE("73: what is done in time has its result, and the deadline does not come after it") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        const int n = co_await timeout(10s, number_after(10ms, 7));
        CHECK(n == 7);
        CHECK(s.loop().core().timers.empty());
        const auto got = co_await move_on_after(10s, number_after(10ms, 8));
        CHECK(got == 8);
        CHECK(s.loop().core().timers.empty());
        co_await sleep(30s);
    }(s));
}

TEST_CASE("73: without a deadline a limit is none") {
    scripted_runner s;
    s.run([]() -> task<void> {
        const int n = co_await timeout_at(time_point::max(), number_after(100h, 7));
        CHECK(n == 7);
        const auto got = co_await move_on_at(time_point::max(), number_after(100h, 8));
        CHECK(got == 8);
        cancel_scope scope;
        CHECK(scope.deadline() == time_point::max());
    }());
}

TEST_CASE("73: timeout converts only its own cancellation: one from outside stays one, also if time is up later") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        std::string notes;
        auto handle = create_task(note_the_end(timeout(10s, sleep_long()), notes));
        co_await settle();
        handle.cancel();
        co_await handle.wait();
        CHECK(notes == "c");
        CHECK(handle.cancelled());

        // Time is up while the clean-up of that cancellation still runs.
        notes.clear();
        auto slow_to_end = []() -> task<void> {
            try {
                co_await sleep(24h);
            } catch (const cancelled&) {
            }
            cancel_scope shield(time_point::max(), shielding::shielded);
            co_await shield.run([]() -> task<void> { co_await sleep(20s); }());
            co_await yield();
        };
        handle = create_task(note_the_end(timeout(10s, slow_to_end()), notes));
        co_await settle();
        const time_point start = s.engine.clock();
        handle.cancel();
        co_await handle.wait();
        CHECK(notes == "c");
        CHECK(handle.cancelled());
        CHECK(s.engine.clock() == start + 20s);
    }(s));
}

TEST_CASE("73: a task that times out inside goes on, is not cancelled, and may time out again") {
    on_every_engine([]() -> task<void> {
        auto body = []() -> task<int> {
            int times = 0;
            for (int i = 0; i < 3; ++i) {
                const bool late = co_await throws<timeout_error>(timeout(100us, sleep_long()));
                times += late;
            }
            co_await yield();
            co_return times;
        };
        auto handle = create_task(body());
        const int times = co_await handle;
        CHECK(times == 3);
        CHECK_FALSE(handle.cancelled());
    });
}

TEST_CASE("73: other failures go through, before the deadline and in the clean-up after it") {
    on_every_engine([]() -> task<void> {
        auto fails = []() -> task<void> {
            throw std::out_of_range("at once");
            co_return;
        };
        const bool at_once = co_await throws<std::out_of_range>(timeout(10s, fails()));
        CHECK(at_once);
        auto fails_late = []() -> task<void> {
            try {
                co_await sleep(24h);
            } catch (const cancelled&) {
                throw std::out_of_range("in the clean-up");
            }
        };
        const std::string what = co_await message_of(timeout(1ms, fails_late()));
        CHECK(what == "in the clean-up");
        const std::string moved_on = co_await message_of(move_on_after(1ms, fails_late()));
        CHECK(moved_on == "in the clean-up");
        cancel_scope scope(this_loop().deadline_after(1ms));
        const bool thrown = co_await throws<std::out_of_range>(scope.run(fails_late()));
        CHECK(thrown);
        CHECK(scope.cancel_called());
        CHECK_FALSE(scope.cancelled_caught());
    });
}

TEST_CASE("73: a deadline that passed while nobody looked is no time-out of what has ended all the same") {
    on_every_engine([]() -> task<void> {
        auto slow_step = [](int n) -> task<int> {
            work_for(this_engine(), 1ms);
            co_return n;
        };
        if (std::string_view(this_loop().engine_name()) == "scripted") co_return;  // its clock stands still
        const int n = co_await timeout(100us, slow_step(3));
        CHECK(n == 3);
    });
}

TEST_CASE("76: a limit of zero or less lets the body run to its first await, and cuts even a yield there short") {
    on_every_engine([]() -> task<void> {
        for (const auto delay : {0s, -11s}) {
            std::string notes;
            auto yields = [](std::string& notes) -> task<void> {
                notes += 'b';
                co_await yield();
                notes += 'x';
            };
            bool late = co_await throws<timeout_error>(timeout(delay, note_the_end(yields(notes), notes)));
            CHECK(late);
            CHECK(notes == "bc");
            late = co_await throws<timeout_error>(timeout(delay, sleep(0s)));
            CHECK(late);
            late = co_await throws<timeout_error>(timeout(delay, sleep(10s)));
            CHECK(late);
            late = co_await throws<timeout_error>(timeout_at(time_point::min(), yield()));
            CHECK(late);
            const auto nothing = co_await move_on_after(delay, yields(notes));
            CHECK_FALSE(nothing.has_value());
        }
    });
}

TEST_CASE("76: a limit of zero does not touch what never waits") {
    on_every_engine([]() -> task<void> {
        auto at_once = [](int n) -> task<int> { co_return n; };
        auto nested = [](auto at_once) -> task<int> {
            const int a = co_await at_once(1);
            const int b = co_await at_once(2);
            co_return a + b;
        };
        const int n = co_await timeout(0s, nested(at_once));
        CHECK(n == 3);
    });
}

TEST_CASE("76: a task that never waits, only yields, meets its deadline within 256 steps of its passing") {
    async::run([]() -> task<void> {
        int yields = 0;
        auto busy = [](int& yields) -> task<void> {
            work_for(this_engine(), 1ms);  // over
            for (;; ++yields) co_await yield();
        };
        const bool late = co_await throws<timeout_error>(timeout(100us, busy(yields)));
        CHECK(late);
        CHECK(yields <= 257);
    }());
}

TEST_CASE("77: a deadline can be moved before the scope is entered and while it runs, to and fro and away") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        const time_point start = s.engine.clock();
        cancel_scope scope(start + 10s);
        CHECK(scope.deadline() == start + 10s);
        scope.set_deadline(start + 1h);
        CHECK(scope.deadline() == start + 1h);
        auto run = [](cancel_scope& scope) -> task<void> { co_await scope.run(sleep_long()); };
        auto handle = create_task(run(scope));
        co_await settle();
        scope.set_deadline(start + 30s);
        scope.set_deadline(time_point::max());
        CHECK(scope.deadline() == time_point::max());
        co_await sleep(2h);
        CHECK_FALSE(handle.done());
        scope.set_deadline(start + 3h);
        co_await handle;
        CHECK(scope.cancelled_caught());
        CHECK(s.engine.clock() == start + 3h);
    }(s));
}

TEST_CASE("77: a deadline moved into the past cancels at once, and cannot be taken back") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        const time_point start = s.engine.clock();
        std::string notes;
        auto body = [](cancel_scope& scope, std::string& notes) -> task<void> {
            co_await sleep(5s);
            scope.set_deadline(this_loop().now() - 4s);
            notes += scope.cancel_called() ? 'y' : 'n';
            scope.set_deadline(time_point::max());
            for (int i = 0; i < 2; ++i) {
                try {
                    co_await yield();
                } catch (const cancelled&) {
                    notes += 'c';
                }
            }
            co_await yield();
        };
        cancel_scope scope;
        co_await scope.run(body(scope, notes));
        CHECK(notes == "ycc");
        CHECK(scope.cancelled_caught());
        CHECK(s.engine.clock() == start + 5s);
    }(s));
}

TEST_CASE("77: the deadline of a scope that was left does not act, and cannot be moved") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        const time_point start = s.engine.clock();
        cancel_scope scope(start + 1s);
        co_await scope.run(settle());
        CHECK_THROWS_AS(scope.set_deadline(start + 2s), std::logic_error);
        co_await sleep(5s);
        co_await yield();
        CHECK_FALSE(scope.cancel_called());
        CHECK(scope.deadline() == start + 1s);
        CHECK(s.loop().core().timers.empty());
    }(s));
}

TEST_CASE("77: a scope is entered once, and relative limits need a loop") {
    on_every_engine([]() -> task<void> {
        cancel_scope scope(this_loop().deadline_after(10s));
        co_await scope.run(settle());
        const std::string what = co_await message_of(scope.run(settle()));
        CHECK(what.find("once") != std::string::npos);
    });
    std::error_code code;
    try {
        static_cast<void>(timeout(1s, sleep_long()));
    } catch (const std::system_error& e) {
        code = e.code();
    }
    CHECK(code == errc::no_loop);
}

TEST_CASE("77: a relative limit counts from the call, not from when it is awaited") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        const time_point start = s.engine.clock();
        auto limited = timeout(5s, sleep_long());
        auto moved_on = move_on_after(7s, sleep_long());
        co_await sleep(3s);
        const bool late = co_await throws<timeout_error>(std::move(limited));
        CHECK(late);
        CHECK(s.engine.clock() == start + 5s);
        const auto nothing = co_await std::move(moved_on);
        CHECK_FALSE(nothing.has_value());
        CHECK(s.engine.clock() == start + 7s);
    }(s));
}

TEST_CASE("79: the own deadline of a scope acts though it is shielded, and though it is cancelled from outside") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        const time_point start = s.engine.clock();
        cancel_scope outer;
        cancel_scope inner(start + 2s, shielding::shielded);
        auto body = [](cancel_scope& outer, cancel_scope& inner) -> task<void> {
            outer.cancel();
            co_await inner.run(sleep_long());
        };
        co_await outer.run(body(outer, inner));
        CHECK(inner.cancelled_caught());
        CHECK_FALSE(outer.cancelled_caught());  // what was left of the body did not wait
        CHECK(s.engine.clock() == start + 2s);
    }(s));
}

TEST_CASE("79: a scope that is shielded only while it runs obeys its deadline too") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        const time_point start = s.engine.clock();
        cancel_scope outer;
        auto body = [](cancel_scope& outer, time_point deadline) -> task<void> {
            cancel_scope inner(deadline);
            co_await inner.run([](cancel_scope& outer, cancel_scope& inner) -> task<void> {
                inner.set_shield(shielding::shielded);
                outer.cancel();
                co_await sleep(24h);
            }(outer, inner));
            CHECK(inner.cancelled_caught());
            co_await yield();
        };
        co_await outer.run(body(outer, start + 2s));
        CHECK(outer.cancelled_caught());
        CHECK(s.engine.clock() == start + 2s);
    }(s));
}

TEST_CASE("79: a time-out inside a shield throws, though everything outside is cancelled") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        const time_point start = s.engine.clock();
        std::string notes;
        auto body = [](std::string& notes) -> task<void> {
            cancel_scope shield(time_point::max(), shielding::shielded);
            co_await shield.run([](std::string& notes) -> task<void> {
                const bool late = co_await throws<timeout_error>(timeout(2s, sleep_long()));
                notes += late ? 't' : 'x';
            }(notes));
            co_await yield();
            notes += 'x';
        };
        auto handle = create_task(body(notes));
        co_await yield();
        handle.cancel();
        co_await handle.wait();
        CHECK(notes == "t");
        CHECK(handle.cancelled());
        CHECK(s.engine.clock() == start + 2s);
    }(s));
}
