#include <libasync/coro/run_coroutine_threadsafe.hpp>

#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include <libasync/coro/context_var.hpp>
#include <libasync/loop/notifier.hpp>
#include <libasync/sync/event.hpp>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>
#include <tests/support/system.hpp>
#include <tests/support/thread_gate.hpp>

using namespace async_tests;

namespace {

task<int> number(int n) {
    co_await yield();
    co_return n;
}
task<void> nothing() { co_await yield(); }
task<int&> reference(int& n) {
    co_await yield();
    co_return n;
}
task<int> failing() {
    co_await yield();
    throw std::invalid_argument("no");
}
task<void> sleep_long() { co_await sleep(24h); }
task<int> keep(counted c) {
    co_await yield();
    co_return c.value;
}

// Runs `body` in another thread while a loop runs; the loop ends when the thread does.
template <class Body>
void beside_a_loop(Body body, const loop_options& options = {}) {
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
    async::run(main(body), options);
}

template <class Future>
std::string failure_of(Future& future) {
    try {
        static_cast<void>(future.get());
    } catch (const std::exception& e) {
        return e.what();
    }
    return {};
}

}  // namespace

TEST_CASE("a task that another thread hands over runs on the loop, and its future gives the outcome") {
    beside_a_loop([](loop& there) {
        auto where = []() -> task<std::thread::id> { co_return std::this_thread::get_id(); };
        CHECK(run_coroutine_threadsafe(where(), there).get() != std::this_thread::get_id());
        CHECK(run_coroutine_threadsafe(number(3), there).get() == 3);
        CHECK_NOTHROW(run_coroutine_threadsafe(nothing(), there).get());
        int n = 0;
        CHECK(&run_coroutine_threadsafe(reference(n), there).get() == &n);
        CHECK_THROWS_AS(run_coroutine_threadsafe(failing(), there).get(), std::invalid_argument);
        auto own = []() -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(4); };
        CHECK(*run_coroutine_threadsafe(own(), there).get() == 4);
    });
}

TEST_CASE("the future is a std::future") {
    beside_a_loop([](loop& there) {
        std::future<int> future = run_coroutine_threadsafe(number(3), there);
        CHECK(future.get() == 3);
        std::shared_future<int> shared = run_coroutine_threadsafe(number(4), there).share();
        CHECK(shared.get() == 4);
        threadsafe_future<int> empty;
        CHECK_FALSE(empty.valid());
        empty.cancel();
        empty = run_coroutine_threadsafe(number(5), there);
        CHECK(empty.wait_for(20s) == std::future_status::ready);
        empty.wait();
        CHECK(empty.get() == 5);
        CHECK_FALSE(empty.valid());
    });
}

TEST_CASE("an empty task is refused") {
    beside_a_loop([](loop& there) {
        auto t = number(1);
        auto other = std::move(t);
        CHECK_THROWS_AS(static_cast<void>(run_coroutine_threadsafe(std::move(t), there)), std::logic_error);
    });
}

TEST_CASE("cancel through the future cancels the task, wherever it is") {
    beside_a_loop([](loop& there) {
        for (int i = 0; i < 20; ++i) {
            auto future = run_coroutine_threadsafe(sleep_long(), there, "sleeper");
            if (i % 2 == 0) std::this_thread::yield();
            future.cancel();
            future.cancel();
            CHECK(failure_of(future) == "the task 'sleeper' was cancelled");
            future.cancel();
        }
        auto future = run_coroutine_threadsafe(number(3), there);
        CHECK(future.wait_for(20s) == std::future_status::ready);
        future.cancel();
        CHECK(future.get() == 3);
    });
}

TEST_CASE("a task that is cancelled on its loop tells its future") {
    beside_a_loop([](loop& there) {
        auto cancel_itself = []() -> task<void> {
            static_cast<detail::control_block*>(detail::this_core->current)->own_scope.cancel();
            co_await yield();
            co_await yield();
        };
        auto future = run_coroutine_threadsafe(cancel_itself(), there);
        CHECK_THROWS_AS(future.get(), task_cancelled);
    });
}

