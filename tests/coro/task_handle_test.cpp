#include <libasync/coro/task_handle.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <vector>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

static_assert(!std::is_copy_constructible_v<task_handle<int>>);

namespace {

task<int> number_later(int n) {
    co_await yield();
    co_return n;
}

task<int> fail_later(std::string text) {
    co_await yield();
    if (!text.empty()) throw std::runtime_error(text);
    co_return 0;
}

task<void> append(std::vector<int>& to, int n) {
    to.push_back(n);
    co_return;
}

task<void> wait_for_ever(bool& started) {
    started = true;
    co_await sleep(24h);
}

}  // namespace

TEST_CASE("create_task runs nothing at once; tasks start in the order they were created") {
    on_every_engine([]() -> task<void> {
        std::vector<int> order;
        auto a = create_task(append(order, 1));
        auto b = create_task(append(order, 2));
        auto c = create_task(append(order, 3));
        CHECK(order.empty());
        co_await c;
        CHECK(order == std::vector{1, 2, 3});
        CHECK(a.done());
        CHECK(b.done());
    });
}

TEST_CASE("co_await of a handle moves the result out: values, move-only, references, nothing") {
    on_every_engine([]() -> task<void> {
        auto unique = [](int n) -> task<std::unique_ptr<int>> {
            co_await yield();
            co_return std::make_unique<int>(n);
        };
        auto same = [](int& i) -> task<int&> {
            co_await yield();
            co_return i;
        };
        auto nothing = []() -> task<void> { co_await yield(); };
        auto p = create_task(unique(5));
        int i = 0;
        auto r = create_task(same(i));
        auto n = create_task(nothing());
        const std::unique_ptr<int> got = co_await p;
        CHECK(*got == 5);
        int& alias = co_await r;
        CHECK(&alias == &i);
        co_await n;
    });
}

TEST_CASE("a result is given once: the second await is an error") {
    on_every_engine([]() -> task<void> {
        auto handle = create_task(number_later(3));
        const int n = co_await handle;
        CHECK(n == 3);
        bool refused = false;
        try {
            co_await handle;
        } catch (const std::logic_error&) {
            refused = true;
        }
        CHECK(refused);
        CHECK_THROWS_AS(static_cast<void>(handle.result()), std::logic_error);
    });
}

TEST_CASE("of two that join the same task both go on: one has the result, the other an error") {
    on_every_engine([]() -> task<void> {
        auto handle = create_task(number_later(3));
        auto join = [](task_handle<int>& h) -> task<int> { co_return co_await h; };
        auto first = create_task(join(handle));
        auto second = create_task(join(handle));
        const int n = co_await first;
        CHECK(n == 3);
        const bool refused = co_await throws<std::logic_error>(std::move(second));
        CHECK(refused);
    });
}

TEST_CASE("a failure is given to everybody who asks") {
    on_every_engine([]() -> task<void> {
        auto handle = create_task(fail_later("broke"));
        for (int i = 0; i < 2; ++i) {
            std::string what;
            try {
                co_await handle;
            } catch (const std::runtime_error& e) {
                what = e.what();
            }
            CHECK(what == "broke");
        }
        CHECK(what_of(handle.exception()) == "broke");
        CHECK_THROWS_AS(static_cast<void>(handle.result()), std::runtime_error);
    });
}

TEST_CASE("an empty handle cannot be awaited or watched, and an empty task cannot be started") {
    on_every_engine([]() -> task<void> {
        const bool joined = co_await throws<std::logic_error>(task_handle<int>());
        CHECK(joined);
        const task_handle<int> empty;
        CHECK_FALSE(static_cast<bool>(empty));
        const bool watched = co_await throws<std::logic_error>(empty.wait());
        CHECK(watched);
        CHECK_THROWS_AS(create_task(task<void>()), std::logic_error);
    });
}

TEST_CASE("create_task outside a loop is an error") {
    std::error_code code;
    try {
        create_task(number_later(1));
    } catch (const std::system_error& e) {
        code = e.code();
    }
    CHECK(code == errc::no_loop);
}

TEST_CASE("a task that waits for itself gets an error, not a deadlock") {
    on_every_engine([]() -> task<void> {
        task_handle<void> self;
        auto body = [](task_handle<void>& me, int& errors) -> task<void> {
            try {
                co_await me;
            } catch (const std::logic_error&) {
                ++errors;
            }
            try {
                co_await me.wait();
            } catch (const std::logic_error&) {
                ++errors;
            }
        };
        int errors = 0;
        self = create_task(body(self, errors));
        co_await self;
        CHECK(errors == 2);
    });
}

TEST_CASE("the members tell the state, and refuse to tell an outcome that is not there") {
    on_every_engine([]() -> task<void> {
        auto handle = create_task(number_later(3), "three");
        CHECK(handle.name() == "three");
        CHECK_FALSE(handle.done());
        CHECK_FALSE(handle.cancelled());
        CHECK_THROWS_AS(static_cast<void>(handle.result()), std::logic_error);
        CHECK_THROWS_AS(static_cast<void>(handle.exception()), std::logic_error);
        co_await handle.wait();
        CHECK(handle.done());
        CHECK(handle.exception() == nullptr);
        CHECK(handle.result() == 3);

        bool started = false;
        auto endless = create_task(wait_for_ever(started), "endless");
        co_await yield();
        endless.cancel();
        CHECK_FALSE(endless.cancelled());
        co_await endless.wait();
        CHECK(endless.cancelled());
        CHECK_THROWS_AS(endless.result(), task_cancelled);
        CHECK_THROWS_AS(static_cast<void>(endless.exception()), task_cancelled);
    });
}

