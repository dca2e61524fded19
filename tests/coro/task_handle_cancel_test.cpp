// Cancelling spawned tasks: when it is seen, what it leaves alone, and what those who join see of it.
#include <doctest/doctest.h>

#include <vector>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

task<void> wait_for_ever(bool& started) {
    started = true;
    co_await sleep(24h);
}

task<int> join(task_handle<int>& handle) { co_return co_await handle; }

}  // namespace

TEST_CASE("a task cancelled before its first step never runs: its frame is destroyed, its outcome is cancelled") {
    on_every_engine([]() -> task<void> {
        counted::reset();
        bool started = false;
        auto body = [](bool& flag, counted) -> task<void> {
            flag = true;
            co_return;
        };
        auto handle = create_task(body(started, counted(1)));
        handle.cancel();
        CHECK_FALSE(handle.cancelled());
        CHECK(counted::alive() == 1);
        co_await handle.wait();
        CHECK_FALSE(started);
        CHECK(handle.cancelled());
        CHECK(counted::alive() == 0);
    });
}

TEST_CASE("cancel is a request: the task sees it in a later turn, where it waits") {
    scripted_runner s;
    bool started = false;
    auto handle = s.runner.create_task(wait_for_ever(started));
    s.turns(1);
    CHECK(started);
    handle.cancel();
    handle.cancel();
    CHECK_FALSE(handle.done());
    s.turns(1);
    CHECK(handle.done());
    CHECK(handle.cancelled());
    handle.cancel();
    CHECK(handle.cancelled());
}

TEST_CASE("a task that has ended is not touched by a cancel") {
    on_every_engine([]() -> task<void> {
        auto body = []() -> task<int> { co_return 4; };
        auto handle = create_task(body());
        co_await handle.wait();
        handle.cancel();
        CHECK_FALSE(handle.cancelled());
        const int n = co_await handle;
        CHECK(n == 4);
    });
}

TEST_CASE("cancellation is a level: swallowed, it is raised again at the next await") {
    on_every_engine([]() -> task<void> {
        int raised = 0;
        auto stubborn = [](int& raised) -> task<int> {
            for (int i = 0; i < 5; ++i) {
                try {
                    co_await sleep(24h);
                } catch (const cancelled&) {
                    ++raised;
                }
            }
            co_return raised;
        };
        auto handle = create_task(stubborn(raised));
        co_await yield();
        handle.cancel();
        const int n = co_await handle;
        CHECK(n == 5);
        CHECK_FALSE(handle.cancelled());
    });
}

TEST_CASE("a task that cancels itself goes on to its next await") {
    on_every_engine([]() -> task<void> {
        bool reached = false;
        bool passed = false;
        task_handle<void> self;
        auto body = [](task_handle<void>& me, bool& reached, bool& passed) -> task<void> {
            me.cancel();
            reached = true;
            co_await yield();
            passed = true;
        };
        self = create_task(body(self, reached, passed));
        co_await self.wait();
        CHECK(reached);
        CHECK_FALSE(passed);
        CHECK(self.cancelled());
    });
}

TEST_CASE("a cancelled task that returns without another await has its value") {
    on_every_engine([]() -> task<void> {
        task_handle<int> self;
        auto body = [](task_handle<int>& me) -> task<int> {
            me.cancel();
            co_return 11;
        };
        self = create_task(body(self));
        const int n = co_await self;
        CHECK(n == 11);
    });
}

TEST_CASE("an await that is entered in a cancelled scope has no effect, and raises one turn later") {
    scripted_runner s;
    bool started = false;
    std::vector<std::uint64_t> turns;
    auto body = [](scripted_runner& s, bool& started, std::vector<std::uint64_t>& turns) -> task<void> {
        started = true;
        for (int i = 0; i < 4; ++i) {
            try {
                co_await scripted_operation(1);
            } catch (const cancelled&) {
                turns.push_back(s.loop().statistics().turns);
            }
        }
    };
    auto handle = s.runner.create_task(body(s, started, turns));
    s.turns(1);
    CHECK(s.engine.statistics().submissions == 1);
    handle.cancel();
    s.turns(5);
    CHECK(handle.done());
    CHECK(s.engine.statistics().submissions == 1);
    REQUIRE(turns.size() == 4);
    for (std::size_t i = 1; i < turns.size(); ++i) CHECK(turns[i] == turns[i - 1] + 1);
}

TEST_CASE("a loop that swallows its cancellation freezes neither the other tasks nor timers nor the engine") {
    scripted_runner s;
    bool stop = false;
    int swallowed = 0;
    auto deaf = [](bool& stop, int& swallowed) -> task<void> {
        while (!stop) {
            try {
                co_await sleep(1s);
            } catch (const cancelled&) {
                ++swallowed;
            }
        }
    };
    s.run([](scripted_runner& s, auto& deaf, bool& stop, int& swallowed) -> task<void> {
        auto handle = create_task(deaf(stop, swallowed));
        co_await yield();
        handle.cancel();
        int posted = 0;
        s.loop().post([&] { ++posted; });
        for (int i = 0; i < 100; ++i) co_await yield();
        CHECK(swallowed >= 99);
        CHECK(posted == 1);
        co_await sleep_until(s.loop().now());
        s.engine.after(0s, [&] { s.finish(5, 55); });
        const std::int64_t result = co_await scripted_operation(5);
        CHECK(result == 55);
        stop = true;
        co_await handle.wait();
        CHECK(swallowed < 2000);
    }(s, deaf, stop, swallowed));
}

