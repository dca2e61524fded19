// timeout and timeout_at, and what wins when completion, cancellation and deadline meet at one instant.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>

#include <libasync/coro/timeout.hpp>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

task<int> number_after(std::chrono::nanoseconds delay, int n) {
    co_await sleep(delay);
    co_return n;
}

task<void> sleep_long() { co_await sleep(24h); }

task<int> operate(int number) {
    const std::int64_t result = co_await scripted_operation(number);
    co_return static_cast<int>(result);
}

}  // namespace

TEST_CASE("timeout gives the result in time, and timeout_error when its deadline cut the task short") {
    on_every_engine([]() -> task<void> {
        const int n = co_await timeout(10s, number_after(1ms, 3));
        CHECK(n == 3);
        const bool late = co_await throws<timeout_error>(timeout(1ms, number_after(24h, 3)));
        CHECK(late);
        const bool late_at = co_await throws<timeout_error>(timeout_at(this_loop().deadline_after(1ms), sleep_long()));
        CHECK(late_at);
        const bool operation = co_await throws<timeout_error>(timeout(1ms, sleep(24h)));
        CHECK(operation);
    });
}

TEST_CASE("timeout passes references and move-only results on") {
    on_every_engine([]() -> task<void> {
        auto made = []() -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(3); };
        const std::unique_ptr<int> p = co_await timeout(10s, made());
        CHECK(*p == 3);
        int i = 0;
        auto same = [](int& i) -> task<int&> { co_return i; };
        int& r = co_await timeout(10s, same(i));
        CHECK(&r == &i);
    });
}

TEST_CASE("timeout counts from the call") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        const time_point start = s.engine.clock();
        auto t = timeout(5s, sleep_long());
        co_await sleep(3s);
        const bool late = co_await throws<timeout_error>(std::move(t));
        CHECK(late);
        CHECK(s.engine.clock() == start + 5s);
    }(s));
}

TEST_CASE("timeout waits for the task to end before it throws") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        const time_point start = s.engine.clock();
        bool ended = false;
        auto slow_to_end = [](bool& ended) -> task<void> {
            try {
                co_await sleep(24h);
            } catch (const cancelled&) {
            }
            cancel_scope shield(time_point::max(), shielding::shielded);
            auto clean_up = []() -> task<void> { co_await sleep(7s); };
            co_await shield.run(clean_up());
            ended = true;
            co_await yield();
        };
        const bool late = co_await throws<timeout_error>(timeout(1s, slow_to_end(ended)));
        CHECK(late);
        CHECK(ended);
        CHECK(s.engine.clock() == start + 8s);
    }(s));
}

TEST_CASE("a task that swallows the time-out and returns is given its value; one that fails, its failure") {
    on_every_engine([]() -> task<void> {
        auto swallows = []() -> task<int> {
            try {
                co_await sleep(24h);
            } catch (const cancelled&) {
            }
            co_return 6;
        };
        const int n = co_await timeout(1ms, swallows());
        CHECK(n == 6);
        auto fails = []() -> task<int> {
            try {
                co_await sleep(24h);
            } catch (const cancelled&) {
                throw std::runtime_error("while ending");
            }
            co_return 0;
        };
        const std::string what = co_await message_of(timeout(1ms, fails()));
        CHECK(what == "while ending");
    });
}

TEST_CASE("a timeout of zero or less lets the task run to its first await") {
    on_every_engine([]() -> task<void> {
        for (const auto delay : {0s, -1s}) {
            bool reached = false;
            auto body = [](bool& reached) -> task<void> {
                reached = true;
                co_await yield();
                FAIL("the deadline had passed");
            };
            const bool late = co_await throws<timeout_error>(timeout(delay, body(reached)));
            CHECK(late);
            CHECK(reached);
        }
        const int n = co_await timeout(0s, []() -> task<int> { co_return 2; }());
        CHECK(n == 2);
    });
}

TEST_CASE("timeout converts only its own cancellation: one from outside stays a cancellation") {
    on_every_engine([]() -> task<void> {
        bool timed_out = false;
        auto body = [](bool& timed_out) -> task<void> {
            try {
                co_await timeout(10s, sleep_long());
            } catch (const timeout_error&) {
                timed_out = true;
            }
        };
        auto handle = create_task(body(timed_out));
        co_await yield();
        handle.cancel();
        co_await handle.wait();
        CHECK(handle.cancelled());
        CHECK_FALSE(timed_out);
    });
}

TEST_CASE("a time-out of the task itself is not taken for the timeout's own") {
    on_every_engine([]() -> task<void> {
        auto body = []() -> task<void> {
            co_await yield();
            throw timeout_error();
        };
        cancel_scope scope(this_loop().deadline_after(10s));
        const bool thrown = co_await throws<timeout_error>(scope.run(body()));
        CHECK(thrown);
        CHECK_FALSE(scope.cancel_called());
    });
}