TEST_CASE("a task without a name gets one of its own") {
    on_every_engine([]() -> task<void> {
        auto a = create_task(number_later(1));
        auto b = create_task(number_later(2));
        CHECK(a.name().find("task-") == 0);
        CHECK(a.name() != b.name());
        co_await a.wait();
        co_await b.wait();
    });
}

TEST_CASE("wait only watches: the result stays, and cancelling the watcher leaves the task alone") {
    on_every_engine([]() -> task<void> {
        auto slow = []() -> task<int> {
            co_await sleep(3ms);
            co_return 8;
        };
        auto handle = create_task(slow());
        auto watch = [](task_handle<int>& h) -> task<void> { co_await h.wait(); };
        auto watcher = create_task(watch(handle));
        co_await yield();
        watcher.cancel();
        co_await watcher.wait();
        CHECK(watcher.cancelled());
        CHECK_FALSE(handle.done());
        co_await handle.wait();
        co_await handle.wait();
        const int n = co_await handle;
        CHECK(n == 8);
    });
}

TEST_CASE("a handle may be moved, and dropped, while it is awaited") {
    on_every_engine([]() -> task<void> {
        auto handle = create_task(number_later(3));
        auto join = [](task_handle<int>& h) -> task<int> { co_return co_await h; };
        auto joiner = create_task(join(handle));
        co_await yield();
        {
            const task_handle<int> elsewhere = std::move(handle);
        }
        const int n = co_await joiner;
        CHECK(n == 3);
    });
}

TEST_CASE("done callbacks are called in a turn after the end, in the order of registration") {
    scripted_runner s;
    report_recorder recorder(s.loop());
    std::vector<int> order;
    auto handle = s.runner.create_task(number_later(1));
    handle.add_done_callback([&] { order.push_back(1); });
    handle.add_done_callback([&] {
        order.push_back(2);
        handle.add_done_callback([&] { order.push_back(4); });
        throw std::runtime_error("callback broke");
    });
    handle.add_done_callback([&] { order.push_back(3); });
    s.turns(1);
    CHECK_FALSE(handle.done());
    s.turns(1);
    CHECK(handle.done());
    CHECK(order.empty());
    s.turns(1);
    CHECK(order == std::vector{1, 2, 3});
    s.turns(1);
    CHECK(order == std::vector{1, 2, 3, 4});
    REQUIRE(recorder.reports.size() == 1);
    CHECK(recorder.reports[0].what == "callback broke");
}

TEST_CASE("a handle may outlive the loop: it still gives the result, but nobody can call back any more") {
    std::optional<task_handle<int>> handle;
    {
        scripted_runner s;
        handle = s.runner.create_task(number_later(5));
    }
    CHECK(handle->cancelled());
    CHECK_THROWS_WITH_AS(handle->add_done_callback([] {}), doctest::Contains("add_done_callback"), std::system_error);
    {
        scripted_runner s;
        handle = s.runner.create_task(number_later(5));
        s.turns(2);
    }
    CHECK_THROWS_WITH_AS(handle->add_done_callback([] {}), doctest::Contains("add_done_callback"), std::system_error);
    CHECK(handle->result() == 5);
}

TEST_CASE("the loop keeps a task alive whose handle was dropped") {
    on_every_engine([]() -> task<void> {
        bool finished = false;
        auto body = [](bool& flag) -> task<void> {
            co_await sleep(1ms);
            flag = true;
        };
        create_task(body(finished));
        co_await sleep(3ms);
        while (!finished) co_await sleep(1ms);
        CHECK(finished);
    });
}

TEST_CASE("the frame, parameters included, is destroyed before those who wait go on") {
    on_every_engine([]() -> task<void> {
        counted::reset();
        auto body = [](counted) -> task<void> {
            const counted local;
            co_await yield();
        };
        auto handle = create_task(body(counted(1)));
        bool alone = false;
        handle.add_done_callback([&] { alone = counted::alive() == 0; });
        co_await handle;
        CHECK(counted::alive() == 0);
        co_await yield();
        CHECK(alone);
    });
}

TEST_CASE("a result whose move throws becomes the failure of its task") {
    struct stubborn {
        stubborn() = default;
        explicit stubborn(int moves) : moves_left(moves) {}
        stubborn(stubborn&& other) : moves_left(other.moves_left - 1) {
            if (moves_left < 0) throw std::runtime_error("it would not move");
        }
        int moves_left = 0;
    };
    on_every_engine([]() -> task<void> {
        auto body = []() -> task<stubborn> {
            co_await yield();
            co_return stubborn(1);
        };
        auto handle = create_task(body());
        co_await handle.wait();
        CHECK(handle.done());
        CHECK(what_of(handle.exception()) == "it would not move");
    });
}
