// Threads beside a loop: rows 58, 146 and 160 of what asyncio, trio and libuv promise.
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <libasync/coro/run_coroutine_threadsafe.hpp>
#include <libasync/coro/thread_pool.hpp>
#include <libasync/coro/to_thread.hpp>
#include <libasync/loop/notifier.hpp>
#include <libasync/sim/simulation.hpp>
#include <libasync/sync/event.hpp>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>
#include <tests/support/system.hpp>
#include <tests/support/thread_gate.hpp>

using namespace async_tests;

namespace {

task<void> settle() {
    for (int i = 0; i < 6; ++i) co_await yield();
}

task<int> hold_up(async::thread_pool& pool, held_up& h) { co_return co_await pool.run(std::ref(h)); }

// Runs `body` in another thread, and the loop of this one as long as that takes.
template <class Body>
void from_another_thread(Body body) {
    auto main = [](Body& body) -> task<void> {
        loop& here = this_loop();
        const outside_work at_work(*here.core().engine);
        event done;
        notifier told(here, [&done] { done.set(); });
        std::thread worker([&] {
            body(here);
            told.notify();
        });
        co_await done.wait();
        worker.join();
    };
    async::run(main(body));
}

task<int> add_after(std::chrono::milliseconds delay, int a, int b) {
    co_await sleep(delay);
    co_return a + b;
}

}  // namespace

TEST_CASE("58: work in the queue is taken out by a cancel; work that runs is not, and its result comes later") {
    async::thread_pool pool{1};
    on_every_engine([&pool]() -> task<void> {
        held_up first, second;
        auto runs = create_task(hold_up(pool, first));
        co_await first.begun.opened();
        auto waits = create_task(hold_up(pool, second));
        co_await settle();
        runs.cancel();
        waits.cancel();
        co_await waits.wait();
        CHECK(waits.cancelled());
        co_await settle();
        CHECK_FALSE(runs.done());
        first.release.open();
        co_await runs.wait();
        CHECK_FALSE(runs.cancelled());
        CHECK(runs.result() == 5);
        CHECK_FALSE(second.begun.is_open());
        const int again = co_await pool.run([] { return 7; });
        CHECK(again == 7);
    });
}

TEST_CASE("146: the result of a task that another thread hands over comes back") {
    from_another_thread([](loop& there) { CHECK(run_coroutine_threadsafe(add_after(0ms, 1, 2), there).get() == 3); });
}

TEST_CASE("146: so does what it throws") {
    from_another_thread([](loop& there) {
        auto fail = []() -> task<int> {
            co_await yield();
            throw std::runtime_error("Fail!");
        };
        CHECK_THROWS_WITH_AS(run_coroutine_threadsafe(fail(), there).get(), "Fail!", std::runtime_error);
    });
}

TEST_CASE("146: a thread that has waited long enough cancels the task") {
    from_another_thread([](loop& there) {
        bool cancelled_there = false;
        thread_gate begun;
        auto wait = [](thread_gate& begun, bool& cancelled_there) -> task<void> {
            begun.open();
            event never;
            try {
                co_await never.wait();
            } catch (const cancelled&) {
                cancelled_there = true;
                throw;
            }
        };
        auto future = run_coroutine_threadsafe(wait(begun, cancelled_there), there);
        begun.pass();
        CHECK(future.wait_for(1ms) == std::future_status::timeout);
        future.cancel();
        CHECK_THROWS_AS(future.get(), task_cancelled);
        run_coroutine_threadsafe(settle(), there).get();
        CHECK(cancelled_there);
    });
}

TEST_CASE("146: a task that is cancelled on its loop is so for the thread too") {
    from_another_thread([](loop& there) {
        auto cancel_all = []() -> task<void> {
            auto& tasks = *this_loop().core().tasks;
            for (auto* t = tasks.all.first(); t; t = tasks.all.after(t)) {
                auto* block = static_cast<detail::control_block*>(t);
                if (block->name() == "victim") block->own_scope.cancel();
            }
            co_return;
        };
        auto future = run_coroutine_threadsafe(add_after(24h, 1, 2), there, "victim");
        run_coroutine_threadsafe(cancel_all(), there).get();
        CHECK_THROWS_WITH_AS(future.get(), "the task 'victim' was cancelled", task_cancelled);
    });
}

