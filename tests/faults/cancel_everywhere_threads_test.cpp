// Functions in threads, and context variables, cancelled at every suspension: nothing that runs is lost from sight,
// what is given up goes on alone, and variables have the values that they should.
#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include <libasync/coro/context_var.hpp>
#include <libasync/coro/thread_pool.hpp>
#include <libasync/coro/to_thread.hpp>

#include <tests/support/cancel.hpp>
#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

// What a function in a thread refers to; shared, since it may be left behind.
struct counts {
    std::atomic<int> begun{0};
    std::atomic<int> ended{0};
};

int work(const std::shared_ptr<counts>& c, int n) {
    ++c->begun;
    std::this_thread::yield();
    ++c->ended;
    return n;
}

// Until nothing is left but the scenario.
task<void> alone() {
    auto& tasks = *this_loop().core().tasks;
    while (tasks.all.after(tasks.all.first()) != nullptr) co_await yield();
}

// `call` makes one call of `work`.
template <class Call>
void check_calls(Call call, bool waits) {
    const auto scenario = [=](cancel_subject& subject) -> task<void> {
        auto c = std::make_shared<counts>();
        auto part = [call](std::shared_ptr<counts> c) -> task<int> {
            int sum = 0;
            for (int i = 1; i <= 3; ++i) {
                const int before = c->ended;
                const int got = co_await call(c, i);
                must(got == i, "the result is that of the call");
                must(c->ended > before, "it has been called");
                sum += got;
            }
            co_return sum;
        };
        auto ending = co_await subject.run(part(c));
        must_not_fail(ending);
        if (ending.completed()) must(ending.value() == 6 && c->ended == 3, "all were called");
        if (waits) must(c->begun == c->ended, "what runs is waited for");
        co_await alone();
        must(c->begun == c->ended, "what was left has ended");
        must(c.use_count() == 1, "no copy of the arguments is left");
    };
    check_outcomes(cancel_everywhere(scenario, with_all_deliveries));
}

}  // namespace

TEST_CASE("to_thread: what runs is waited for, what waits is not called") {
    check_calls([](std::shared_ptr<counts> c, int n) { return to_thread(work, std::move(c), n); }, true);
}

TEST_CASE("to_thread(abandon_on_cancel): what runs goes on alone, with copies of its own") {
    check_calls([](std::shared_ptr<counts> c, int n) { return to_thread(abandon_on_cancel, work, std::move(c), n); },
                false);
}

TEST_CASE("thread_pool::run: as to_thread") {
    async::thread_pool pool{1};
    check_calls([&pool](std::shared_ptr<counts> c, int n) { return pool.run(work, std::move(c), n); }, true);
    check_calls(
        [&pool](std::shared_ptr<counts> c, int n) { return pool.run(abandon_on_cancel, work, std::move(c), n); },
        false);
}

TEST_CASE("several calls that wait for one thread") {
    async::thread_pool pool{1};
    const auto scenario = [&pool](cancel_subject& subject) -> task<void> {
        auto c = std::make_shared<counts>();
        auto part = [](async::thread_pool& pool, std::shared_ptr<counts> c) -> task<void> {
            co_await gather(pool.run(work, c, 1), pool.run(abandon_on_cancel, work, c, 2), pool.run(work, c, 3),
                            pool.run(abandon_on_cancel, work, c, 4));
        };
        const auto ending = co_await subject.run(part(pool, c));
        must_not_fail(ending);
        if (ending.completed()) must(c->ended == 4, "all were called");
        co_await alone();
        must(c->begun == c->ended, "what was left has ended");
        must(c.use_count() == 1, "no copy of the arguments is left");
    };
    check_outcomes(cancel_everywhere(scenario, {.deliveries = all_but_destruction}));
}

TEST_CASE("a pool that ends while a task waits for it") {
    const auto scenario = [](cancel_subject& subject) -> task<void> {
        auto pool = std::make_unique<async::thread_pool>(1);
        auto c = std::make_shared<counts>();
        auto part = [](std::unique_ptr<async::thread_pool>& pool, std::shared_ptr<counts> c) -> task<void> {
            auto call = pool->run(work, c, 1);
            auto loose = pool->run(abandon_on_cancel, work, c, 1);
            auto end = [](std::unique_ptr<async::thread_pool>& pool) -> task<void> {
                co_await yield();
                pool.reset();
            };
            auto run = [](auto call) -> task<void> {
                try {
                    static_cast<void>(co_await std::move(call));
                } catch (const std::logic_error&) {  // it was told
                }
            };
            co_await gather(run(std::move(call)), run(std::move(loose)), end(pool));
        };
        must_not_fail(co_await subject.run(part(pool, c)));
        co_await alone();
        must(c->begun == c->ended, "what was called has ended");
        must(c.use_count() == 1, "no copy of the arguments is left");
    };
    check_outcomes(cancel_everywhere(scenario, {.deliveries = all_but_destruction}));
}

TEST_CASE("context_var: a scope ends with its block, however that is left") {
    static const context_var<std::string> name{"name", "none"};
    const auto scenario = [](cancel_subject& subject) -> task<void> {
        auto inner = []() -> task<void> {
            const auto scope = name.scoped("inner");
            co_await yield();
            co_await sleep(1ms);
            must(name.get() == "inner", "the value holds");
        };
        auto part = [](auto inner) -> task<void> {
            const auto scope = name.scoped("outer");
            for (int i = 0; i < 2; ++i) {
                try {
                    co_await inner();
                } catch (...) {
                    must(name.get() == "outer", "the value is taken back");
                    throw;
                }
                must(name.get() == "outer", "the value is taken back");
                co_await gather(inner(), inner());
                must(name.get() == "outer", "children change their own");
            }
        };
        must_not_fail(co_await subject.run(part(inner)));
        must(name.get() == "none", "nobody else has seen it");
    };
    check_cancelled(cancel_everywhere(scenario, {.deliveries = all_but_destruction}));
}
