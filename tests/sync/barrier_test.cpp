#include <libasync/sync/barrier.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <vector>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

task<std::size_t> meet(barrier& b) { co_return co_await b.wait(); }

}  // namespace

TEST_CASE("all parties go on when the last has come, each with a number of its own, round after round") {
    on_every_engine([]() -> task<void> {
        barrier b(3);
        for (int round = 0; round < 3; ++round) {
            auto first = create_task(meet(b));
            auto second = create_task(meet(b));
            for (int i = 0; i < 3; ++i) co_await yield();
            CHECK(b.n_waiting() == 2);
            CHECK_FALSE(first.done());
            const std::size_t last = co_await b.wait();
            CHECK(last == 2);
            CHECK(b.n_waiting() == 0);
            const std::size_t a = co_await first;
            const std::size_t c = co_await second;
            CHECK(a == 0);
            CHECK(c == 1);
        }
    });
}

TEST_CASE("a barrier of one is never waited at; one of none is refused") {
    on_every_engine([]() -> task<void> {
        barrier b(1);
        const auto turns = this_loop().statistics().turns;
        const std::size_t number = co_await b.wait();
        CHECK(number == 0);
        CHECK(this_loop().statistics().turns == turns);
        CHECK_THROWS_AS(barrier(0), std::invalid_argument);
    });
}

TEST_CASE("who waits at a barrier that is destroyed is told so") {
    on_every_engine([]() -> task<void> {
        std::optional<barrier> b(std::in_place, 2u);
        auto waiter = create_task(message_of(b->wait()));
        co_await yield();
        co_await yield();
        b.reset();
        const std::string told = co_await waiter;
        CHECK(told == "barrier::wait: destroyed while a task waits");
    });
}