TEST_CASE("146: a loop that goes tells the thread that waits") {
    std::vector<std::thread> threads;
    thread_gate handed_over;
    {
        runner r;
        threads.emplace_back([&] {
            auto future = run_coroutine_threadsafe(add_after(24h, 1, 2), r.loop());
            handed_over.open();
            try {
                future.get();
                CHECK(false);
            } catch (const std::system_error& e) {
                CHECK(e.code() == errc::closed);
            } catch (const task_cancelled&) {
            }
        });
        handed_over.pass();
        r.turn(turn::no_wait);
    }
    threads[0].join();
}

TEST_CASE("160: virtual time does not jump while a thread works for a task") {
    for (const bool abandonable : {false, true}) {
        auto main = [](bool abandonable) -> task<void> {
            async::thread_pool pool{1};
            const time_point begun = this_loop().now();
            auto nap = create_task(add_after(24h, 1, 2));
            auto work = [] { std::this_thread::sleep_for(2ms); };
            for (int i = 0; i < 3; ++i) {
                if (abandonable) {
                    co_await to_thread(abandon_on_cancel, work);
                    co_await pool.run(abandon_on_cancel, work);
                } else {
                    co_await to_thread(work);
                    co_await pool.run(work);
                }
            }
            CHECK_FALSE(nap.done());
            CHECK(this_loop().now() - begun < 1s);
            const int sum = co_await nap;
            CHECK(sum == 3);
            CHECK(this_loop().now() - begun >= 24h);
        };
        async::sim::run(1, main(abandonable));
    }
}

TEST_CASE("160: nor while work goes on that its task has left") {
    auto main = []() -> task<void> {
        held_up h;
        auto part = [](held_up& h) -> task<void> { co_await to_thread(abandon_on_cancel, std::ref(h)); };
        auto handle = create_task(part(h));
        co_await h.begun.opened();
        handle.cancel();
        co_await handle.wait();
        CHECK(handle.cancelled());
        const time_point left = this_loop().now();
        std::thread releaser([&h] {
            std::this_thread::sleep_for(2ms);
            h.release.open();
        });
        co_await sleep(24h);
        CHECK(h.ended.is_open());
        CHECK(this_loop().now() - left >= 24h);
        releaser.join();
    };
    async::run(main(), {.engine = engine_kind::sim});
}

TEST_CASE("160: work may hand tasks over to the loop that waits for it") {
    auto main = []() -> task<void> {
        loop& here = this_loop();
        auto work = [&here] {
            int sum = 0;
            for (int i = 0; i < 400; ++i) sum = run_coroutine_threadsafe(add_after(0ms, sum, i), here).get();
            return sum;
        };
        const int sum = co_await to_thread(work);
        CHECK(sum == 79800);
    };
    async::sim::run(1, main());
    async::run(main());
}

TEST_CASE("160: the run of a seed does not depend on how long threads take") {
    auto main = []() -> task<void> {
        async::thread_pool pool{2};
        auto part = [](async::thread_pool& pool, int n) -> task<void> {
            static int calls = 0;
            auto work = [n, dawdle = ++calls * 7 % 5] {
                if (dawdle == 0) std::this_thread::sleep_for(1ms);
                return n;
            };
            for (int i = 0; i < 3; ++i) {
                const int got = n % 2 == 0 ? co_await pool.run(work) : co_await to_thread(work);
                async::sim::note(static_cast<std::uint64_t>(got));
            }
        };
        std::vector<task<void>> parts;
        for (int n = 0; n < 8; ++n) parts.push_back(part(pool, n));
        co_await gather(std::move(parts));
    };
    std::uint64_t hash = 0;
    for (int i = 0; i < 5; ++i) {
        async::sim::simulation s(3);
        s.run(main());
        if (i != 0) CHECK(s.trace_hash() == hash);
        hash = s.trace_hash();
    }
}