TEST_CASE("a task that catches its cancellation may give a value all the same") {
    beside_a_loop([](loop& there) {
        auto stubborn = [](thread_gate& begun) -> task<int> {
            try {
                begun.open();
                co_await sleep(24h);
            } catch (const cancelled&) {
            }
            co_return 6;
        };
        thread_gate begun;
        auto future = run_coroutine_threadsafe(stubborn(begun), there);
        begun.pass();
        future.cancel();
        CHECK(future.get() == 6);
    });
}

TEST_CASE("at the end of run what is left is cancelled, and the futures are told") {
    std::optional<threadsafe_future<void>> running, not_begun;
    auto main = [&]() -> task<void> {
        running.emplace(run_coroutine_threadsafe(sleep_long(), this_loop(), "left"));
        co_await yield();
        co_await yield();
        not_begun.emplace(run_coroutine_threadsafe(sleep_long(), this_loop(), "late"));
    };
    async::run(main());
    CHECK(failure_of(*running) == "the task 'left' was cancelled");
    CHECK_THROWS(not_begun->get());
    running->cancel();
    not_begun->cancel();
}

TEST_CASE("a loop that goes before the task has begun tells the future, and destroys the task") {
    counted::reset();
    std::optional<threadsafe_future<int>> future;
    {
        runner r;
        std::thread([&] { future.emplace(run_coroutine_threadsafe(keep(counted(1)), r.loop())); }).join();
        CHECK(counted::alive() == 1);
        CHECK(future->wait_for(0s) == std::future_status::timeout);
    }
    CHECK(counted::alive() == 0);
    future->cancel();
    try {
        future->get();
        CHECK(false);
    } catch (const std::system_error& e) {
        CHECK(e.code() == errc::closed);
        CHECK(std::string(e.what()).find("run_coroutine_threadsafe") == 0);
    }
}

TEST_CASE("a loop that has closed takes nothing more, and the task is destroyed where it was handed over") {
    struct hands_over_at_the_end {
        explicit hands_over_at_the_end(loop* l, std::error_code* o) : there(l), outcome(o) {}
        hands_over_at_the_end(hands_over_at_the_end&& other) noexcept
            : there(std::exchange(other.there, nullptr)),
              outcome(other.outcome) {}
        ~hands_over_at_the_end() {
            if (!there) return;
            std::thread([this] {
                try {
                    static_cast<void>(run_coroutine_threadsafe(keep(counted(1)), *there));
                } catch (const std::system_error& e) {
                    *outcome = e.code();
                }
            }).join();
        }
        loop* there;
        std::error_code* outcome;
    };
    counted::reset();
    std::error_code outcome;
    {
        runner r;
        r.loop().call_later(1h, [h = hands_over_at_the_end(&r.loop(), &outcome)] { static_cast<void>(h); });
    }
    CHECK(outcome == errc::closed);
    CHECK(counted::alive() == 0);
}

TEST_CASE("a future that is dropped lets its task run on, and its failure is reported") {
    scripted_runner s;
    const report_recorder recorder(s.loop());
    bool ended = false;
    auto note = [&ended]() -> task<void> {
        co_await yield();
        ended = true;
    };
    std::thread([&] { static_cast<void>(run_coroutine_threadsafe(note(), s.loop())); }).join();
    s.turns(4);
    CHECK(ended);
    CHECK(recorder.reports.empty());
    {
        auto dropped = run_coroutine_threadsafe(failing(), s.loop(), "unloved");
        auto held = run_coroutine_threadsafe(failing(), s.loop(), "loved");
        dropped = run_coroutine_threadsafe(number(1), s.loop());
        s.turns(4);
        CHECK(dropped.get() == 1);
        CHECK(failure_of(held) == "no");
    }
    REQUIRE(recorder.reports.size() == 1);
    CHECK(recorder.reports[0].task_name == "unloved");
}

