// Who watches tasks by reference, cancelled at every suspension: the tasks are not disturbed.
#include <doctest/doctest.h>

#include <vector>

#include <libasync/coro/current_task.hpp>

#include <tests/support/cancel.hpp>
#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

TEST_CASE("task_ref: a watch disturbs nobody, and may be repeated") {
    const auto scenario = [](cancel_subject& subject) -> task<void> {
        auto count = [](int turns) -> task<int> {
            for (int i = 0; i < turns; ++i) co_await yield();
            co_return turns;
        };
        auto a = create_task(count(3));
        auto b = create_task(count(6));
        auto watch = [](async::task_ref a, async::task_ref b) -> task<void> {
            co_await a.wait();
            co_await b.wait();
            must(a.done() && b.done(), "they have ended");
        };
        must_not_fail(co_await subject.run(watch(a.ref(), b.ref())));
        co_await watch(b.ref(), a.ref());
        const int sum = a.result() + b.result();
        must(sum == 9, "the results are there");
    };
    check_cancelled(cancel_everywhere(scenario, with_all_deliveries));
}
