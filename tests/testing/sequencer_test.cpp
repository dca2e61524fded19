// The cases are those of trio's tests of its Sequencer, and some of our own.
#include <libasync/testing/sequencer.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

#include <libasync/testing/wait_all_tasks_blocked.hpp>
#include <tests/support/expect.hpp>
#include <tests/support/foreign_coroutine.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;
using async::testing::sequence_step;
using async::testing::sequencer;
using async::testing::wait_all_tasks_blocked;

namespace {

using record = std::vector<std::string>;

task<void> step(sequencer& order, std::size_t number) { const sequence_step turn = co_await order.at(number); }

task<void> note_step(sequencer& order, std::size_t number, record& notes) {
    const sequence_step turn = co_await order.at(number);
    notes.push_back(std::to_string(number));
}

}  // namespace

TEST_CASE("steps of several tasks happen in the order of their numbers") {
    on_every_engine([]() -> task<void> {
        sequencer order;
        record notes;
        auto even = [](sequencer& order, record& notes) -> task<void> {
            {
                const sequence_step turn = co_await order.at(0);
                notes.emplace_back("f1");
            }
            {
                const sequence_step turn = co_await order.at(2);
                notes.emplace_back("f2");
            }
            const sequence_step turn = co_await order.at(4);
            notes.emplace_back("f3");
        };
        auto odd = [](sequencer& order, record& notes) -> task<void> {
            {
                const sequence_step turn = co_await order.at(1);
                notes.emplace_back("g1");
            }
            const sequence_step turn = co_await order.at(3);
            notes.emplace_back("g2");
        };
        auto f = create_task(even(order, notes));
        auto g = create_task(odd(order, notes));
        {
            const sequence_step turn = co_await order.at(5);
            CHECK(notes == record{"f1", "g1", "f2", "g2", "f3"});
        }
        co_await f;
        co_await g;
    });
}

TEST_CASE("a step lasts until its guard goes, over awaits and moves") {
    on_every_engine([]() -> task<void> {
        sequencer order;
        record notes;
        std::optional<sequence_step> turn;
        {
            sequence_step first = co_await order.at(0);
            turn.emplace(std::move(first));
        }
        auto next = create_task(note_step(order, 1, notes));
        co_await wait_all_tasks_blocked();
        CHECK(notes.empty());
        turn.reset();
        co_await next;
        CHECK(notes == record{"1"});
    });
}

TEST_CASE("a number is used once: while it runs, when it is over, and while it waits") {
    on_every_engine([]() -> task<void> {
        sequencer order;
        {
            const sequence_step turn = co_await order.at(0);
            const bool refused = co_await throws<std::logic_error>(step(order, 0));
            CHECK(refused);
        }
        bool refused = co_await throws<std::logic_error>(step(order, 0));
        CHECK(refused);
        auto waiting = create_task(step(order, 2));
        co_await wait_all_tasks_blocked();
        refused = co_await throws<std::logic_error>(step(order, 2));
        CHECK(refused);
        co_await step(order, 1);
        co_await waiting;
    });
}

TEST_CASE("a cancelled step breaks the sequence, for those that wait and those that come later") {
    on_every_engine([]() -> task<void> {
        sequencer order;
        auto cancelled = create_task(step(order, 1));
        auto waiting = create_task(message_of(step(order, 2)));
        co_await wait_all_tasks_blocked();
        cancelled.cancel();
        co_await cancelled.wait();
        CHECK(cancelled.cancelled());
        const std::string told = co_await waiting;
        CHECK(told == "the sequence is broken: step 2 cannot begin");
        const bool later = co_await throws<std::runtime_error>(step(order, 0));
        CHECK(later);
    });
}

TEST_CASE("a step that is asked for in a cancelled scope breaks the sequence too") {
    on_every_engine([]() -> task<void> {
        sequencer order;
        cancel_scope scope;
        scope.cancel();
        co_await scope.run(step(order, 0));
        CHECK(scope.cancelled_caught());
        const bool broken = co_await throws<std::runtime_error>(step(order, 1));
        CHECK(broken);
    });
}

TEST_CASE("a step that may begin is not undone by a cancellation that comes then") {
    on_every_engine([]() -> task<void> {
        sequencer order;
        record notes;
        auto next = create_task(note_step(order, 1, notes));
        co_await wait_all_tasks_blocked();
        co_await step(order, 0);
        next.cancel();
        co_await next.wait();
        CHECK_FALSE(next.cancelled());
        CHECK(notes == record{"1"});
        co_await step(order, 2);
    });
}

TEST_CASE("a step that ends by an exception is over like any other") {
    on_every_engine([]() -> task<void> {
        sequencer order;
        auto fail = [](sequencer& order) -> task<void> {
            const sequence_step turn = co_await order.at(0);
            throw std::length_error("in step 0");
        };
        const bool failed = co_await throws<std::length_error>(fail(order));
        CHECK(failed);
        co_await step(order, 1);
    });
}

TEST_CASE("a waiting step whose frame is destroyed breaks the sequence, before and after it may begin") {
    on_every_engine([]() -> task<void> {
        auto wait = [](sequencer& order) -> foreign_coroutine { const sequence_step turn = co_await order.at(1); };
        for (const bool may_begin : {false, true}) {
            CAPTURE(may_begin);
            sequencer order;
            foreign_coroutine waiting = wait(order);
            if (may_begin) co_await step(order, 0);
            waiting.destroy();
            const bool broken = co_await throws<std::runtime_error>(step(order, 2));
            CHECK(broken);
        }
    });
}

TEST_CASE("steps that wait when the sequencer goes are told so") {
    on_every_engine([]() -> task<void> {
        std::optional<sequencer> order;
        order.emplace();
        auto waiting = create_task(throws<std::runtime_error>(step(*order, 1)));
        co_await wait_all_tasks_blocked();
        order.reset();
        const bool told = co_await waiting;
        CHECK(told);
    });
}
