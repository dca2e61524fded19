#include <libasync/sync/capacity_limiter.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include <libasync/sync/event.hpp>
#include <libasync/sync/select.hpp>
#include <libasync/testing/allocations.hpp>
#include <tests/support/expect.hpp>
#include <tests/support/foreign_coroutine.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

task<void> settle() {
    for (int i = 0; i < 6; ++i) co_await yield();
}

task<void> hold_and_note(capacity_limiter& limiter, std::string& notes, char name) {
    const auto token = co_await limiter.scoped();
    notes += name;
}

task<void> take_and_note(capacity_limiter& limiter, std::string& notes, char name) {
    co_await limiter.acquire();
    notes += name;
}

template <class F>
std::string what_throws(F f) {
    try {
        f();
    } catch (const std::logic_error& e) {
        return e.what();
    }
    return {};
}

}  // namespace

TEST_CASE("at most so many tasks have a token at a time, and all come back") {
    on_every_engine([]() -> task<void> {
        capacity_limiter limiter(3);
        int inside = 0;
        int most = 0;
        auto work = [](capacity_limiter& limiter, int& inside, int& most) -> task<void> {
            const auto token = co_await limiter.scoped();
            most = std::max(most, ++inside);
            co_await yield();
            --inside;
        };
        std::vector<task<void>> all;
        for (int i = 0; i < 50; ++i) all.push_back(work(limiter, inside, most));
        co_await gather(std::move(all));
        CHECK(most == 3);
        CHECK(limiter.borrowed_tokens() == 0);
        CHECK(limiter.available_tokens() == 3);
    });
}

TEST_CASE("a limiter tells what is borrowed, what is there, and who waits") {
    on_every_engine([]() -> task<void> {
        capacity_limiter limiter(2);
        CHECK(limiter.total_tokens() == 2);
        CHECK(limiter.try_acquire());
        int other = 0;
        co_await limiter.acquire_on_behalf_of(&other);
        CHECK(limiter.borrowed_tokens() == 2);
        CHECK(limiter.available_tokens() == 0);
        std::string notes;
        auto waiter = create_task(hold_and_note(limiter, notes, 'w'));
        co_await settle();
        CHECK(limiter.tasks_waiting() == 1);
        const capacity_statistics s = limiter.statistics();
        CHECK(s.borrowed_tokens == 2);
        CHECK(s.total_tokens == 2);
        CHECK(s.tasks_waiting == 1);
        limiter.release();
        CHECK(limiter.borrowed_tokens() == 2);  // it is the waiter's already
        CHECK(limiter.tasks_waiting() == 0);
        co_await waiter;
        limiter.release_on_behalf_of(&other);
        CHECK(limiter.available_tokens() == 2);
    });
}

TEST_CASE("without a limit tokens are only counted") {
    on_every_engine([]() -> task<void> {
        capacity_limiter limiter(capacity_limiter::unlimited);
        std::vector<int> objects(1000);
        for (int& o : objects) co_await limiter.acquire_on_behalf_of(&o);
        CHECK(limiter.borrowed_tokens() == 1000);
        for (const int& o : objects) limiter.release_on_behalf_of(&o);
        CHECK(limiter.borrowed_tokens() == 0);
        CHECK(limiter.available_tokens() == capacity_limiter::unlimited);
    });
}

TEST_CASE("tokens are lent in the order in which they were asked for; who comes later does not overtake") {
    on_every_engine([]() -> task<void> {
        capacity_limiter limiter(1);
        std::string notes;
        co_await limiter.acquire();
        std::vector<task_handle<void>> all;
        for (const char name : {'a', 'b', 'c'}) all.push_back(create_task(hold_and_note(limiter, notes, name)));
        co_await settle();
        limiter.release();
        CHECK_FALSE(limiter.try_acquire());
        co_await hold_and_note(limiter, notes, 'd');
        for (auto& t : all) co_await t;
        CHECK(notes == "abcd");
    });
}

TEST_CASE("a token that is there is had at once, and once the table has grown without memory") {
    on_every_engine([]() -> task<void> {
        capacity_limiter limiter(2);
        { const auto token = co_await limiter.scoped(); }
        const auto turns = this_loop().statistics().turns;
        const auto allocated = async::testing::allocations();
        for (int i = 0; i < 10; ++i) {
            co_await limiter.acquire();
            limiter.release();
        }
        CHECK(this_loop().statistics().turns == turns);
        CHECK(async::testing::allocations() == allocated);
    });
}

