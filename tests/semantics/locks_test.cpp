// Locks, events, conditions, semaphores and barriers: rows 94 to 103 of what asyncio and trio promise. Where asyncio
// wakes a waiter that may come too late, ours is handed what it waits for: the rows are pinned in that form.
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

task<void> settle() {
    for (int i = 0; i < 6; ++i) co_await yield();
}

task<void> note_inside(lock& door, std::string& notes, char name) {
    const auto guard = co_await door.scoped();
    notes += name;
}

task<void> take(semaphore& permits, std::string& notes, char name) {
    co_await permits.acquire();
    notes += name;
}

task<void> note_notified(condition& c, std::string& notes, char name) {
    const auto guard = co_await c.scoped();
    co_await c.wait();
    notes += name;
}

}  // namespace

TEST_CASE("94: the first who waits is cancelled in the step in which the lock is released: the next one has it") {
    on_every_engine([]() -> task<void> {
        for (const bool cancel_first : {true, false}) {
            lock door;
            std::string notes;
            co_await door.acquire();
            auto first = create_task(note_inside(door, notes, 'a'));
            auto second = create_task(note_inside(door, notes, 'b'));
            co_await settle();
            if (cancel_first) first.cancel();
            door.release();
            if (!cancel_first) first.cancel();
            co_await second;
            co_await first.wait();
            CHECK(notes == (cancel_first ? "b" : "ab"));
            CHECK(first.cancelled() == cancel_first);
            CHECK_FALSE(door.locked());
        }
    });
}

TEST_CASE("95: who was handed the lock and is cancelled before it goes on holds it: never two owners, never none") {
    on_every_engine([]() -> task<void> {
        lock door;
        std::string notes;
        co_await door.acquire();
        auto leave = [](lock& door) -> task<void> {
            cancel_scope scope;
            auto both = [](lock& door, cancel_scope& scope) -> task<void> {
                auto acquire = [](lock& door) -> task<void> { co_await door.acquire(); };
                auto cancel = [](lock& door, cancel_scope& scope) -> task<void> {
                    door.release();  // to the other, who has not gone on yet
                    scope.cancel();
                    co_return;
                };
                co_await gather(acquire(door), cancel(door, scope));
            };
            co_await scope.run(both(door, scope));
            CHECK(door.locked());  // the outcome was recorded: the lock is held, and the cancellation comes later
            door.release();
        };
        auto leaver = create_task(leave(door));
        co_await settle();
        auto next = create_task(note_inside(door, notes, 'n'));
        co_await leaver;
        co_await next;
        CHECK(notes == "n");
        CHECK_FALSE(door.locked());
    });
}

TEST_CASE("96: a lock is fair: who comes later does not overtake those who wait") {
    on_every_engine([]() -> task<void> {
        lock door;
        std::string notes;
        co_await door.acquire();
        auto first = create_task(note_inside(door, notes, 'a'));
        co_await settle();
        door.release();
        CHECK(door.locked());  // it is the first one's already
        CHECK_FALSE(door.try_acquire());
        co_await note_inside(door, notes, 'b');
        co_await first;
        CHECK(notes == "ab");
    });
}

TEST_CASE("97: an event that is set and cleared in one step wakes those who wait") {
    on_every_engine([]() -> task<void> {
        event e;
        int woken = 0;
        auto wait = [](event& e, int& woken) -> task<void> {
            co_await e.wait();
            ++woken;
        };
        auto first = create_task(wait(e, woken));
        auto second = create_task(wait(e, woken));
        co_await settle();
        e.set();
        e.clear();
        co_await gather(first.wait(), second.wait());
        CHECK(woken == 2);
        auto late = create_task(wait(e, woken));
        co_await settle();
        CHECK_FALSE(late.done());
        late.cancel();
        co_await late.wait();
    });
}

TEST_CASE("98: permits are handed over in order; that of one who was cancelled before goes to the next") {
    on_every_engine([]() -> task<void> {
        semaphore permits(0);
        std::string notes;
        auto a = create_task(take(permits, notes, 'a'));
        auto b = create_task(take(permits, notes, 'b'));
        auto c = create_task(take(permits, notes, 'c'));
        auto d = create_task(take(permits, notes, 'd'));
        co_await settle();
        b.cancel();
        permits.release();
        permits.release();
        CHECK(permits.value() == 0);
        CHECK_FALSE(permits.try_acquire());  // both are somebody's already
        co_await settle();
        CHECK(notes == "ac");
        permits.release();
        permits.release();
        co_await d;
        CHECK(notes == "acd");
        CHECK(permits.value() == 1);
        co_await gather(a.wait(), b.wait(), c.wait());
        CHECK(b.cancelled());
    });
}

