#include <libasync/testing/wait_all_tasks_blocked.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <tests/support/foreign_coroutine.hpp>
#include <tests/support/network.hpp>
#include <tests/support/scripted.hpp>
#include <tests/support/system.hpp>

using namespace async_tests;
using async::testing::wait_all_tasks_blocked;

namespace {

using record = std::vector<std::string>;

task<void> wait_and_note(record& notes, std::string name) {
    co_await wait_all_tasks_blocked();
    notes.push_back(std::move(name));
}

task<void> yield_and_note(record& notes, int times, std::string name) {
    for (int i = 0; i < times; ++i) co_await yield();
    notes.push_back(std::move(name));
}

}  // namespace

TEST_CASE("it goes on at once where there is no other task") {
    on_every_engine([]() -> task<void> {
        co_await wait_all_tasks_blocked();
        co_await wait_all_tasks_blocked();
    });
}

TEST_CASE("it goes on after whatever is ready, and what that makes ready") {
    on_every_engine([]() -> task<void> {
        record notes;
        auto waiter = create_task(wait_and_note(notes, "blocked"));
        auto few = create_task(yield_and_note(notes, 3, "few"));
        auto many = create_task(yield_and_note(notes, 300, "many"));
        co_await gather(waiter.wait(), few.wait(), many.wait());
        CHECK(notes == record{"few", "many", "blocked"});
    });
}

TEST_CASE("several that wait go on together, in their order") {
    on_every_engine([]() -> task<void> {
        record notes;
        auto first = create_task(wait_and_note(notes, "first"));
        auto second = create_task(wait_and_note(notes, "second"));
        auto other = create_task(yield_and_note(notes, 5, "other"));
        co_await gather(first.wait(), second.wait(), other.wait());
        CHECK(notes == record{"other", "first", "second"});
    });
}

TEST_CASE("a task that sleeps is blocked") {
    on_every_engine([]() -> task<void> {
        auto sleeper = []() -> task<void> { co_await sleep(24h); };
        auto handle = create_task(sleeper());
        co_await wait_all_tasks_blocked();
        CHECK_FALSE(handle.done());
        handle.cancel();
    });
}

TEST_CASE("a timer that has come due meanwhile is served first") {
    async::run([]() -> task<void> {
        record notes;
        auto sleep_and_note = [](record& notes) -> task<void> {
            co_await sleep(1ms);
            notes.emplace_back("woken");
        };
        auto sleeper = create_task(sleep_and_note(notes));
        co_await yield();
        work_for(this_engine(), 5ms);
        co_await wait_all_tasks_blocked();
        CHECK(notes == record{"woken"});
        co_await sleeper;
    }());
}

TEST_CASE("what the engine has finished is served first, what it has not is not waited for") {
    scripted_runner s;
    record notes;
    s.run([](record& notes, scripted_runner& s) -> task<void> {
        auto operate = [](record& notes, int number) -> task<void> {
            co_await scripted_operation(number);
            notes.push_back("operation " + std::to_string(number));
        };
        auto first = create_task(operate(notes, 1));
        auto second = create_task(operate(notes, 2));
        co_await yield();
        s.finish(1, 0);
        co_await wait_all_tasks_blocked();
        notes.emplace_back("blocked");
        s.finish(2, 0);
        co_await second;
    }(notes, s));
    CHECK(notes == record{"operation 1", "blocked", "operation 2"});
}

TEST_CASE("a reader that has no data is blocked, and reads what is there") {
    async::run([]() -> task<void> {
        stream_pair pair = co_await connected_pair();
        auto reader = create_task(read_exactly(pair.server, 5));
        co_await wait_all_tasks_blocked();
        CHECK_FALSE(reader.done());
        co_await pair.client.write("hello");
        const std::string text = co_await reader;
        CHECK(text == "hello");
    }());
}

TEST_CASE("cancelled before, it does not wait; cancelled meanwhile, it stops; cancelled after, it has gone on") {
    on_every_engine([]() -> task<void> {
        record notes;
        auto never = create_task(wait_and_note(notes, "never"));
        never.cancel();
        co_await never.wait();
        CHECK(never.cancelled());

        cancel_scope before;
        before.cancel();
        co_await before.run(wait_and_note(notes, "before"));
        CHECK(before.cancelled_caught());

        auto meanwhile = create_task(wait_and_note(notes, "meanwhile"));
        co_await yield();
        meanwhile.cancel();
        co_await meanwhile.wait();
        CHECK(meanwhile.cancelled());
        CHECK(notes.empty());

        // The first of two that were made ready together cancels the second: too late.
        std::optional<task_handle<void>> second;
        auto cancel_second = [](std::optional<task_handle<void>>& second) -> task<void> {
            co_await wait_all_tasks_blocked();
            second->cancel();
        };
        auto first = create_task(cancel_second(second));
        second = create_task(wait_and_note(notes, "after"));
        co_await first;
        co_await second->wait();
        CHECK_FALSE(second->cancelled());
        CHECK(notes == record{"after"});
    });
}

TEST_CASE("a frame that is destroyed while it waits leaves no trace") {
    on_every_engine([]() -> task<void> {
        auto wait = []() -> foreign_coroutine { co_await wait_all_tasks_blocked(); };
        {
            const foreign_coroutine waiting = wait();
            co_await yield();
            CHECK_FALSE(waiting.done());
        }
        co_await wait_all_tasks_blocked();
    });
}

TEST_CASE("a turn that is driven by hand and may not wait lets it go on only if the loop is idle") {
    scripted_runner s;
    record notes;
    auto waiter = s.runner.create_task(wait_and_note(notes, "blocked"));
    auto busy = s.runner.create_task(yield_and_note(notes, 2, "busy"));
    bool more = true;
    int turns = 0;
    for (; more && turns < 100; ++turns) more = s.runner.turn(turn::no_wait);
    CHECK(turns < 100);
    CHECK(notes == record{"busy", "blocked"});
    CHECK(waiter.done());
    CHECK(busy.done());
}
