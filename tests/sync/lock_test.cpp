#include <libasync/sync/lock.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <string>

#include <libasync/testing/allocations.hpp>
#include <tests/support/expect.hpp>
#include <tests/support/foreign_coroutine.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

task<void> note_inside(lock& door, std::string& notes, char name) {
    const auto guard = co_await door.scoped();
    notes += name;
    co_await yield();
    co_await yield();
    notes += name;
}

}  // namespace

TEST_CASE("one task at a time holds a lock, in the order in which they came") {
    on_every_engine([]() -> task<void> {
        lock door;
        std::string notes;
        co_await gather(note_inside(door, notes, 'a'), note_inside(door, notes, 'b'), note_inside(door, notes, 'c'));
        CHECK(notes == "aabbcc");
        CHECK_FALSE(door.locked());
    });
}

TEST_CASE("a free lock is taken without a turn of the loop, and without memory") {
    on_every_engine([]() -> task<void> {
        lock door;
        const auto turns = this_loop().statistics().turns;
        const auto allocated = async::testing::allocations();
        co_await door.acquire();
        CHECK(door.locked());
        CHECK_FALSE(door.try_acquire());
        door.release();
        CHECK(door.try_acquire());
        door.release();
        CHECK(this_loop().statistics().turns == turns);
        CHECK(async::testing::allocations() == allocated);
    });
}

TEST_CASE("waiting for a lock takes no memory") {
    on_every_engine([]() -> task<void> {
        lock door;
        co_await door.acquire();
        auto wait = [](lock& door, std::uint64_t& allocated) -> task<void> {
            const auto before = async::testing::allocations();
            co_await door.acquire();
            allocated = async::testing::allocations() - before;
            door.release();
        };
        std::uint64_t allocated = 1;
        auto waiter = create_task(wait(door, allocated));
        co_await yield();
        co_await yield();
        door.release();
        co_await waiter.wait();
        CHECK(allocated == 0);
    });
}

TEST_CASE("a step in which a lock is taken again and again lets others run") {
    on_every_engine([]() -> task<void> {
        lock door;
        bool ran = false;
        this_loop().call_soon([&ran] { ran = true; });
        for (int i = 0; i < 1000 && !ran; ++i) {
            const auto guard = co_await door.scoped();
        }
        CHECK(ran);
    });
}

TEST_CASE("releasing a lock that is not held is an error, and leaves it as it is") {
    on_every_engine([]() -> task<void> {
        lock door;
        CHECK_THROWS_WITH_AS(door.release(), "lock::release: the lock is not held", std::logic_error);
        co_await door.acquire();
        door.release();
        CHECK_THROWS_AS(door.release(), std::logic_error);
        CHECK(door.try_acquire());
    });
}

TEST_CASE("a guard releases once: early, moved, or at its end") {
    on_every_engine([]() -> task<void> {
        lock door;
        {
            auto guard = co_await door.scoped();
            auto moved = std::move(guard);
            guard.release();  // NOLINT(bugprone-use-after-move): holds nothing
            CHECK(door.locked());
            moved.release();
            CHECK_FALSE(door.locked());
            co_await door.acquire();
            moved.release();
            CHECK(door.locked());
        }
        CHECK(door.locked());
        door.release();
    });
}

TEST_CASE("whoever waits for a lock that is destroyed is told so") {
    on_every_engine([]() -> task<void> {
        std::optional<lock> door(std::in_place);
        co_await door->acquire();
        auto waiter = create_task(message_of(door->acquire()));
        co_await yield();
        co_await yield();
        door.reset();
        const std::string told = co_await waiter;
        CHECK(told == "lock::acquire: destroyed while a task waits");
    });
}

TEST_CASE("a lock serves the tasks of one loop") {
    lock door;
    scripted_runner one;
    scripted_runner other;
    auto hold = [](lock& door) -> task<void> { co_await door.acquire(); };
    one.run(hold(door));
    auto first = one.runner.create_task(hold(door));
    one.turns(2);
    CHECK_THROWS_WITH_AS(other.run(hold(door)), "lock::acquire: tasks of another loop wait for the same object",
                         std::logic_error);
    first.cancel();
    one.turns(3);
    CHECK(first.done());
}

TEST_CASE("coroutines of other libraries wait for locks too") {
    scripted_runner s;
    s.run([]() -> task<void> {
        lock door;
        co_await door.acquire();
        bool held = false;
        auto take = [](lock& door, bool& held) -> foreign_coroutine {
            co_await door.acquire();
            held = true;
        };
        const foreign_coroutine waiting = take(door, held);
        CHECK_FALSE(held);
        door.release();
        CHECK_FALSE(held);  // never inside the call
        co_await yield();
        co_await yield();
        CHECK(held);
    }());
}