TEST_CASE("98: a permit that was handed over counts as taken though its task is cancelled before it goes on") {
    on_every_engine([]() -> task<void> {
        semaphore permits(0);
        std::string notes;
        auto first = create_task(take(permits, notes, 'a'));
        auto second = create_task(take(permits, notes, 'b'));
        co_await settle();
        permits.release();
        first.cancel();  // too late
        co_await first.wait();
        CHECK(notes == "a");
        CHECK_FALSE(second.done());
        permits.release();
        co_await second;
    });
}

TEST_CASE("100: a cancelled wait for a condition goes on with the lock held, however long that takes") {
    on_every_engine([]() -> task<void> {
        condition c;
        bool held = false;
        auto wait = [](condition& c, bool& held) -> task<void> {
            co_await c.acquire();
            try {
                co_await c.wait();
            } catch (const cancelled&) {
                held = c.locked();
                c.release();
                throw;
            }
        };
        auto waiter = create_task(wait(c, held));
        co_await settle();
        co_await c.acquire();
        waiter.cancel();
        waiter.cancel();
        co_await settle();
        CHECK_FALSE(waiter.done());  // the lock is ours
        c.release();
        co_await waiter.wait();
        CHECK(waiter.cancelled());
        CHECK(held);
        CHECK_FALSE(c.locked());
    });
}

TEST_CASE("101: who was notified and cancelled afterwards has its notification; before, the next one has") {
    on_every_engine([]() -> task<void> {
        for (const bool cancel_first : {true, false}) {
            condition c;
            std::string notes;
            auto first = create_task(note_notified(c, notes, 'a'));
            auto second = create_task(note_notified(c, notes, 'b'));
            co_await settle();
            co_await c.acquire();
            if (cancel_first) first.cancel();
            c.notify();
            if (!cancel_first) first.cancel();
            c.release();
            co_await first.wait();
            co_await settle();
            CHECK(notes == (cancel_first ? "b" : "a"));
            second.cancel();
            co_await second.wait();
            CHECK_FALSE(c.locked());
        }
    });
}

TEST_CASE("103: a party that is cancelled does not break a barrier; the round is full without it") {
    on_every_engine([]() -> task<void> {
        barrier b(3);
        auto meet = [](barrier& b) -> task<std::size_t> { co_return co_await b.wait(); };
        auto first = create_task(meet(b));
        auto second = create_task(meet(b));
        co_await settle();
        CHECK(b.n_waiting() == 2);
        first.cancel();
        co_await first.wait();
        CHECK(b.n_waiting() == 1);
        CHECK_FALSE(b.broken());
        auto third = create_task(meet(b));
        co_await settle();
        const std::size_t last = co_await b.wait();
        CHECK(last == 2);
        const std::size_t lower = co_await second;
        const std::size_t middle = co_await third;
        CHECK(lower == 0);
        CHECK(middle == 1);
    });
}

TEST_CASE("103: abort wakes those who wait and refuses those who come, until a reset") {
    on_every_engine([]() -> task<void> {
        barrier b(2);
        auto waiter = create_task(throws<broken_barrier>(b.wait()));
        co_await settle();
        b.abort();
        CHECK(b.broken());
        const bool told = co_await waiter;
        CHECK(told);
        const bool refused = co_await throws<broken_barrier>(b.wait());
        CHECK(refused);
        b.reset();
        CHECK_FALSE(b.broken());
        co_await gather(b.wait(), b.wait());
    });
}

TEST_CASE("103: reset wakes those who wait with an error, and the next round begins empty") {
    on_every_engine([]() -> task<void> {
        barrier b(2);
        auto waiter = create_task(throws<broken_barrier>(b.wait()));
        co_await settle();
        b.reset();
        const bool told = co_await waiter;
        CHECK(told);
        CHECK_FALSE(b.broken());
        co_await gather(b.wait(), b.wait());
        CHECK(b.n_waiting() == 0);
    });
}

TEST_CASE("103: who comes while a round drains waits for the next one") {
    on_every_engine([]() -> task<void> {
        barrier b(2);
        auto meet = [](barrier& b) -> task<std::size_t> { co_return co_await b.wait(); };
        auto first = create_task(meet(b));
        co_await settle();
        static_cast<void>(co_await b.wait());
        auto early = create_task(meet(b));  // `first` may not have gone on yet
        co_await settle();
        CHECK(first.done());
        CHECK_FALSE(early.done());
        b.reset();
        co_await early.wait();
        CHECK(early.exception() != nullptr);
    });
}

TEST_CASE("38: an object serves the tasks of one loop at a time") {
    event e;
    auto wait = [](event& e) -> task<void> { co_await e.wait(); };
    scripted_runner one;
    scripted_runner other;
    auto waiter = one.runner.create_task(wait(e));
    one.turns(2);
    CHECK_THROWS_AS(other.run(wait(e)), std::logic_error);
    e.set();
    one.turns(2);
    CHECK(waiter.done());
    other.run(wait(e));
}