TEST_CASE("of nested timeouts that expire together the outermost throws") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        for (const bool inner_first : {false, true}) {
            const time_point when = s.engine.clock() + 5s;
            bool inner_threw = false;
            auto outer = [](time_point when, bool& inner_threw) -> task<void> {
                try {
                    co_await timeout_at(when, sleep_long());
                } catch (const timeout_error&) {
                    inner_threw = true;
                    throw;
                }
            };
            // Set at the same instant; the inner one is armed last, or set to be due a moment earlier.
            auto t = timeout_at(when, outer(inner_first ? when - 1ns : when, inner_threw));
            bool outer_threw = false;
            try {
                co_await std::move(t);
            } catch (const timeout_error&) {
                outer_threw = true;
            }
            CHECK(outer_threw);
            CHECK(inner_threw == inner_first);
        }
    }(s));
}

TEST_CASE("a deadline of the same instant as the end of a sleep loses") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        const time_point when = s.engine.clock() + 5s;
        auto sleeper = [](time_point when) -> task<int> {
            co_await sleep_until(when);
            co_return 1;
        };
        const int n = co_await timeout_at(when, sleeper(when));
        CHECK(n == 1);
    }(s));
}

TEST_CASE("completion, cancellation and deadline at one instant: the completion wins in every order") {
    enum class event { complete, cancel, deadline };
    std::array order{event::complete, event::cancel, event::deadline};
    do {
        scripted_runner s;
        std::string names;
        const time_point when = s.engine.clock() + 5s;
        task_handle<void> handle;
        int result = 0;
        bool timed_out = false;
        bool passed = false;
        auto body = [](time_point when, int& result, bool& timed_out, bool& passed) -> task<void> {
            try {
                result = co_await timeout_at(when, operate(1));
            } catch (const timeout_error&) {
                timed_out = true;
            }
            co_await yield();  // may begin before the cancel is called, and is not undone then
            co_await yield();
            passed = true;
        };
        // Timers of one instant come due in the order they were set. The deadline's is set by the task's first step.
        for (const event e : order) {
            names += e == event::complete ? "completion " : e == event::cancel ? "cancel " : "deadline ";
            if (e == event::complete) s.finish_after(5s, 1, 77);
            if (e == event::cancel) s.loop().call_at(when, [&] { handle.cancel(); });
            if (e == event::deadline) {
                handle = s.runner.create_task(body(when, result, timed_out, passed));
                s.turns(1);
            }
        }
        CAPTURE(names);
        s.runner.turn(turn::wait);
        CHECK(result == 77);
        CHECK_FALSE(timed_out);
        s.turns(3);
        CHECK(handle.cancelled());
        CHECK_FALSE(passed);
    } while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE("the cancel request comes first, the operation succeeds all the same: its result is delivered") {
    scripted_runner s;
    s.engine.on_cancel = io::scripted_engine::cancel_policy::scripted;
    int result = 0;
    bool passed = false;
    auto body = [](int& result, bool& passed) -> task<void> {
        result = co_await operate(1);
        co_await yield();
        passed = true;
    };
    auto handle = s.runner.create_task(body(result, passed));
    s.turns(1);
    handle.cancel();
    handle.cancel();
    CHECK(s.engine.cancels() == 1);
    s.turns(3);
    CHECK_FALSE(handle.done());
    s.finish(1, 5);
    s.turns(1);
    CHECK(result == 5);
    s.turns(2);
    CHECK(handle.cancelled());
    CHECK_FALSE(passed);
}

TEST_CASE("the deadline comes first, the operation succeeds all the same: no time-out") {
    scripted_runner s;
    s.engine.on_cancel = io::scripted_engine::cancel_policy::scripted;
    s.finish_after(9s, 1, 5);
    s.run([]() -> task<void> {
        const int n = co_await timeout(1s, operate(1));
        CHECK(n == 5);
        co_await yield();
    }());
}

TEST_CASE("the deadline comes first and the operation ends cancelled: a time-out, when the operation has ended") {
    scripted_runner s;
    s.engine.on_cancel = io::scripted_engine::cancel_policy::scripted;
    const time_point start = s.engine.clock();
    s.finish_after(9s, 1, 0, io::error_cancelled);
    s.run([](scripted_runner& s, time_point start) -> task<void> {
        const bool late = co_await throws<timeout_error>(timeout(1s, operate(1)));
        CHECK(late);
        CHECK(s.engine.clock() == start + 9s);
    }(s, start));
}

TEST_CASE("a joined task that ends at the deadline's instant gives its result") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        const time_point when = s.engine.clock() + 5s;
        auto join = [](task_handle<int>& h) -> task<int> { co_return co_await h; };
        auto handle = create_task(number_after(5s, 8));
        co_await yield();
        const int n = co_await timeout_at(when, join(handle));
        CHECK(n == 8);
    }(s));
}