TEST_CASE("a task has one token at a time, and gives back what it has") {
    on_every_engine([]() -> task<void> {
        capacity_limiter limiter(2);
        std::string told = what_throws([&] { limiter.release(); });
        CHECK(told == "capacity_limiter::release: the borrower has no token");
        co_await limiter.acquire();
        told = co_await message_of(limiter.acquire());
        CHECK(told == "capacity_limiter::acquire: the borrower has a token already");
        told = co_await message_of(limiter.scoped());
        CHECK(told == "capacity_limiter::acquire: the borrower has a token already");
        CHECK_THROWS_AS(static_cast<void>(limiter.try_acquire()), std::logic_error);
        CHECK(limiter.borrowed_tokens() == 1);
        limiter.release();
        CHECK_THROWS_AS(limiter.release(), std::logic_error);
        CHECK(limiter.borrowed_tokens() == 0);
    });
}

TEST_CASE("any object may be a borrower, of one token at a time") {
    on_every_engine([]() -> task<void> {
        capacity_limiter limiter(2);
        const int object = 0;
        CHECK_THROWS_AS(static_cast<void>(limiter.acquire_on_behalf_of(nullptr)), std::invalid_argument);
        CHECK_THROWS_AS(static_cast<void>(limiter.scoped_on_behalf_of(nullptr)), std::invalid_argument);
        CHECK_THROWS_AS(limiter.try_acquire_on_behalf_of(nullptr), std::invalid_argument);
        CHECK(limiter.try_acquire_on_behalf_of(&object));
        std::string told = co_await message_of(limiter.acquire_on_behalf_of(&object));
        CHECK(told == "capacity_limiter::acquire: the borrower has a token already");
        CHECK_THROWS_AS(limiter.try_acquire_on_behalf_of(&object), std::logic_error);
        co_await limiter.acquire();
        limiter.release_on_behalf_of(&object);
        told = what_throws([&] { limiter.release_on_behalf_of(&object); });
        CHECK(told == "capacity_limiter::release_on_behalf_of: the borrower has no token");
        {
            const auto guard = co_await limiter.scoped_on_behalf_of(&object);
            CHECK(limiter.borrowed_tokens() == 2);
        }
        CHECK(limiter.borrowed_tokens() == 1);
        limiter.release();
    });
}

TEST_CASE("who waits on behalf of an object is the only one; once it is cancelled another may") {
    on_every_engine([]() -> task<void> {
        capacity_limiter limiter(1);
        const int object = 0;
        co_await limiter.acquire();
        auto take = [](capacity_limiter& limiter, const int& object) -> task<void> {
            co_await limiter.acquire_on_behalf_of(&object);
        };
        auto first = create_task(take(limiter, object));
        co_await settle();
        const std::string told = co_await message_of(limiter.acquire_on_behalf_of(&object));
        CHECK(told == "capacity_limiter::acquire: the borrower waits for a token already");
        CHECK_THROWS_AS(limiter.release_on_behalf_of(&object), std::logic_error);
        first.cancel();
        CHECK_FALSE(limiter.try_acquire_on_behalf_of(&object));  // there is no token, but no error either
        auto second = create_task(take(limiter, object));
        co_await settle();
        CHECK(first.cancelled());
        CHECK(limiter.tasks_waiting() == 1);
        limiter.release();
        co_await second;
        limiter.release_on_behalf_of(&object);
    });
}

TEST_CASE("a task that is awaited borrows as the one that awaits it; one that runs beside it, by itself") {
    on_every_engine([]() -> task<void> {
        capacity_limiter limiter(3);
        auto acquire = [](capacity_limiter& limiter) -> task<void> { co_await limiter.acquire(); };
        auto release = [](capacity_limiter& limiter) -> task<void> {
            limiter.release();
            co_return;
        };
        co_await acquire(limiter);
        auto other = create_task(acquire(limiter));
        co_await other;
        CHECK(limiter.borrowed_tokens() == 2);
        const bool refused = co_await throws<std::logic_error>(gather(release(limiter)));
        CHECK(refused);
        co_await release(limiter);
        CHECK(limiter.borrowed_tokens() == 1);
    });
}

TEST_CASE("a new task is not taken for one that has ended with its token, in whatever loop") {
    capacity_limiter limiter(1000);
    auto keep = [](capacity_limiter& limiter) -> task<void> { co_await limiter.acquire(); };
    std::size_t kept = 0;
    for (int loops = 0; loops < 3; ++loops) {
        scripted_runner s;
        s.run([](capacity_limiter& limiter, auto& keep, std::size_t& kept) -> task<void> {
            for (int i = 0; i < 20; ++i) {
                auto t = create_task(keep(limiter));
                co_await t;
                t = {};
                CHECK(limiter.borrowed_tokens() == ++kept);
                CHECK_THROWS_AS(limiter.release(), std::logic_error);
            }
        }(limiter, keep, kept));
    }
    CHECK(kept == 60);
}

