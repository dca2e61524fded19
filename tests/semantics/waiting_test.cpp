// gather, wait, wait_for and shield: rows 56 and 59 to 71 of what asyncio promises, as the library decides where it
// differs: gather cancels the rest after a failure, and shield waits.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

using strings = std::vector<std::string>;
using places = std::vector<std::size_t>;

task<int> number_after(std::chrono::nanoseconds delay, int n) {
    co_await sleep(delay);
    co_return n;
}

task<int> fail_after(std::chrono::nanoseconds delay, std::string what) {
    co_await sleep(delay);
    throw std::runtime_error(what);
}

task<int> note_after(std::chrono::nanoseconds delay, strings& notes, std::string note) {
    try {
        co_await sleep(delay);
    } catch (const cancelled&) {
        notes.push_back("cancelled " + note);
        throw;
    }
    notes.push_back(note);
    co_return 0;
}

}  // namespace

TEST_CASE("56: a shielded task runs to its end; the caller's cancellation is raised afterwards, not lost") {
    on_every_engine([]() -> task<void> {
        strings notes;
        auto outer = [](strings& notes) -> task<void> {
            static_cast<void>(co_await shield(note_after(1ms, notes, "inner")));
            notes.emplace_back("outer");
            co_await yield();
            notes.emplace_back("never");
        };
        auto handle = create_task(outer(notes));
        co_await yield();
        co_await yield();
        handle.cancel();
        co_await handle.wait();
        CHECK(notes == strings{"inner", "outer"});
        CHECK(handle.cancelled());
    });
}

TEST_CASE("56: to cancel the inner task of a shield ends the outer with task_cancelled; its failure is thrown there") {
    on_every_engine([]() -> task<void> {
        auto inner = create_task(number_after(24h, 1));
        inner.cancel();
        const bool told = co_await throws<task_cancelled>(shield(std::move(inner)));
        CHECK(told);
        const std::string what = co_await message_of(shield(fail_after(0ms, "inner")));
        CHECK(what == "inner");
    });
}

TEST_CASE("56: to shield a task that has ended gives its result at once") {
    on_every_engine([]() -> task<void> {
        auto inner = create_task(number_after(0ms, 3));
        co_await inner.wait();
        const int n = co_await shield(std::move(inner));
        CHECK(n == 3);
    });
}

TEST_CASE("59: gather gives results in the order of the arguments; of nothing it is done at once") {
    on_every_engine([]() -> task<void> {
        const auto [a, b, c] = co_await gather(number_after(2ms, 1), number_after(0ms, 2), number_after(1ms, 3));
        CHECK(a == 1);
        CHECK(b == 2);
        CHECK(c == 3);
        const auto none = co_await gather(std::vector<task<int>>());
        CHECK(none.empty());
        const auto settled = co_await gather_settled(std::vector<task<int>>());
        CHECK(settled.empty());
    });
}

TEST_CASE("60: the first failure of a gather cancels the rest, which is waited for, and is thrown") {
    on_every_engine([]() -> task<void> {
        strings notes;
        const std::string what = co_await message_of(gather(note_after(24h, notes, "other"), fail_after(0ms, "first")));
        CHECK(what == "first");
        CHECK(notes == strings{"cancelled other"});
    });
}

TEST_CASE("61: gather_settled gives failures and cancellations of tasks as values, in their places") {
    on_every_engine([]() -> task<void> {
        auto handle = create_task(number_after(24h, 1), "gone");
        handle.cancel();
        auto [number, failure, gone, nothing] =
            co_await gather_settled(number_after(1ms, 7), fail_after(0ms, "broken"), std::move(handle), yield());
        CHECK(number.value() == 7);
        CHECK(failure.failed());
        CHECK(what_of(failure.exception()) == "broken");
        CHECK_THROWS_WITH_AS(static_cast<void>(failure.value()), "broken", std::runtime_error);
        CHECK(gone.failed());  // of the join; the task itself was cancelled
        CHECK_THROWS_AS(static_cast<void>(gone.value()), task_cancelled);
        CHECK(nothing.has_value());
        std::vector<task<int>> tasks;
        tasks.push_back(fail_after(0ms, "a"));
        tasks.push_back(number_after(0ms, 2));
        auto outcomes = co_await gather_settled(std::move(tasks));
        REQUIRE(outcomes.size() == 2);
        CHECK(what_of(outcomes[0].exception()) == "a");
        CHECK(outcomes[1].value() == 2);
    });
}

TEST_CASE("61: a gather_settled that is cancelled cancels its tasks, and is cancelled; those that ended all the same count") {
    on_every_engine([]() -> task<void> {
        strings notes;
        const auto got = co_await move_on_after(
            1ms, gather_settled(note_after(24h, notes, "a"), note_after(24h, notes, "b")));
        CHECK_FALSE(got.has_value());
        CHECK(notes == strings{"cancelled a", "cancelled b"});
        auto stubborn = []() -> task<int> {
            try {
                co_await sleep(24h);
            } catch (const cancelled&) {
            }
            co_return 3;
        };
        const auto both = co_await move_on_after(1ms, gather_settled(stubborn(), stubborn()));
        CHECK(both.has_value());
    });
}

