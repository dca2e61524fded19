#include <libasync/testing/cancel_everywhere.hpp>

#include <doctest/doctest.h>

#include <deque>

#include <tests/support/environment.hpp>
#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;
using namespace async::testing;

namespace {

std::unique_ptr<io::engine> scripted() { return std::make_unique<io::scripted_engine>(); }

cancel_options on_scripted(delivery_set deliveries = delivery_set::all()) {
    return {.make_engine = scripted, .deliveries = deliveries};
}

void must(bool condition, const char* what) {
    if (!condition) throw std::runtime_error(what);
}

task<void> sleep_three_times(int& slept) {
    for (int i = 0; i < 3; ++i) {
        co_await sleep(1s);
        ++slept;
    }
}

task<void> three_sleeps(cancel_subject& subject) {
    int slept = 0;
    const auto ending = co_await subject.run(sleep_three_times(slept));
    must(ending.completed() == (slept == 3), "it completes with the third sleep");
}

std::string failure_of(cancel_scenario scenario, const cancel_options& options) {
    try {
        cancel_everywhere(std::move(scenario), options);
    } catch (const cancel_failure& e) {
        return e.what();
    }
    return "none";
}

bool contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("each delivery reaches every suspension of the part") {
    const cancel_report report = cancel_everywhere(three_sleeps, on_scripted());
    CHECK(report.suspensions() == 3);
    for (const auto d : {cancel_delivery::at_once, cancel_delivery::next_turn, cancel_delivery::twice,
                         cancel_delivery::from_sibling}) {
        CAPTURE(std::string(to_string(d)));
        CHECK(report.of(d).runs == 3);
        CHECK(report.of(d).cancelled == 3);
    }
    CHECK(report.of(cancel_delivery::by_destruction).destroyed == 3);
    CHECK(report.of(cancel_delivery::destruction_at_completion).destroyed == 3);
}

TEST_CASE("a cancellation at the instant of the completion is seen at the next await, or too late") {
    const cancel_report report = cancel_everywhere(three_sleeps, on_scripted());
    for (const auto d : {cancel_delivery::when_completion_is_queued, cancel_delivery::deadline_at_completion}) {
        CAPTURE(std::string(to_string(d)));
        CHECK(report.of(d).runs == 3);
        CHECK(report.of(d).cancelled == 2);
        CHECK(report.of(d).completed == 1);
        CHECK(report.of(d).waited == 0);
    }
}

TEST_CASE("without a virtual clock there is no deadline of the same instant, and the report says so") {
    const cancel_report report = cancel_everywhere(
        [](cancel_subject& subject) -> task<void> { static_cast<void>(co_await subject.run(yield())); },
        {.loop = {.engine = engine_kind::asio}});
    CHECK(contains(report.skipped(cancel_delivery::deadline_at_completion), "has none"));
    CHECK(report.of(cancel_delivery::deadline_at_completion).runs == 0);
    CHECK(report.skipped(cancel_delivery::at_once).empty());
    CHECK(report.of(cancel_delivery::at_once).runs == 1);
}

TEST_CASE("what never completes by itself is not cancelled at its completion") {
    const auto waits = [](cancel_subject& subject) -> task<void> {
        static_cast<void>(co_await subject.run(scripted_operation(1)));
    };
    const cancel_report report =
        cancel_everywhere(waits, {.make_engine = scripted, .deliveries = delivery_set::all(), .quiet = 1h});
    for (const auto d : {cancel_delivery::when_completion_is_queued, cancel_delivery::destruction_at_completion,
                         cancel_delivery::deadline_at_completion}) {
        CAPTURE(std::string(to_string(d)));
        CHECK(report.of(d).runs == 1);
        CHECK(report.of(d).not_applicable == 1);
    }
    CHECK(report.of(cancel_delivery::at_once).cancelled == 1);
    CHECK(report.of(cancel_delivery::by_destruction).destroyed == 1);
}

TEST_CASE(
    "a part is destroyed with its outcome recorded before it learns of it; that is done only if it is asked for") {
    struct handed_over {
        bool sent = false;
        bool got = false;
    };
    const auto scenario = [](cancel_subject& subject) -> task<void> {
        handed_over h;
        event e;
        auto send = [](event& e, handed_over& h) -> task<void> {
            co_await sleep(1s);
            h.sent = true;
            e.set();
        };
        auto receive = [](event& e, handed_over& h) -> task<void> {
            co_await e.wait();
            h.got = true;
        };
        auto sender = create_task(send(e, h));
        const auto ending = co_await subject.run(receive(e, h));
        const bool at_completion = subject.point().delivery == cancel_delivery::destruction_at_completion;
        if (at_completion && subject.point().suspension == 0)
            must(ending.destroyed() && h.sent && !h.got, "in between");
        co_await sender;
    };
    const cancel_report report = cancel_everywhere(scenario, on_scripted());
    CHECK(report.of(cancel_delivery::destruction_at_completion).destroyed == 1);
    const cancel_report by_default = cancel_everywhere(scenario, {.make_engine = scripted});
    CHECK(contains(by_default.skipped(cancel_delivery::destruction_at_completion), "left out"));
}

TEST_CASE("children that hang under the part are followed too") {
    const auto scenario = [](cancel_subject& subject) -> task<void> {
        int slept = 0;
        static_cast<void>(co_await subject.run(gather(sleep_three_times(slept), sleep_three_times(slept))));
    };
    const cancel_report report = cancel_everywhere(scenario, on_scripted(delivery_set::all().without_destruction()));
    CHECK(report.suspensions() == 7);
    CHECK(report.of(cancel_delivery::at_once).cancelled == 7);
    CHECK(contains(report.skipped(cancel_delivery::by_destruction), "left out"));
    CHECK(contains(report.skipped(cancel_delivery::destruction_at_completion), "left out"));
}

namespace {

// Takes an item, and loses it if it is cancelled before it can tell.
task<int> careless_take(std::deque<int>& items) {
    const int item = items.front();
    items.pop_front();
    co_await sleep(1s);
    co_return item;
}

task<void> take_one(cancel_subject& subject) {
    std::deque<int> items{1};
    auto ending = co_await subject.run(careless_take(items));
    must(ending.completed() || !items.empty(), "the item is lost");
}

}  // namespace

TEST_CASE("a part that loses something is found, and the message tells how to repeat that run alone") {
    const std::string what = failure_of(take_one, on_scripted());
    CAPTURE(what);
    CHECK(contains(what, "cancelled at_once:0: the item is lost"));
    CHECK(contains(what, "cancel_everywhere_test.cpp:"));
    CHECK(contains(what, "LIBASYNC_CANCEL=at_once:0"));
}

TEST_CASE("one run alone is asked for by the options or by the environment") {
    const cancel_point second{cancel_delivery::twice, 1};
    cancel_options options = on_scripted();
    options.only = second;
    const auto check = [](const cancel_report& report) {
        CHECK(report.total().runs == 1);
        CHECK(report.of(cancel_delivery::twice).cancelled == 1);
    };
    check(cancel_everywhere(three_sleeps, options));
    options.only.reset();
    {
        const environment_variable variable("LIBASYNC_CANCEL", "twice:1");
        check(cancel_everywhere(three_sleeps, options));
    }
    const environment_variable variable("LIBASYNC_CANCEL", "sometimes:1");
    CHECK_THROWS_AS(cancel_everywhere(three_sleeps, options), std::invalid_argument);
}

TEST_CASE("a scenario that leaves something behind is found") {
    const auto task_left = [](cancel_subject& subject) -> task<void> {
        static_cast<void>(co_await subject.run(yield()));
        create_task([]() -> task<void> { co_await sleep(1h); }(), "forgotten");
    };
    CHECK(contains(failure_of(task_left, on_scripted()), "tasks are left at the end"));
    CHECK(contains(failure_of(task_left, on_scripted()), "forgotten"));

    const auto timer_left = [](cancel_subject& subject) -> task<void> {
        static_cast<void>(co_await subject.run(yield()));
        this_loop().call_later(1h, [] {});
    };
    CHECK(contains(failure_of(timer_left, on_scripted()), "timers are left"));

    const auto failure_unread = [](cancel_subject& subject) -> task<void> {
        static_cast<void>(co_await subject.run(yield()));
        create_task([]() -> task<void> {
            co_await yield();
            throw std::runtime_error("unheard");
        }());
        co_await sleep(1s);
    };
    CHECK(contains(failure_of(failure_unread, on_scripted()), "unheard"));
}

#ifdef __linux__
TEST_CASE("a descriptor that is left open is found") {
    std::vector<file> kept;
    const auto scenario = [&kept](cancel_subject& subject) -> task<void> {
        kept.push_back(co_await file::open("/tmp"));
        static_cast<void>(co_await subject.run(yield()));
    };
    CHECK(contains(failure_of(scenario, {}), "descriptors are left open"));
}
#endif

TEST_CASE("a part that waits for ever is found, with the place where it waits") {
    const auto scenario = [](cancel_subject& subject) -> task<void> {
        auto sleeps = []() -> task<void> { co_await sleep_until(time_point::max()); };
        if (subject.point().delivery == cancel_delivery::when_completion_is_queued)
            static_cast<void>(co_await subject.run(sleeps()));
        else
            static_cast<void>(co_await subject.run(yield()));
    };
    const std::string what = failure_of(scenario, on_scripted());
    CAPTURE(what);
    CHECK(contains(what, "does not end"));
    CHECK(contains(what, "cancel_everywhere_test.cpp:"));
}

TEST_CASE("a part that suspends without end is given up at the limit") {
    const auto scenario = [](cancel_subject& subject) -> task<void> {
        auto turns = []() -> task<void> {
            for (;;) co_await yield();
        };
        static_cast<void>(co_await subject.run(turns()));
    };
    CHECK(contains(failure_of(scenario, {.make_engine = scripted, .limit = 5}), "suspends without end"));
}

TEST_CASE("a scenario has one part under test, no more and no less") {
    CHECK(contains(failure_of([](cancel_subject&) -> task<void> { co_await yield(); }, on_scripted()), "did not run"));
    const auto two = [](cancel_subject& subject) -> task<void> {
        static_cast<void>(co_await subject.run(yield()));
        static_cast<void>(co_await subject.run(yield()));
    };
    CHECK(contains(failure_of(two, on_scripted()), "one part"));
}

TEST_CASE("the ending gives the value or the failure of the part: none, a reference, an exception") {
    const auto scenario = [](cancel_subject& subject) -> task<void> {
        int target = 4;
        auto gives = [](int& t) -> task<int&> {
            co_await yield();
            co_return t;
        };
        auto ending = co_await subject.run(gives(target));
        if (ending.completed()) {
            must(&ending.value().get() == &target, "it is the same");
        } else {
            bool refused = false;
            try {
                ending.value();
            } catch (const std::logic_error&) {
                refused = true;
            }
            must(refused && !ending.failure(), "there is no value");
        }
    };
    const cancel_report report = cancel_everywhere(scenario, on_scripted());
    CHECK(report.total().completed != 0);
    const auto fails = [](cancel_subject& subject) -> task<void> {
        auto part = []() -> task<int> {
            co_await yield();
            throw std::runtime_error("odd");
        };
        auto ending = co_await subject.run(part());
        must(ending.destroyed() || what_of(ending.failure()) == "odd", "the failure is told");
    };
    const cancel_report failed = cancel_everywhere(fails, on_scripted());
    CHECK(failed.total().failed != 0);
    CHECK(failed.of(cancel_delivery::by_destruction).destroyed == 1);
}

TEST_CASE("a hook that is there already sees the steps as before") {
    struct counting final : detail::turn_hook {
        int turns = 0;
        void before_steps(detail::ready_list&) noexcept override { ++turns; }
    };
    counting outer;
    const auto scenario = [&outer](cancel_subject& subject) -> task<void> {
        this_loop().core().hook = &outer;
        int slept = 0;
        const int before = outer.turns;
        static_cast<void>(co_await subject.run(sleep_three_times(slept)));
        must(outer.turns > before, "it is called");
        must(this_loop().core().hook == &outer, "it is the only one again");
        this_loop().core().hook = nullptr;
    };
    CHECK(cancel_everywhere(scenario, on_scripted()).total().runs == 24);
}
