// What tests are made with, cancelled at every suspension.
#include <doctest/doctest.h>

#include <libasync/io/sim/sim_engine.hpp>
#include <libasync/sim/simulation.hpp>
#include <libasync/testing/sequencer.hpp>
#include <libasync/testing/virtual_clock.hpp>
#include <libasync/testing/wait_all_tasks_blocked.hpp>

#include <tests/support/cancel.hpp>
#include <tests/support/environment.hpp>
#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;
using async::testing::advance;
using async::testing::sequencer;
using async::testing::wait_all_tasks_blocked;

TEST_CASE("waiting until all are blocked: nobody is disturbed, and others that wait go on") {
    const auto part = [](int& rounds) -> task<void> {
        for (; rounds < 3; ++rounds) co_await wait_all_tasks_blocked();
    };
    const auto scenario = [part](cancel_subject& subject) -> task<void> {
        int rounds = 0;
        int beside = 0;
        task_handle<void> other = create_task(part(beside));
        const auto ending = co_await subject.run(part(rounds));
        must_not_fail(ending);
        must(ending.completed() == (rounds == 3), "it completes at its end");
        const int before = rounds;
        co_await other;
        co_await wait_all_tasks_blocked();
        must(beside == 3 && rounds == before, "only the other one goes on");
    };
    check_cancelled(cancel_everywhere(scenario, with_all_deliveries));
}

TEST_CASE("steps of a sequence: each begins once, in its order, or is told that the sequence is broken") {
    const auto part = [](sequencer& order, std::string& begun) -> task<void> {
        for (const std::size_t number : {1u, 3u, 5u}) {
            const auto turn = co_await order.at(number);
            begun += std::to_string(number);
        }
    };
    const auto counterpart = [](sequencer& order, std::string& begun) -> task<void> {
        try {
            for (const std::size_t number : {0u, 2u, 4u}) {
                co_await yield();
                const auto turn = co_await order.at(number);
                begun += std::to_string(number);
            }
        } catch (const std::runtime_error&) {
            begun += "!";
        }
    };
    const auto scenario = [=](cancel_subject& subject) -> task<void> {
        sequencer order;
        std::string begun;
        task_handle<void> other = create_task(counterpart(order, begun));
        const auto ending = co_await subject.run(part(order, begun));
        must_not_fail(ending);
        co_await other;
        const std::string ordered = begun.ends_with("!") ? begun.substr(0, begun.size() - 1) : begun;
        must(std::string("012345").starts_with(ordered), "in another order: " + begun);
        must(!ending.completed() || begun == "012345", "it completes at its end");
    };
    check_cancelled(cancel_everywhere(scenario, with_all_deliveries));
}

TEST_CASE("advance: wherever it is cancelled time stops, and what was passed over has happened") {
    const environment_variable simulated("LIBASYNC_ENGINE", "sim");
    const auto ticker = [](int& ticks) -> task<void> {
        for (;; ++ticks) co_await sleep(1min);
    };
    const auto scenario = [ticker](cancel_subject& subject) -> task<void> {
        io::sim_engine& engine = detail::require_sim("this test");
        engine.hold_clock_at(engine.world().now());
        const time_point begin = this_loop().now();
        int ticks = 0;
        task_handle<void> clock = create_task(ticker(ticks));
        const auto ending = co_await subject.run(advance(10min));
        must_not_fail(ending);
        co_await wait_all_tasks_blocked();
        const auto passed = this_loop().now() - begin;
        must(passed <= 10min && ticks == passed / 1min, std::to_string(ticks) + " minutes were told");
        must(!ending.completed() || ticks == 10, "it completes when all the time has passed");
        co_await advance(1min);
        must(ticks == passed / 1min + 1, "time goes on as before");
        clock.cancel();
        engine.hold_clock_at(time_point::max());
        co_await clock.wait();
    };
    check_cancelled(cancel_everywhere(scenario, with_all_deliveries));
}
