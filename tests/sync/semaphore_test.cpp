#include <libasync/sync/semaphore.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <vector>

#include <libasync/testing/allocations.hpp>
#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

TEST_CASE("at most so many tasks hold a permit at a time") {
    on_every_engine([]() -> task<void> {
        semaphore permits(3);
        int inside = 0;
        int most = 0;
        auto work = [](semaphore& permits, int& inside, int& most) -> task<void> {
            const auto permit = co_await permits.scoped();
            most = std::max(most, ++inside);
            co_await yield();
            --inside;
        };
        std::vector<task<void>> all;
        for (int i = 0; i < 10; ++i) all.push_back(work(permits, inside, most));
        co_await gather(std::move(all));
        CHECK(most == 3);
        CHECK(permits.value() == 3);
    });
}

TEST_CASE("a semaphore tells its value, and whether an acquire would wait") {
    on_every_engine([]() -> task<void> {
        semaphore permits(2);
        const auto allocated = async::testing::allocations();
        CHECK(permits.value() == 2);
        co_await permits.acquire();
        CHECK(permits.value() == 1);
        CHECK_FALSE(permits.locked());
        CHECK(permits.try_acquire());
        CHECK(permits.locked());
        CHECK_FALSE(permits.try_acquire());
        permits.release();
        permits.release();
        permits.release();  // adds one
        CHECK(permits.value() == 3);
        CHECK(async::testing::allocations() == allocated);
    });
}

TEST_CASE("a semaphore may begin with nothing: a signal from one task to another") {
    on_every_engine([]() -> task<void> {
        semaphore ready(0);
        auto signal = [](semaphore& ready) -> task<void> {
            co_await yield();
            ready.release();
        };
        co_await gather(ready.acquire(), signal(ready));
        CHECK(ready.locked());
    });
}

TEST_CASE("a guard gives its permit back once") {
    on_every_engine([]() -> task<void> {
        semaphore permits(1);
        {
            auto guard = co_await permits.scoped();
            auto moved = std::move(guard);
            guard.release();  // NOLINT(bugprone-use-after-move): holds nothing
            CHECK(permits.locked());
            moved.release();
            moved.release();
            CHECK(permits.value() == 1);
        }
        CHECK(permits.value() == 1);
    });
}

TEST_CASE("a bounded semaphore refuses what was never taken") {
    on_every_engine([]() -> task<void> {
        bounded_semaphore permits(2);
        co_await permits.acquire();
        permits.release();
        CHECK_THROWS_WITH_AS(permits.release(), "bounded_semaphore::release: more often than it was acquired",
                             std::logic_error);
        CHECK(permits.value() == 2);
        {
            const auto guard = co_await permits.scoped();
            CHECK(permits.value() == 1);
        }
        CHECK(permits.value() == 2);
    });
}

TEST_CASE("whoever waits for a semaphore that is destroyed is told so") {
    on_every_engine([]() -> task<void> {
        std::optional<semaphore> permits(std::in_place, 0u);
        auto waiter = create_task(message_of(permits->acquire()));
        co_await yield();
        co_await yield();
        permits.reset();
        const std::string told = co_await waiter;
        CHECK(told == "semaphore::acquire: destroyed while a task waits");
    });
}
