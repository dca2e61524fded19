#include <libasync/coro/wait.hpp>

#include <doctest/doctest.h>

#include <array>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <libasync/testing/destroyable.hpp>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

using places = std::vector<std::size_t>;

task<int> number_after(std::chrono::nanoseconds delay, int n) {
    co_await sleep(delay);
    co_return n;
}

task<int> fail_after(std::chrono::nanoseconds delay) {
    co_await sleep(delay);
    throw std::runtime_error("on purpose");
}

std::vector<task_handle<int>> three(task<int> a, task<int> b, task<int> c) {
    std::vector<task_handle<int>> handles;
    handles.push_back(create_task(std::move(a)));
    handles.push_back(create_task(std::move(b)));
    handles.push_back(create_task(std::move(c)));
    return handles;
}

}  // namespace

TEST_CASE("wait for all: done are all, in the order of the handles, and the results are still there") {
    on_every_engine([]() -> task<void> {
        auto handles = three(number_after(2ms, 1), number_after(1ms, 2), number_after(0ms, 3));
        auto [done, pending] = co_await async::wait(handles);
        CHECK(done == places{0, 1, 2});
        CHECK(pending.empty());
        const int first = handles[0].result();
        CHECK(first == 1);
    });
}

TEST_CASE("wait for the first that ends; the others go on") {
    on_every_engine([]() -> task<void> {
        auto number_behind = [](event& e, int n) -> task<int> {
            co_await e.wait();
            co_return n;
        };
        event e;
        auto handles = three(number_behind(e, 1), number_after(1ms, 2), number_behind(e, 3));
        auto result = co_await async::wait(handles, when::first_completed);
        CHECK(result.done == places{1});
        CHECK(result.pending == places{0, 2});
        result = co_await async::wait(handles, when::first_completed);  // one has ended: at once
        CHECK(result.done == places{1});
        e.set();
        result = co_await async::wait(handles);
        CHECK(result.done.size() == 3);
    });
}

TEST_CASE("wait for the first exception: others that end, or are cancelled, do not end the wait") {
    on_every_engine([]() -> task<void> {
        auto handles = three(number_after(24h, 1), number_after(0ms, 2), fail_after(2ms));
        handles.push_back(create_task(number_after(24h, 4)));
        handles[0].cancel();
        auto result = co_await async::wait(handles, when::first_exception);
        CHECK(result.done == places{0, 1, 2});
        CHECK(result.pending == places{3});
        CHECK(handles[2].exception());
        handles[3].cancel();
    });
    on_every_engine([]() -> task<void> {
        auto handles = three(number_after(0ms, 1), number_after(0ms, 2), number_after(1ms, 3));
        const auto result = co_await async::wait(handles, when::first_exception);
        CHECK(result.done.size() == 3);  // none fails: it waits for all
    });
}

TEST_CASE("a timeout ends the wait without an error, and cancels nothing") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        const time_point begin = s.engine.clock();
        auto handles = three(number_after(10s, 1), number_after(1s, 2), number_after(10s, 3));
        auto result = co_await async::wait(handles, when::all_completed, 2s);
        CHECK(s.engine.clock() == begin + 2s);
        CHECK(result.done == places{1});
        CHECK(result.pending == places{0, 2});
        result = co_await async::wait(handles, when::all_completed, 1h);
        CHECK(result.done.size() == 3);
        CHECK(s.engine.clock() == begin + 10s);
    }(s));
}

TEST_CASE("a wait that ends before its time leaves no timer, whether it was satisfied, cancelled or destroyed") {
    on_every_engine([]() -> task<void> {
        auto open = [](event& e) -> task<void> { co_await e.wait(); };
        auto wait_long = [](std::array<task_handle<void>, 1>& handles) -> task<void> {
            static_cast<void>(co_await async::wait(handles, when::all_completed, 24h));
        };
        const detail::timer_queue& timers = this_loop().core().timers;
        const auto before = timers.size();
        event e;
        std::array<task_handle<void>, 1> handles{create_task(open(e))};
        auto cancelled = create_task(wait_long(handles));
        auto satisfied = create_task(wait_long(handles));
        detail::test_gate over;
        std::optional<std::monostate> nothing;
        {
            auto destroyed = detail::await_destroyably(wait_long(handles), nothing);
            destroyed.start(this_loop().core(), over);
            for (int i = 0; i < 2; ++i) co_await yield();
            CHECK(timers.size() == before + 3);
        }
        CHECK(timers.size() == before + 2);
        cancelled.cancel();
        co_await cancelled.wait();
        CHECK(timers.size() == before + 1);
        e.set();
        co_await satisfied;
        CHECK(timers.size() == before);
    });
}

TEST_CASE("tasks that end at one instant are all told of") {
    scripted_runner s;
    s.run([]() -> task<void> {
        auto handles = three(number_after(1s, 1), number_after(1s, 2), number_after(2s, 3));
        const auto result = co_await async::wait(handles, when::first_completed);
        CHECK(result.done == places{0, 1});
        handles[2].cancel();
    }());
}

TEST_CASE("a cancelled wait leaves the tasks alone; what had ended by then is told") {
    on_every_engine([]() -> task<void> {
        auto handles = three(number_after(2ms, 1), number_after(2ms, 2), number_after(2ms, 3));
        const auto got = co_await move_on_after(0ms, async::wait(handles));
        CHECK_FALSE(got.has_value());
        const auto result = co_await async::wait(handles);
        CHECK(result.done.size() == 3);
        CHECK_FALSE(handles[0].cancelled());
    });
}

TEST_CASE("no handles, empty ones, and oneself are refused") {
    on_every_engine([]() -> task<void> {
        std::vector<task_handle<int>> handles;
        CHECK_THROWS_AS(static_cast<void>(async::wait(handles)), std::invalid_argument);
        handles.emplace_back();
        CHECK_THROWS_AS(static_cast<void>(async::wait(handles)), std::invalid_argument);
        std::array<task_handle<void>, 1> me;
        auto wait_for_me = [](std::array<task_handle<void>, 1>& me) -> task<void> {
            co_await yield();
            static_cast<void>(co_await async::wait(me));
        };
        me[0] = create_task(wait_for_me(me), "narcissus");
        co_await me[0].wait();
        CHECK(what_of(me[0].exception()).find("narcissus") != std::string::npos);
    });
}

TEST_CASE("failures that nobody reads are reported though they were waited for") {
    scripted_runner s;
    report_recorder recorder(s.loop());
    s.run([]() -> task<void> {
        auto handles = three(fail_after(0ms), number_after(0ms, 2), number_after(0ms, 3));
        static_cast<void>(co_await async::wait(handles));
    }());
    REQUIRE(recorder.reports.size() == 1);
    CHECK(recorder.reports[0].what == "on purpose");
}

TEST_CASE("thousands of tasks are waited for in one go") {
    on_every_engine([]() -> task<void> {
        std::vector<task_handle<int>> handles;
        for (int i = 0; i < 5000; ++i) handles.push_back(create_task(number_after(0ms, i)));
        const auto result = co_await async::wait(handles);
        CHECK(result.done.size() == 5000);
    });
}
