#include <libasync/coro/submit.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <libasync/coro/context_var.hpp>
#include <libasync/coro/current_task.hpp>
#include <libasync/coro/run.hpp>
#include <libasync/testing/destroyable.hpp>

#include <tests/support/expect.hpp>
#include <tests/support/other_loop.hpp>
#include <tests/support/scripted.hpp>
#include <tests/support/system.hpp>

using namespace async_tests;

namespace {

task<std::thread::id> where() {
    co_await yield();
    co_return std::this_thread::get_id();
}
task<int> number(int n) {
    co_await yield();
    co_return n;
}
task<int> failing() {
    co_await yield();
    throw std::invalid_argument("no");
}
task<int> sleep_long(std::atomic<int>& cancellations) {
    try {
        co_await sleep(24h);
    } catch (const cancelled&) {
        ++cancellations;
        throw;
    }
    co_return 0;
}

// In a simulated world time does not pass while another thread is at work for it.
template <class Body>
void run_beside(Body body) {
    other_loop other;
    async::run([](other_loop& other, Body& body) -> task<void> {
        const outside_work at_work(this_engine());
        co_await body(other);
    }(other, body));
}

}  // namespace

TEST_CASE("a submitted task runs on the other loop, and its outcome comes here") {
    run_beside([](other_loop& other) -> task<void> {
        const std::thread::id id = co_await other->submit(where());
        CHECK(id != std::this_thread::get_id());
        const int n = co_await other->submit(number(3), "three");
        CHECK(n == 3);
        const bool failed = co_await throws<std::invalid_argument>(other->submit(failing()));
        CHECK(failed);
        auto own = []() -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(4); };
        const std::unique_ptr<int> p = co_await other->submit(own());
        CHECK(*p == 4);
        int x = 0;
        auto reference = [](int& i) -> task<int&> { co_return i; };
        const int& r = co_await other->submit(reference(x));
        CHECK(&r == &x);
        auto nothing = []() -> task<void> { co_return; };
        co_await other->submit(nothing());
    });
}

TEST_CASE("many at once, from here and from there, and to the own loop") {
    run_beside([](other_loop& other) -> task<void> {
        std::vector<task<int>> tasks;
        for (int i = 0; i < 200; ++i) tasks.push_back(other->submit(number(i)));
        const std::vector<int> got = co_await gather(std::move(tasks));
        for (int i = 0; i < 200; ++i) CHECK(got[static_cast<std::size_t>(i)] == i);

        auto there_and_back = [](loop& home) -> task<int> {
            const int n = co_await home.submit(number(20));
            co_return n + 1;
        };
        const int n = co_await other->submit(there_and_back(this_loop()));
        CHECK(n == 21);
        const int own = co_await this_loop().submit(number(7));
        CHECK(own == 7);
    });
}

TEST_CASE("an empty task is refused, and one that is never awaited never runs") {
    run_beside([](other_loop& other) -> task<void> {
        auto t = number(1);
        auto moved = std::move(t);
        CHECK_THROWS_AS(static_cast<void>(other->submit(std::move(t))), std::logic_error);
        std::atomic<bool> ran{false};
        auto mark = [](std::atomic<bool>& ran) -> task<void> {
            ran = true;
            co_return;
        };
        { auto dropped = other->submit(mark(ran)); }
        co_await other->submit(number(0));
        CHECK_FALSE(ran);
        co_await std::move(moved);
    });
}

TEST_CASE("who is cancelled while it waits cancels the task there, and waits for its end") {
    run_beside([](other_loop& other) -> task<void> {
        for (int i = 0; i < 20; ++i) {
            std::atomic<int> cancellations{0};
            auto waiting = create_task(other->submit(sleep_long(cancellations)));
            if (i % 3 != 0) co_await yield();
            if (i % 3 == 2) co_await other->submit(number(0));  // it has begun by then
            waiting.cancel();
            waiting.cancel();
            co_await waiting.wait();
            CHECK(waiting.cancelled());
            if (i % 3 == 2) CHECK(cancellations == 1);
        }
        const auto late = co_await move_on_after(1ms, other->submit(number(3)));
        CHECK((!late || *late == 3));
    });
}

TEST_CASE("a task that gives its result although it was cancelled gives it to who waits") {
    run_beside([](other_loop& other) -> task<void> {
        thread_gate begun;
        auto stubborn = [](thread_gate& begun) -> task<int> {
            begun.open();
            try {
                co_await sleep(24h);
            } catch (const cancelled&) {
            }
            co_return 5;
        };
        auto waiting = create_task(other->submit(stubborn(begun)));
        co_await begun.opened();
        waiting.cancel();
        const int n = co_await waiting;
        CHECK(n == 5);
    });
}

TEST_CASE("a task that is cancelled there, and not here, is task_cancelled here") {
    run_beside([](other_loop& other) -> task<void> {
        auto gives_up = []() -> task<int> {
            auto self = current_task();
            self.cancel();
            co_await sleep(24h);
            co_return 0;
        };
        const bool told = co_await throws<task_cancelled>(other->submit(gives_up(), "quitter"));
        CHECK(told);
        std::atomic<int> cancellations{0};
        auto waiting = create_task(other->submit(sleep_long(cancellations)));
        co_await yield();
        co_await other->submit(number(0));
        other.end_main();  // cancels what else runs there
        const bool ended = co_await throws<task_cancelled>(std::move(waiting));
        CHECK(ended);
        CHECK(cancellations == 1);
    });
}

TEST_CASE("what a loop that goes has not begun is errc::closed") {
    run_beside([](other_loop& other) -> task<void> {
        other.end_main();
        auto waiting = create_task(other->submit(number(1)));
        for (int i = 0; i < 5; ++i) co_await yield();
        CHECK_FALSE(waiting.done());
        other.let_go();
        const std::error_code code = co_await error_of(std::move(waiting));
        CHECK(code == errc::closed);
    });
}

TEST_CASE("a task has the context variables of who awaits it, and its name") {
    static const context_var<int> tag{"tag"};
    run_beside([](other_loop& other) -> task<void> {
        const auto scope = tag.scoped(9);
        auto read = []() -> task<std::string> { co_return current_task().name() + std::to_string(tag.get()); };
        const std::string got = co_await other->submit(read(), "named ");
        CHECK(got == "named 9");
    });
}

TEST_CASE("a waiter that is destroyed where it waits cancels the task there") {
    run_beside([](other_loop& other) -> task<void> {
        thread_gate begun;
        auto quit = [](thread_gate& begun, std::atomic<bool>& ended) -> task<int> {
            begun.open();
            try {
                co_await sleep(24h);
            } catch (const cancelled&) {
                ended = true;
                throw;
            }
            co_return 0;
        };
        std::atomic<bool> ended{false};
        {
            task<int> inner = other->submit(quit(begun, ended));
            std::optional<int> value;
            async::detail::test_gate over;
            auto frame = async::detail::await_destroyably(std::move(inner), value);
            frame.start(this_loop().core(), over);
            co_await begun.opened();
        }
        while (!ended) co_await yield();
    });
}