TEST_CASE("more tokens wake those who wait, fewer take none away") {
    on_every_engine([]() -> task<void> {
        capacity_limiter limiter(0);
        std::string notes;
        std::vector<task_handle<void>> all;
        for (const char name : {'a', 'b', 'c', 'd'}) all.push_back(create_task(take_and_note(limiter, notes, name)));
        co_await settle();
        CHECK(notes.empty());
        CHECK_FALSE(limiter.try_acquire());
        limiter.set_total_tokens(2);
        CHECK(limiter.borrowed_tokens() == 2);
        CHECK(notes.empty());  // not inside set_total_tokens
        co_await settle();
        CHECK(notes == "ab");
        limiter.set_total_tokens(1);
        CHECK(limiter.borrowed_tokens() == 2);
        CHECK(limiter.available_tokens() == 0);
        co_await settle();
        CHECK(notes == "ab");
        limiter.set_total_tokens(capacity_limiter::unlimited);
        co_await settle();
        CHECK(notes == "abcd");
        for (auto& t : all) co_await t;
    });
}

TEST_CASE("with fewer tokens than are borrowed, those that come back are not given out until there are few enough") {
    on_every_engine([]() -> task<void> {
        capacity_limiter limiter(3);
        const std::vector<int> objects(3);
        for (const int& o : objects) co_await limiter.acquire_on_behalf_of(&o);
        std::string notes;
        auto waiter = create_task(hold_and_note(limiter, notes, 'w'));
        co_await settle();
        limiter.set_total_tokens(1);
        limiter.release_on_behalf_of(&objects[0]);
        limiter.release_on_behalf_of(&objects[1]);
        co_await settle();
        CHECK(notes.empty());
        CHECK(limiter.borrowed_tokens() == 1);
        limiter.release_on_behalf_of(&objects[2]);
        co_await waiter;
        CHECK(notes == "w");
    });
}

TEST_CASE("a guard gives its token back once, and not one that was taken since") {
    on_every_engine([]() -> task<void> {
        capacity_limiter limiter(2);
        {
            auto guard = co_await limiter.scoped();
            auto moved = std::move(guard);
            guard.release();  // NOLINT(bugprone-use-after-move): holds nothing
            CHECK(limiter.borrowed_tokens() == 1);
            moved.release();
            moved.release();
            CHECK(limiter.borrowed_tokens() == 0);
        }
        {
            const auto guard = co_await limiter.scoped();
            limiter.release();
            co_await limiter.acquire();
        }
        CHECK(limiter.borrowed_tokens() == 1);
        limiter.release();
    });
}

TEST_CASE("a token that is given back before the one who waited for it goes on is not given back twice") {
    on_every_engine([]() -> task<void> {
        capacity_limiter limiter(1);
        const int object = 0;
        co_await limiter.acquire();
        auto hold = [](capacity_limiter& limiter, const int& object) -> task<void> {
            const auto guard = co_await limiter.scoped_on_behalf_of(&object);
            CHECK(limiter.borrowed_tokens() == 1);  // that of another one
        };
        auto holder = create_task(hold(limiter, object));
        co_await settle();
        limiter.release();
        limiter.release_on_behalf_of(&object);
        co_await limiter.acquire();
        co_await holder;
        CHECK(limiter.borrowed_tokens() == 1);
        limiter.release();
    });
}

TEST_CASE("who is cancelled while waiting leaves the line; once a token was handed over, it has it") {
    on_every_engine([]() -> task<void> {
        capacity_limiter limiter(1);
        std::string notes;
        co_await limiter.acquire();
        auto first = create_task(take_and_note(limiter, notes, 'a'));
        auto second = create_task(take_and_note(limiter, notes, 'b'));
        co_await settle();
        first.cancel();
        CHECK(limiter.tasks_waiting() == 1);
        limiter.release();
        second.cancel();  // too late
        co_await second.wait();
        CHECK(notes == "b");
        CHECK(first.cancelled());
        CHECK(limiter.borrowed_tokens() == 1);
    });
}

TEST_CASE("a token that was handed to one who is destroyed before it goes on is passed on; who waits is forgotten") {
    on_every_engine([]() -> task<void> {
        capacity_limiter limiter(1);
        const int first = 1;
        const int second = 2;
        auto hold = [](capacity_limiter& limiter, const int& object) -> foreign_coroutine {
            co_await limiter.acquire_on_behalf_of(&object);
        };
        co_await limiter.acquire();
        foreign_coroutine a = hold(limiter, first);
        std::string notes;
        auto next = create_task(hold_and_note(limiter, notes, 'n'));
        co_await settle();
        limiter.release();
        CHECK_FALSE(limiter.try_acquire());
        a.destroy();
        co_await next;
        CHECK(notes == "n");
        CHECK(limiter.available_tokens() == 1);

        co_await limiter.acquire();
        foreign_coroutine b = hold(limiter, second);
        b.destroy();
        CHECK(limiter.tasks_waiting() == 0);
        limiter.release();
        CHECK(limiter.try_acquire_on_behalf_of(&second));
        CHECK(limiter.try_acquire_on_behalf_of(&first) == false);
        limiter.release_on_behalf_of(&second);
    });
}