TEST_CASE("catch (const std::exception&) does not eat a cancellation") {
    on_every_engine([]() -> task<void> {
        bool eaten = false;
        bool started = false;
        auto body = [](bool& eaten, bool& started) -> task<void> {
            try {
                co_await wait_for_ever(started);
            } catch (const std::exception&) {
                eaten = true;
            }
        };
        auto handle = create_task(body(eaten, started));
        co_await yield();
        handle.cancel();
        co_await handle.wait();
        CHECK_FALSE(eaten);
        CHECK(handle.cancelled());
    });
}

TEST_CASE("a new exception of the clean-up replaces the cancellation") {
    on_every_engine([]() -> task<void> {
        auto body = []() -> task<void> {
            try {
                co_await sleep(24h);
            } catch (const cancelled&) {
                throw std::runtime_error("clean-up broke");
            }
        };
        auto handle = create_task(body());
        co_await yield();
        handle.cancel();
        const std::string what = co_await message_of(std::move(handle));
        CHECK(what == "clean-up broke");
    });
}

TEST_CASE("joining a task that somebody else cancelled throws task_cancelled, which names it") {
    on_every_engine([]() -> task<void> {
        bool started = false;
        auto handle = create_task(wait_for_ever(started), "the victim");
        co_await yield();
        handle.cancel();
        const std::string what = co_await message_of(std::move(handle));
        CHECK(what.find("the victim") != std::string::npos);
        co_await yield();  // the joiner itself is not cancelled
    });
}

TEST_CASE("a cancelled joiner cancels the task, waits for its end, and ends cancelled itself") {
    on_every_engine([]() -> task<void> {
        bool cleaned_up = false;
        auto inner_body = [](bool& cleaned_up) -> task<int> {
            try {
                co_await sleep(24h);
            } catch (const cancelled&) {
            }
            cleaned_up = true;
            co_await sleep(24h);
            co_return 1;
        };
        auto inner = create_task(inner_body(cleaned_up));
        auto outer = create_task(join(inner));
        co_await yield();
        outer.cancel();
        co_await outer.wait();
        CHECK(cleaned_up);
        CHECK(inner.cancelled());
        CHECK(outer.cancelled());
    });
}

TEST_CASE("a cancelled joiner is given the result all the same, if the task has one") {
    on_every_engine([]() -> task<void> {
        auto inner_body = []() -> task<int> {
            try {
                co_await sleep(24h);
            } catch (const cancelled&) {
            }
            co_return 23;
        };
        auto outer_body = [](task_handle<int>& inner, int& got) -> task<void> {
            got = co_await inner;
            co_await yield();
            got = -1;
        };
        int got = 0;
        auto inner = create_task(inner_body());
        auto outer = create_task(outer_body(inner, got));
        co_await yield();
        outer.cancel();
        co_await outer.wait();
        CHECK(got == 23);
        CHECK(outer.cancelled());
    });
}

TEST_CASE("a cancelled joiner is given the failure of the task's clean-up") {
    on_every_engine([]() -> task<void> {
        auto inner_body = []() -> task<int> {
            try {
                co_await sleep(24h);
            } catch (const cancelled&) {
                throw std::runtime_error("clean-up broke");
            }
            co_return 0;
        };
        auto inner = create_task(inner_body());
        auto outer = create_task(join(inner));
        co_await yield();
        outer.cancel();
        const std::string what = co_await message_of(std::move(outer));
        CHECK(what == "clean-up broke");
    });
}

TEST_CASE("completion beats cancellation: a joiner cancelled after the task's end has the result") {
    scripted_runner s;
    auto inner_body = []() -> task<int> {
        co_await scripted_operation(1);
        co_return 5;
    };
    task_handle<int> inner = s.runner.create_task(inner_body());
    auto outer = s.runner.create_task(join(inner));
    s.turns(1);
    s.finish(1, 0);
    s.turns(1);
    CHECK(inner.done());
    CHECK_FALSE(outer.done());
    outer.cancel();
    s.turns(1);
    REQUIRE(outer.done());
    CHECK_FALSE(outer.cancelled());
    CHECK(outer.result() == 5);
}

TEST_CASE("a chain of joins is cancelled to its end") {
    on_every_engine([]() -> task<void> {
        constexpr int length = 1000;
        auto leaf = []() -> task<int> {
            co_await sleep(24h);
            co_return 0;
        };
        std::vector<task_handle<int>> handles(length);
        handles[0] = create_task(leaf());
        for (std::size_t i = 1; i < length; ++i) handles[i] = create_task(join(handles[i - 1]));
        co_await yield();
        co_await yield();
        handles.back().cancel();
        co_await handles.back().wait();
        int ended_cancelled = 0;
        for (const auto& h : handles) ended_cancelled += h.done() && h.cancelled();
        CHECK(ended_cancelled == length);
    });
}
