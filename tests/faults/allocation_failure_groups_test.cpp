// Memory runs out in what runs several tasks, shields one, or waits for some.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <tests/support/allocation_failure.hpp>

using namespace async_tests;

namespace {

task<int> number_later(int n) {
    co_await yield();
    co_return n;
}

task<void> serve(task_status<int> status) {
    co_await yield();
    status.started(7);
    co_await yield();
}

std::vector<task<int>> five_tasks() {
    std::vector<task<int>> tasks;
    for (int i = 0; i < 5; ++i) tasks.push_back(number_later(i));
    return tasks;
}

}  // namespace

TEST_CASE("without memory gather_settled and race cancel what they have started") {
    survives([]() -> task<void> {
        auto [a, b] = co_await gather_settled(number_later(1), number_later(2));
        must_hold(a.value() + b.value() == 3, "all outcomes are given");
        const auto outcomes = co_await gather_settled(five_tasks());
        must_hold(outcomes.size() == 5 && outcomes[4].value() == 4, "all outcomes are given");
    });
    survives([]() -> task<void> {
        const auto first = co_await race(number_later(1), sleep(24h));
        must_hold(std::get<0>(first) == 1, "the first is given");
        const auto of_five = co_await race(five_tasks());
        must_hold(of_five.index == 0, "the first is given");
    });
}

TEST_CASE("without memory a task group starts a child or not, and waits for those that there are") {
    survives([]() -> task<void> {
        const int sum = co_await with_task_group([](task_group& group) -> task<int> {
            auto one = group.start(number_later(1), "a child with a name that is not short at all");
            auto two = group.start([](int n) { return number_later(n); }, 2);
            const int ready = co_await group.start_ready(serve);
            const int a = co_await one;
            const int b = co_await two;
            co_return a + b + ready;
        });
        must_hold(sum == 10, "all children give their results");
    });
}

TEST_CASE("without memory failures of a group are thrown together, or reported one by one") {
    survives([]() -> task<void> {
        auto fail = []() -> task<void> {
            co_await yield();
            throw std::bad_alloc();
        };
        bool failed = false;
        try {
            co_await with_task_group([&](task_group& group) -> task<void> {
                group.start(fail());
                group.start(fail());
                co_await sleep(24h);
            });
        } catch (const exception_group& group) {
            failed = group.contains<std::bad_alloc>();
            if (!failed) throw;
        } catch (const std::bad_alloc&) {
            failed = true;
        }
        must_hold(failed, "the failure is told");
    });
}

TEST_CASE("without memory shields, clean-ups and waits fail, or do what they are for") {
    survives([]() -> task<void> {
        const int n = co_await shield(number_later(3), 24h);
        must_hold(n == 3, "the result is given");
        const int m = co_await finally(number_later(4), yield(), 24h);
        must_hold(m == 4, "the result is given");
        const int w = co_await wait_for(number_later(5), 24h);
        must_hold(w == 5, "the result is given");
    });
    survives([]() -> task<void> {
        std::vector<task_handle<int>> handles;
        handles.reserve(3);
        for (int i = 0; i < 3; ++i) handles.push_back(create_task(number_later(i)));
        auto result = co_await async::wait(handles, when::first_completed, 24h);
        must_hold(!result.done.empty(), "somebody has ended");
        result = co_await async::wait(handles);
        must_hold(result.done.size() == 3, "all have ended");
    });
}

TEST_CASE("without memory a selection takes one thing or nothing") {
    survives([]() -> task<void> {
        channel<int> c(1);
        event never;
        auto send = [](channel_sender<int> to) -> task<void> {
            co_await yield();
            co_await to.send(7);
        };
        auto choose = [](channel_receiver<int> from, event& never) -> task<int> {
            auto got = co_await select(never.wait(), from.receive(), sleep(24h));
            co_return std::get<1>(got).value();
        };
        const auto [nothing, item] = co_await gather(send(c.sender), choose(c.receiver, never));
        must_hold(item == 7, "what was sent is received");
    });
}

TEST_CASE("without memory as_completed cancels what it has started") {
    survives([]() -> task<void> {
        auto each = as_completed(five_tasks());
        int count = 0;
        while (auto next = co_await each.next()) count += next->has_value();
        must_hold(count == 5, "all outcomes are given");
    });
}
