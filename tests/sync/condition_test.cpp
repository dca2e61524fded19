#include <libasync/sync/condition.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

task<void> note_when_notified(condition& c, std::string& notes, char name) {
    const auto guard = co_await c.scoped();
    co_await c.wait();
    CHECK(c.locked());
    notes += name;
}

task<void> let_others_wait() {
    for (int i = 0; i < 5; ++i) co_await yield();
}

}  // namespace

TEST_CASE("so many are woken as are notified, in the order in which they came") {
    on_every_engine([]() -> task<void> {
        condition c;
        std::string notes;
        std::vector<task_handle<void>> waiters;
        for (const char name : {'a', 'b', 'c', 'd'}) {
            waiters.push_back(create_task(note_when_notified(c, notes, name)));
        }
        co_await let_others_wait();
        {
            const auto guard = co_await c.scoped();
            c.notify(2);
            CHECK(notes.empty());  // the lock is ours
        }
        co_await let_others_wait();
        CHECK(notes == "ab");
        {
            const auto guard = co_await c.scoped();
            c.notify_all();
        }
        for (auto& w : waiters) co_await w;
        CHECK(notes == "abcd");
        CHECK_FALSE(c.locked());
    });
}

TEST_CASE("wait_for goes on once its predicate holds") {
    on_every_engine([]() -> task<void> {
        condition c;
        int number = 0;
        auto change = [](condition& c, int& number) -> task<void> {
            for (int i = 0; i < 3; ++i) {
                const auto guard = co_await c.scoped();
                ++number;
                c.notify();
            }
        };
        auto changer = create_task(change(c, number));
        {
            const auto guard = co_await c.scoped();
            co_await c.wait_for([&number] { return number == 3; });
            CHECK(number == 3);
            CHECK(c.locked());
        }
        co_await changer;
    });
}

TEST_CASE("conditions may share a lock") {
    on_every_engine([]() -> task<void> {
        lock shared;
        condition filled(shared);
        condition emptied(shared);
        std::string notes;
        auto first = create_task(note_when_notified(filled, notes, 'f'));
        auto second = create_task(note_when_notified(emptied, notes, 'e'));
        co_await let_others_wait();
        {
            const auto guard = co_await shared.scoped();
            emptied.notify_all();
        }
        co_await second;
        CHECK(notes == "e");
        CHECK_FALSE(first.done());
        co_await filled.acquire();
        filled.notify();
        filled.release();
        co_await first;
        CHECK(notes == "ef");
    });
}

TEST_CASE("waiting and notifying without the lock are errors") {
    on_every_engine([]() -> task<void> {
        condition c;
        const std::string wait = co_await message_of(c.wait());
        CHECK(wait == "condition::wait: the lock is not held");
        CHECK_THROWS_WITH_AS(c.notify(), "condition::notify: the lock is not held", std::logic_error);
        CHECK_THROWS_WITH_AS(c.notify_all(), "condition::notify_all: the lock is not held", std::logic_error);
        CHECK_THROWS_AS(c.release(), std::logic_error);
    });
}

TEST_CASE("whoever waits for a condition that is destroyed is told so, and the lock goes on") {
    on_every_engine([]() -> task<void> {
        lock shared;
        std::optional<condition> c(std::in_place, shared);
        auto wait = [](condition& c) -> task<std::string> {
            const auto guard = co_await c.scoped();
            co_return co_await message_of(c.wait());
        };
        auto waiter = create_task(wait(*c));
        co_await let_others_wait();
        c.reset();
        const std::string told = co_await waiter;
        CHECK(told == "condition::wait: destroyed while a task waits");
        CHECK_FALSE(shared.locked());
    });
}