TEST_CASE("on the loop's own thread nobody waits for what could never come") {
    scripted_runner s;
    auto future = run_coroutine_threadsafe(number(2), s.loop());
    CHECK_THROWS_AS(future.get(), std::logic_error);
    CHECK_THROWS_AS(future.wait(), std::logic_error);
    CHECK(future.valid());
    s.turns(4);
    CHECK(future.get() == 2);
}

TEST_CASE("a loop without tasks says so through the future") {
    async::loop bare(std::make_unique<io::scripted_engine>(), {});
    auto future = run_coroutine_threadsafe(number(2), bare);
    bare.core().turn(detail::wait::no);
    CHECK(failure_of(future) == "run_coroutine_threadsafe: the loop runs no tasks");
}

TEST_CASE("the task has the context variables of the thread that hands it over") {
    static const context_var<std::string> name{"name"};
    auto look = []() -> task<std::string> { co_return name.get_or("-"); };
    beside_a_loop([&look](loop& there) {
        CHECK(run_coroutine_threadsafe(look(), there).get() == "-");
        const auto scope = name.scoped("of the thread");
        CHECK(run_coroutine_threadsafe(look(), there).get() == "of the thread");
    });
}

namespace {

task<int> busy(int n) {
    for (int i = 0; i < n % 4; ++i) co_await yield();
    if (n % 7 == 0) co_await sleep(24h);
    if (n % 5 == 0) throw std::invalid_argument("five");
    co_return n;
}

}  // namespace

TEST_CASE("many threads at once: every future gets its outcome, cancelled or not") {
    constexpr int threads = 4;
    constexpr int calls = 150;
    std::atomic<int> right{0};
    auto main = [&]() -> task<void> {
        loop& here = this_loop();
        here.set_exception_handler([](const exception_context&) {});
        const outside_work at_work(*here.core().engine);
        std::atomic<int> left{threads};
        event done;
        notifier told(here, [&done] { done.set(); });
        std::vector<std::thread> workers;
        for (int t = 0; t < threads; ++t) {
            workers.emplace_back([&] {
                for (int i = 0; i < calls; ++i) {
                    auto future = run_coroutine_threadsafe(busy(i), here);
                    if (i % 7 == 0 || i % 3 == 0) future.cancel();
                    if (i % 11 == 1) {
                        ++right;  // dropped
                        continue;
                    }
                    try {
                        right += future.get() == i && i % 5 != 0 && i % 7 != 0;
                    } catch (const task_cancelled&) {
                        right += i % 7 == 0 || i % 3 == 0;
                    } catch (const std::invalid_argument&) {
                        right += i % 5 == 0;
                    }
                }
                if (--left == 0) told.notify();
            });
        }
        co_await done.wait();
        for (std::thread& w : workers) w.join();
    };
    async::run(main());
    CHECK(right == threads * calls);
}

TEST_CASE("a loop that goes while threads hold futures, and cancel, leaves none of them waiting") {
    constexpr int threads = 4;
    constexpr int calls = 20;
    for (int round = 0; round < 10; ++round) {
        std::atomic<int> told{0};
        std::atomic<int> handed_over{0};
        std::vector<std::thread> workers;
        {
            runner r;
            for (int t = 0; t < threads; ++t) {
                workers.emplace_back([&] {
                    std::vector<threadsafe_future<void>> futures;
                    for (int i = 0; i < calls; ++i) futures.push_back(run_coroutine_threadsafe(sleep_long(), r.loop()));
                    ++handed_over;
                    for (auto& future : futures) {
                        future.cancel();
                        try {
                            future.get();
                        } catch (const task_cancelled&) {
                            ++told;
                        } catch (const std::system_error& e) {
                            told += e.code() == errc::closed;
                        }
                    }
                });
            }
            while (handed_over != threads) {
                if (round % 3 != 0) r.turn(turn::no_wait);
            }
            for (int i = 0; i < round; ++i) r.turn(turn::no_wait);
        }
        for (std::thread& w : workers) w.join();
        CHECK(told == threads * calls);
    }
}
