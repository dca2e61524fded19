// Context variables: row 37 of what asyncio promises.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include <libasync/coro/context_var.hpp>
#include <libasync/coro/thread_pool.hpp>
#include <libasync/coro/to_thread.hpp>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

const context_var<std::string> variable{"variable", "nope"};
const context_var<int> number{"number", 0};

}  // namespace

TEST_CASE("37: a task copies the context in which it is created; neither sees what the other changes") {
    on_every_engine([]() -> task<void> {
        auto sub = []() -> task<void> {
            co_await sleep(1ms);
            CHECK(variable.get() == "nope");
            static_cast<void>(variable.set("something else"));
        };
        CHECK(variable.get() == "nope");
        auto subtask = create_task(sub());
        static_cast<void>(variable.set("yes"));
        CHECK(variable.get() == "yes");
        co_await subtask;
        CHECK(variable.get() == "yes");
    });
}

TEST_CASE("37: the context is copied at the creation, though the task begins later, and by whoever creates it") {
    on_every_engine([]() -> task<void> {
        auto note = [](std::string& notes) -> task<void> {
            notes += variable.get() + " ";
            co_return;
        };
        std::string notes;
        auto not_awaited_yet = note(notes);  // a task that is only made has no context of its own
        static_cast<void>(variable.set("a"));
        auto first = create_task(note(notes));
        static_cast<void>(variable.set("b"));
        co_await gather(note(notes), note(notes));
        static_cast<void>(variable.set("c"));
        co_await std::move(not_awaited_yet);
        co_await first;
        CHECK(notes == "a b b c ");
    });
}

TEST_CASE("37: each callback runs in the context in which it was given, done callbacks too") {
    on_every_engine([]() -> task<void> {
        std::vector<std::string> seen;
        auto note = [&seen] {
            seen.push_back(variable.get());
            static_cast<void>(variable.set("changed by a callback"));
        };
        auto sub = []() -> task<void> {
            static_cast<void>(variable.set("changed by a task"));
            co_await yield();
        };
        loop& l = this_loop();
        auto handle = create_task(sub());
        const auto with = [](const char* value, auto give) {
            static_cast<void>(variable.set(value));
            give();
        };
        with("soon", [&] { l.call_soon(note); });
        with("later", [&] { l.call_later(1ms, note); });
        with("at", [&] { l.call_at(l.deadline_after(2ms), note); });
        with("post", [&] { l.post(note); });
        with("done", [&] { handle.add_done_callback(note); });
        static_cast<void>(variable.set("own"));
        co_await sleep(5ms);
        std::sort(seen.begin(), seen.end());
        CHECK(seen == std::vector<std::string>{"at", "done", "later", "post", "soon"});
        CHECK(variable.get() == "own");
    });
}

TEST_CASE("37: a callback that gives a callback hands its context on") {
    on_every_engine([]() -> task<void> {
        std::string notes;
        loop& l = this_loop();
        static_cast<void>(variable.set("1"));
        l.call_soon([&notes, &l] {
            notes += variable.get();
            static_cast<void>(variable.set("2"));
            l.call_soon([&notes] { notes += variable.get(); });
            static_cast<void>(variable.set("3"));
        });
        for (int i = 0; i < 4; ++i) co_await yield();
        CHECK(notes == "12");
    });
}

TEST_CASE("37: many tasks that set the same variable do not meet") {
    on_every_engine([]() -> task<void> {
        auto sub = [](int n) -> task<void> {
            for (int i = 0; i < 10; ++i) {
                static_cast<void>(number.set(n * i));
                co_await yield();
                if (n % 3 == 0) co_await sleep(1us * n);
                CHECK(number.get() == n * i);
            }
        };
        std::vector<task<void>> tasks;
        for (int n = 0; n < 100; ++n) tasks.push_back(sub(n));
        co_await gather(std::move(tasks));
        CHECK(number.get() == 0);
    });
}

TEST_CASE("37: a function in a thread runs in a copy of the context of its task") {
    async::thread_pool pool{2};
    on_every_engine([&pool]() -> task<void> {
        static_cast<void>(variable.set("of the task"));
        auto look = [] {
            const std::string seen = variable.get();
            static_cast<void>(variable.set("of the thread"));
            return seen;
        };
        for (int i = 0; i < 3; ++i) {  // the threads are used again
            const std::string in_loop = co_await to_thread(look);
            CHECK(in_loop == "of the task");
            const std::string in_pool = co_await pool.run(look);
            CHECK(in_pool == "of the task");
            const std::string loose = co_await pool.run(abandon_on_cancel, look);
            CHECK(loose == "of the task");
        }
        CHECK(variable.get() == "of the task");
        auto elsewhere = [&pool, &look]() -> task<std::string> {
            const auto scope = variable.scoped("of another task");
            co_return co_await pool.run(look);
        };
        const std::string other = co_await create_task(elsewhere());
        CHECK(other == "of another task");
    });
}
