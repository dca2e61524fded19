#include <libasync/coro/thread_pool.hpp>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include <libasync/coro/context_var.hpp>
#include <libasync/coro/to_thread.hpp>

#include <tests/support/end_of_thread.hpp>
#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>
#include <tests/support/thread_gate.hpp>

using namespace async_tests;

namespace {

int add(int a, int b) { return a + b; }
[[noreturn]] void fail() { throw std::invalid_argument("no"); }

task<void> settle() {
    for (int i = 0; i < 6; ++i) co_await yield();
}

task<int> hold_up(async::thread_pool& pool, held_up& h) { co_return co_await pool.run(std::ref(h)); }
task<int> hold_up_loosely(async::thread_pool& pool, held_up& h) {
    co_return co_await pool.run(abandon_on_cancel, std::ref(h));
}

}  // namespace

TEST_CASE("a pool calls functions in threads of its own") {
    async::thread_pool pool{2};
    CHECK(pool.threads() == 2);
    on_every_engine([&]() -> task<void> {
        const int sum = co_await pool.run(add, 1, 2);
        CHECK(sum == 3);
        const int loose = co_await pool.run(abandon_on_cancel, add, 3, 4);
        CHECK(loose == 7);
        const std::string message = co_await message_of(pool.run(fail));
        CHECK(message == "no");
        const std::thread::id other = co_await pool.run([] { return std::this_thread::get_id(); });
        CHECK(other != std::this_thread::get_id());
    });
}

TEST_CASE("a thread of a pool leaves the context of its work when that has ended") {
    static const context_var<std::string> name{"name", "-"};
    on_every_engine([]() -> task<void> {
        std::string seen;
        bool points_nowhere = false;
        auto work = [&] {
            static thread_local at_end_of_thread end;
            end.call = [&] {
                seen += "," + name.get();
                points_nowhere = detail::values_here() == nullptr;
            };
            seen = name.get();
        };
        static_cast<void>(name.set("task"));
        {
            async::thread_pool pool{1};
            co_await pool.run(std::ref(work));
        }  // waits for its thread
        CHECK(seen == "task,-");
        CHECK(points_nowhere);
    });
}

TEST_CASE("a pool without threads is refused") { CHECK_THROWS_AS(async::thread_pool{0}, std::invalid_argument); }

TEST_CASE("a pool runs as many functions at once as it has threads, and the others in their order") {
    async::thread_pool pool{2};
    on_every_engine([&]() -> task<void> {
        held_up h[4];
        std::vector<task_handle<int>> handles;
        for (held_up& one : h) handles.push_back(create_task(hold_up(pool, one)));
        co_await h[0].begun.opened();
        co_await h[1].begun.opened();
        co_await settle();
        CHECK_FALSE(h[2].begun.is_open());
        h[1].release.open();
        co_await h[2].begun.opened();
        co_await settle();
        CHECK_FALSE(h[3].begun.is_open());
        for (held_up& one : h) one.release.open();
        for (auto& handle : handles) {
            const int result = co_await handle;
            CHECK(result == 5);
        }
    });
}

TEST_CASE("what fills a pool up does not hold up the loop's own, nor another pool") {
    async::thread_pool pool{1};
    async::thread_pool other{1};
    on_every_engine([&]() -> task<void> {
        held_up h;
        auto holder = create_task(hold_up(pool, h));
        co_await h.begun.opened();
        auto waits = create_task(hold_up(pool, h));
        const int in_loop = co_await to_thread(add, 1, 2);
        const int in_other = co_await other.run(add, 3, 4);
        CHECK(in_loop == 3);
        CHECK(in_other == 7);
        CHECK_FALSE(holder.done());
        h.release.open();
        co_await gather(holder.wait(), waits.wait());
    });
}

TEST_CASE("in a pool too, what is queued is taken out when it is cancelled, and what runs is waited for or left") {
    async::thread_pool pool{2};
    on_every_engine([&]() -> task<void> {
        held_up strict, loose, second, third;
        auto runs = create_task(hold_up(pool, strict));
        auto runs_loosely = create_task(hold_up_loosely(pool, loose));
        co_await strict.begun.opened();
        co_await loose.begun.opened();
        auto waits = create_task(hold_up(pool, second));
        auto waits_loosely = create_task(hold_up_loosely(pool, third));
        co_await settle();
        for (auto* handle : {&runs, &runs_loosely, &waits, &waits_loosely}) handle->cancel();
        co_await gather(waits.wait(), waits_loosely.wait(), runs_loosely.wait());
        CHECK(waits.cancelled());
        CHECK(waits_loosely.cancelled());
        CHECK(runs_loosely.cancelled());
        CHECK_FALSE(runs.done());
        strict.release.open();
        const int result = co_await runs;
        CHECK(result == 5);
        loose.release.open();
        co_await loose.ended.opened();
        CHECK_FALSE(second.begun.is_open());
        CHECK_FALSE(third.begun.is_open());
    });
}