TEST_CASE("a time-out around an acquire takes no token, and the instant of the hand-over is in time") {
    scripted_runner s;
    s.finish_after(5ms, 1, 0);
    s.run([]() -> task<void> {
        capacity_limiter limiter(1);
        const int object = 0;
        co_await limiter.acquire_on_behalf_of(&object);
        auto release = [](capacity_limiter& limiter, const int& object) -> task<void> {
            co_await scripted_operation(1);
            limiter.release_on_behalf_of(&object);
        };
        auto releaser = create_task(release(limiter, object));
        const auto late = co_await move_on_after(2ms, limiter.acquire());
        CHECK_FALSE(late.has_value());
        CHECK(limiter.tasks_waiting() == 0);
        const auto in_time = co_await move_on_after(3ms, limiter.acquire());
        CHECK(in_time.has_value());
        CHECK(limiter.borrowed_tokens() == 1);
        limiter.release();
        co_await releaser;
    }());
}

TEST_CASE("an acquire that select does not take borrows nothing, and waits no longer") {
    on_every_engine([]() -> task<void> {
        capacity_limiter limiter(1);
        const int object = 0;
        event never;
        co_await limiter.acquire_on_behalf_of(&object);
        {
            const auto chosen = co_await select(limiter.scoped(), never.wait(), sleep(1ms));
            CHECK(chosen.index() == 2);
        }
        CHECK(limiter.tasks_waiting() == 0);
        auto release = [](capacity_limiter& limiter, const int& object) -> task<void> {
            co_await settle();
            limiter.release_on_behalf_of(&object);
        };
        auto releaser = create_task(release(limiter, object));
        {
            const auto chosen = co_await select(never.wait(), limiter.scoped());
            CHECK(chosen.index() == 1);
            CHECK(limiter.borrowed_tokens() == 1);
        }
        CHECK(limiter.borrowed_tokens() == 0);
        {
            const auto chosen = co_await select(never.wait(), limiter.scoped());
            CHECK(chosen.index() == 1);
        }
        CHECK(limiter.try_acquire_on_behalf_of(&object));
        co_await releaser;
    });
}

TEST_CASE("outside tasks there is nobody who could borrow, except on behalf of an object") {
    capacity_limiter limiter(2);
    const int object = 0;
    std::string told = what_throws([&] { static_cast<void>(limiter.try_acquire()); });
    CHECK(told == "capacity_limiter::try_acquire: no task runs here to borrow a token");
    told = what_throws([&] { limiter.release(); });
    CHECK(told == "capacity_limiter::release: no task runs here to borrow a token");
    CHECK(limiter.try_acquire_on_behalf_of(&object));
    scripted_runner s;
    s.run([](capacity_limiter& limiter) -> task<void> {
        std::string in_callback;
        this_loop().call_soon([&] { in_callback = what_throws([&] { static_cast<void>(limiter.try_acquire()); }); });
        co_await settle();
        CHECK(in_callback == "capacity_limiter::try_acquire: no task runs here to borrow a token");
        auto borrow = [](capacity_limiter& limiter) -> foreign_coroutine { co_await limiter.acquire(); };
        const foreign_coroutine no_task = borrow(limiter);
        CHECK(no_task.done());
        CHECK(what_of(no_task.failure()) == "capacity_limiter::acquire: no task runs here to borrow a token");
    }(limiter));
    limiter.release_on_behalf_of(&object);
}

TEST_CASE("whoever waits for a limiter that is destroyed is told so") {
    on_every_engine([]() -> task<void> {
        std::optional<capacity_limiter> limiter(std::in_place, 0u);
        auto waiter = create_task(message_of(limiter->acquire()));
        co_await settle();
        limiter.reset();
        const std::string told = co_await waiter;
        CHECK(told == "capacity_limiter::acquire: destroyed while a task waits");
    });
}

TEST_CASE("a limiter serves the tasks of one loop at a time") {
    capacity_limiter limiter(0);
    auto take = [](capacity_limiter& limiter) -> task<void> { co_await limiter.acquire(); };
    scripted_runner one;
    scripted_runner other;
    auto waiter = one.runner.create_task(take(limiter));
    one.turns(2);
    CHECK_THROWS_AS(other.run(take(limiter)), std::logic_error);
    CHECK(limiter.tasks_waiting() == 1);
    limiter.set_total_tokens(1);
    one.turns(2);
    CHECK(waiter.done());
    CHECK(limiter.borrowed_tokens() == 1);
    limiter.set_total_tokens(2);
    other.run(take(limiter));
    CHECK(limiter.borrowed_tokens() == 2);
}