TEST_CASE("61: failures of a gather_settled that was cancelled are reported, not lost") {
    scripted_runner s;
    report_recorder recorder(s.loop());
    s.run([]() -> task<void> {
        strings notes;
        static_cast<void>(co_await move_on_after(
            2s, gather_settled(fail_after(1s, "early"), note_after(24h, notes, "late"))));
    }());
    REQUIRE(recorder.reports.size() == 1);
    CHECK(recorder.reports[0].what == "early");
}

TEST_CASE("62: a gathered handle whose task is cancelled fails with task_cancelled, and so cancels the rest") {
    on_every_engine([]() -> task<void> {
        strings notes;
        auto handle = create_task(number_after(24h, 1), "gone");
        auto join = [](task_handle<int>& handle) -> task<int> { co_return co_await handle; };
        auto cancel = [](task_handle<int>& handle) -> task<void> {
            co_await yield();
            handle.cancel();
        };
        const std::string what =
            co_await message_of(gather(join(handle), note_after(24h, notes, "other"), cancel(handle)));
        CHECK(what == "the task 'gone' was cancelled");
        CHECK(notes == strings{"cancelled other"});
    });
}

TEST_CASE("63: after a gather nothing of it runs any more") {
    on_every_engine([]() -> task<void> {
        strings notes;
        static_cast<void>(co_await message_of(gather(note_after(1ms, notes, "other"), fail_after(0ms, "first"))));
        co_await sleep(2ms);
        CHECK(notes == strings{"cancelled other"});
    });
}

TEST_CASE("64: a cancelled gather of shields waits for what they shield") {
    on_every_engine([]() -> task<void> {
        strings notes;
        const auto got = co_await move_on_after(
            1ms, gather(shield(note_after(3ms, notes, "a")), shield(note_after(2ms, notes, "b"))));
        CHECK(got.has_value());  // all came to their end
        CHECK(notes == strings{"b", "a"});
    });
}

TEST_CASE("65: wait does not raise at its timeout, and does not cancel; an empty set is an error") {
    scripted_runner s;
    s.run([]() -> task<void> {
        strings notes;
        std::vector<task_handle<int>> handles;
        CHECK_THROWS_AS(static_cast<void>(async::wait(handles)), std::invalid_argument);
        handles.push_back(create_task(note_after(5s, notes, "slow")));
        handles.push_back(create_task(note_after(1s, notes, "quick")));
        const auto result = co_await async::wait(handles, when::all_completed, 2s);
        CHECK(result.done == places{1});
        CHECK(result.pending == places{0});
        static_cast<void>(co_await async::wait(handles));
        CHECK(notes == strings{"quick", "slow"});
    }());
}

TEST_CASE("65: the sets are made when the waiter goes on, so several may have ended") {
    scripted_runner s;
    s.run([]() -> task<void> {
        std::vector<task_handle<int>> handles;
        handles.push_back(create_task(number_after(1s, 1)));
        handles.push_back(create_task(fail_after(1s, "too")));
        const auto result = co_await async::wait(handles, when::first_completed);
        CHECK(result.done == places{0, 1});
        CHECK(handles[1].exception());
    }());
}

TEST_CASE("67: wait_for waits until the cancelled task has ended before it throws") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        const time_point begin = s.engine.clock();
        auto slow_to_end = []() -> task<int> {
            try {
                co_await sleep(24h);
            } catch (const cancelled&) {
            }
            static_cast<void>(co_await shield(number_after(5s, 0)));
            co_await yield();
            co_return 1;
        };
        const bool late = co_await throws<timeout_error>(wait_for(slow_to_end(), 1s));
        CHECK(late);
        CHECK(s.engine.clock() == begin + 6s);
    }(s));
}

TEST_CASE("68: a result at the very instant of the deadline is given") {
    scripted_runner s;
    s.run([]() -> task<void> {
        const int n = co_await wait_for(number_after(1s, 3), 1s);
        CHECK(n == 3);
    }());
}

TEST_CASE("70: a task that swallows the cancellation and returns: its value is given, no timeout_error") {
    on_every_engine([]() -> task<void> {
        auto stubborn = []() -> task<int> {
            try {
                co_await sleep(24h);
            } catch (const cancelled&) {
            }
            co_return 3;
        };
        const int n = co_await wait_for(stubborn(), 1ms);
        CHECK(n == 3);
    });
}

TEST_CASE("71: what the task throws while it is being cancelled is thrown in place of timeout_error") {
    on_every_engine([]() -> task<void> {
        auto breaks = []() -> task<int> {
            try {
                co_await sleep(24h);
            } catch (const cancelled&) {
                throw std::runtime_error("clean-up broke");
            }
            co_return 0;
        };
        const std::string what = co_await message_of(wait_for(breaks(), 1ms));
        CHECK(what == "clean-up broke");
    });
}

TEST_CASE("67: wait_for a handle cancels its task when time is over, and a limit of zero lets it run to its first await") {
    on_every_engine([]() -> task<void> {
        strings notes;
        auto handle = create_task(note_after(24h, notes, "task"));
        co_await yield();
        const bool late = co_await throws<timeout_error>(wait_for(std::move(handle), 1ms));
        CHECK(late);
        CHECK(notes == strings{"cancelled task"});
        bool ran = false;
        auto body = [](bool& ran) -> task<void> {
            ran = true;
            co_await yield();
        };
        const bool at_once = co_await throws<timeout_error>(wait_for(body(ran), 0s));
        CHECK(at_once);
        CHECK(ran);
    });
}