TEST_CASE("the end of a pool: what runs gives its result, what is queued is told, and what comes later too") {
    on_every_engine([]() -> task<void> {
        auto pool = std::make_unique<async::thread_pool>(1);
        held_up first, second, third;
        auto runs = create_task(hold_up(*pool, first));
        co_await first.begun.opened();
        auto waits = create_task(hold_up(*pool, second));
        auto waits_loosely = create_task(hold_up_loosely(*pool, third));
        auto later = pool->run(add, 1, 2);
        co_await settle();
        std::thread destroyer;
        if (std::string_view(this_loop().engine_name()) == "sim") {  // keeps to itself what waits for a thread
            first.release.open();
            pool.reset();
        } else {
            destroyer = std::thread([&] { pool.reset(); });
            co_await gather(waits.wait(), waits_loosely.wait());
            CHECK_FALSE(runs.done());
            first.release.open();
        }
        const int result = co_await runs;
        CHECK(result == 5);
        co_await gather(waits.wait(), waits_loosely.wait());
        if (destroyer.joinable()) destroyer.join();
        for (auto* handle : {&waits, &waits_loosely}) {
            CHECK(what_of(handle->exception()) == "thread_pool::run: the pool was destroyed");
            CHECK_THROWS_AS(handle->result(), std::logic_error);
        }
        CHECK_FALSE(second.begun.is_open());
        CHECK_FALSE(third.begun.is_open());
        const std::string message = co_await message_of(std::move(later));
        CHECK(message == "thread_pool::run: the pool was destroyed");
    });
}

TEST_CASE("a cancellation that comes after the end of a pool finds nothing to do") {
    on_every_engine([]() -> task<void> {
        auto pool = std::make_unique<async::thread_pool>(1);
        auto strictly = [](async::thread_pool& pool) -> task<int> { co_return co_await pool.run(add, 1, 2); };
        auto loosely = [](async::thread_pool& pool) -> task<int> {
            co_return co_await pool.run(abandon_on_cancel, add, 1, 2);
        };
        auto runs = create_task(strictly(*pool));
        auto waits = create_task(strictly(*pool));
        auto loose = create_task(loosely(*pool));
        co_await yield();
        pool.reset();
        for (auto* handle : {&runs, &waits, &loose}) handle->cancel();
        co_await gather(runs.wait(), waits.wait(), loose.wait());
        for (auto* handle : {&runs, &waits, &loose}) {
            if (!handle->cancelled()) static_cast<void>(handle->exception());
        }
    });
}

TEST_CASE("one pool serves the loops of several threads, which end when they like") {
    constexpr int loops = 4;
    constexpr int calls = 100;
    async::thread_pool pool{3};
    std::atomic<int> done{0};
    auto main = [](async::thread_pool& pool, std::atomic<int>& done) -> task<void> {
        auto part = [](async::thread_pool& pool, std::atomic<int>& done, int n) -> task<void> {
            const int sum = n % 3 == 0 ? co_await pool.run(abandon_on_cancel, add, n, 1) : co_await pool.run(add, n, 1);
            if (sum == n + 1) ++done;
        };
        std::vector<task<void>> parts;
        for (int i = 0; i < calls; ++i) parts.push_back(part(pool, done, i));
        co_await gather(std::move(parts));
    };
    std::vector<std::thread> threads;
    for (int i = 0; i < loops; ++i) threads.emplace_back([&] { async::run(main(pool, done)); });
    for (std::thread& t : threads) t.join();
    CHECK(done == loops * calls);
}

TEST_CASE("loops that end at once after the last result do not outrun the pool that brings it") {
    async::thread_pool pool{2};
    auto main = [](async::thread_pool& pool) -> task<int> { co_return co_await pool.run(add, 1, 1); };
    for (int i = 0; i < 50; ++i) CHECK(async::run(main(pool)) == 2);
}
