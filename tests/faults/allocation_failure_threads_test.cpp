// Memory runs out in what crosses threads, and in context variables.
#include <doctest/doctest.h>

#include <string>

#include <libasync/coro/context_var.hpp>
#include <libasync/coro/run_coroutine_threadsafe.hpp>
#include <libasync/coro/thread_pool.hpp>
#include <libasync/coro/to_thread.hpp>

#include <tests/support/allocation_failure.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

const context_var<std::string> name{"name", "none, and too long for a small string"};
const context_var<int> level{"level", 7};

int add(int a, int b) { return a + b; }

task<int> number_later(int n) {
    co_await yield();
    co_return n;
}

}  // namespace

TEST_CASE("without memory a variable is not changed, and a scope gives back what there was") {
    survives([]() -> task<void> {
        auto child = []() -> task<int> {
            const auto scope = level.scoped(level.get() + 1);
            co_await yield();
            co_return level.get();
        };
        {
            const auto outer = level.scoped(1);
            const auto inner = name.scoped("a name that is too long for a small string");
            auto token = level.set(2);
            auto [a, b] = co_await gather(child(), child());
            must_hold(a == 3 && b == 3, "children inherit");
            this_loop().call_soon([] { must_hold(level.get() == 2, "callbacks inherit"); });
            level.reset(std::move(token));
            must_hold(level.get() == 1, "the value before");
        }
        must_hold(level.get() == 7, "the default");
    });
}

TEST_CASE("without memory to_thread is not called, or gives its result") {
    survives([]() -> task<void> {
        const int sum = co_await to_thread(add, 1, 2);
        must_hold(sum == 3, "the result is given");
        const std::string text = co_await to_thread([](const std::string& s) { return s + s; },
                                                    "a text that is too long for a small string");
        must_hold(text.size() == 84, "the result is given");
    });
    survives([]() -> task<void> {
        const int sum = co_await to_thread(abandon_on_cancel, add, 1, 2);
        must_hold(sum == 3, "the result is given");
    });
}

TEST_CASE("without memory a pool is not made, or works") {
    survives([]() -> task<void> {
        async::thread_pool pool{2};
        auto [a, b] = co_await gather(pool.run(add, 1, 2), pool.run(abandon_on_cancel, add, 3, 4));
        must_hold(a == 3 && b == 7, "the results are given");
    });
}

TEST_CASE("without memory a task is not handed over, or its future tells why it has not run") {
    survives([]() -> task<void> {
        auto future =
            run_coroutine_threadsafe(number_later(3), this_loop(), "a name that is too long for a small string");
        auto cancelled = run_coroutine_threadsafe(number_later(3), this_loop());
        cancelled.cancel();
        for (auto* f : {&future, &cancelled}) {
            while (f->wait_for(0s) != std::future_status::ready) co_await yield();
        }
        must_hold(future.get() == 3, "the result is given");
        try {
            cancelled.get();
        } catch (const task_cancelled&) {
        }
    });
}

TEST_CASE("without memory set, reset and scoped change nothing") {
    on_every_engine([]() -> task<void> {
        using async::testing::fail_allocation;
        auto token = level.set(1);
        for (std::uint64_t k = 0;; ++k) {
            fail_allocation none(k);
            try {
                static_cast<void>(level.set(2));
                none.disarm();
                break;
            } catch (const std::bad_alloc&) {
                none.disarm();
                CHECK(level.get() == 1);
            }
        }
        CHECK(level.get() == 2);
        for (std::uint64_t k = 0;; ++k) {
            fail_allocation none(k);
            try {
                const auto scope = level.scoped(3);
                none.disarm();
                CHECK(level.get() == 3);
                CHECK(k > 1);
                break;
            } catch (const std::bad_alloc&) {
                none.disarm();
                CHECK(level.get() == 2);
            }
        }
        CHECK(level.get() == 2);
        {
            fail_allocation none(0);
            CHECK_THROWS_AS(level.reset(std::move(token)), std::bad_alloc);
        }
        CHECK(level.get() == 2);
        level.reset(std::move(token));
        CHECK(level.get() == 7);
        co_return;
    });
}

TEST_CASE("146: a task that cannot be started fails in its future, not on the loop") {
    scripted_runner s;
    auto future = run_coroutine_threadsafe(number_later(3), s.loop());
    {
        const detail::frames_from_heap from_heap;
        async::testing::fail_allocation without_memory(0, async::testing::how::from_here_on);
        s.turns(1);
        without_memory.disarm();
        CHECK(without_memory.fired());
    }
    CHECK_THROWS_AS(future.get(), std::bad_alloc);
}
