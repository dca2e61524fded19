#include <libasync/coro/child_group.hpp>

#include <doctest/doctest.h>

#include <optional>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;
using detail::all_children;

namespace {

const std::source_location here = std::source_location::current();

task<int> number_after(std::chrono::nanoseconds delay, int n) {
    co_await sleep(delay);
    co_return n;
}

task<void> fail_after(std::chrono::nanoseconds delay, std::string what) {
    co_await sleep(delay);
    throw std::runtime_error(what);
}

}  // namespace

TEST_CASE("a group without children ends at once") {
    on_every_engine([]() -> task<void> {
        detail::task_context& context = co_await detail::own_context{};
        all_children group(context);
        const auto turns = this_loop().statistics().turns;
        co_await group.end();
        co_await group.end();
        CHECK(this_loop().statistics().turns == turns);
    });
}

TEST_CASE("the end of a group is the end of its last child, also of those that had ended before it was awaited") {
    on_every_engine([]() -> task<void> {
        detail::task_context& context = co_await detail::own_context{};
        all_children group(context);
        auto first = group.start(number_after(0ms, 1), here);
        auto second = group.start(number_after(1ms, 2), here);
        while (!first->done()) co_await yield();
        co_await group.end();
        CHECK(second->done());
        CHECK(group.failure() == nullptr);
        CHECK(first->outcome.take() + second->outcome.take() == 3);
    });
}

TEST_CASE("the first failure cancels the other children and is the group's; later ones are reported") {
    scripted_runner s;
    report_recorder recorder(s.loop());
    s.run([]() -> task<void> {
        detail::task_context& context = co_await detail::own_context{};
        all_children group(context);
        auto sleeper = group.start(number_after(24h, 1), here);
        group.start(fail_after(1s, "first"), here);
        group.start(fail_after(1s, "second"), here);
        co_await group.end();
        CHECK(sleeper->outcome_kind == detail::task_outcome::cancelled);
        CHECK(what_of(group.failure()) == "first");
    }());
    REQUIRE(recorder.reports.size() == 1);
    CHECK(recorder.reports[0].what == "second");
}

TEST_CASE("a failure from elsewhere counts as if a child had failed") {
    on_every_engine([]() -> task<void> {
        detail::task_context& context = co_await detail::own_context{};
        all_children group(context);
        auto sleeper = group.start(number_after(24h, 1), here);
        co_await yield();
        group.fail(std::make_exception_ptr(std::runtime_error("body")));
        group.fail(std::make_exception_ptr(std::runtime_error("ignored")));
        co_await group.end();
        CHECK(sleeper->outcome_kind == detail::task_outcome::cancelled);
        CHECK(what_of(group.failure()) == "body");
    });
}

TEST_CASE("the wait for the end is not cancelled: the children are, and are waited for") {
    scripted_runner s;
    bool child_ended = false;
    bool end_passed = false;
    auto slow_to_end = [](bool& ended) -> task<void> {
        try {
            co_await sleep(24h);
        } catch (const cancelled&) {
        }
        for (int i = 0; i < 5; ++i) {
            try {
                co_await yield();
            } catch (const cancelled&) {
            }
        }
        ended = true;
    };
    auto body = [](auto slow_to_end, bool& child_ended, bool& end_passed) -> task<void> {
        detail::task_context& context = co_await detail::own_context{};
        all_children group(context);
        group.start(slow_to_end(child_ended), here);
        co_await group.end();
        CHECK(child_ended);
        end_passed = true;
        co_await yield();
        FAIL("the cancellation is raised here");
    };
    auto handle = s.runner.create_task(body(slow_to_end, child_ended, end_passed));
    s.turns(2);
    handle.cancel();
    s.turns(10);
    CHECK(end_passed);
    CHECK(handle.cancelled());
}
