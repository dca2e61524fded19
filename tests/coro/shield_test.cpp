#include <libasync/coro/shield.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

using strings = std::vector<std::string>;

task<int> number_after(std::chrono::nanoseconds delay, int n) {
    co_await sleep(delay);
    co_return n;
}

task<void> note_after(std::chrono::nanoseconds delay, strings& notes, std::string note) {
    co_await sleep(delay);
    notes.push_back(note);
}

task<void> fail_now(std::string what) {
    co_await yield();
    throw std::runtime_error(what);
}

}  // namespace

TEST_CASE("shield gives the result of its task, of any kind") {
    on_every_engine([]() -> task<void> {
        static int number = 5;
        auto refer = []() -> task<int&> { co_return number; };
        const int n = co_await shield(number_after(0ms, 3));
        CHECK(n == 3);
        int& reference = co_await shield(refer(), 1h);
        CHECK(&reference == &number);
        co_await shield(yield(), this_loop().deadline_after(1h));
        const std::string what = co_await message_of(shield(fail_now("inner")));
        CHECK(what == "inner");
    });
}

TEST_CASE("a shielded task runs to its end though the caller is cancelled; that is raised at the next point") {
    on_every_engine([]() -> task<void> {
        strings notes;
        auto body = [](strings& notes) -> task<void> {
            const int n = co_await shield(number_after(2ms, 3));
            notes.push_back(std::to_string(n));
            co_await yield();
            notes.push_back("never");
        };
        auto handle = create_task(body(notes));
        co_await yield();
        co_await yield();
        handle.cancel();
        co_await handle.wait();
        CHECK(handle.cancelled());
        CHECK(notes == strings{"3"});
    });
}

TEST_CASE("a shield that begins in a cancelled scope runs all the same") {
    on_every_engine([]() -> task<void> {
        strings notes;
        cancel_scope scope;
        scope.cancel();
        auto body = [](strings& notes) -> task<void> {
            co_await shield(note_after(0ms, notes, "done"));
            co_await yield();
        };
        co_await scope.run(body(notes));
        CHECK(scope.cancelled_caught());
        CHECK(notes == strings{"done"});
    });
}

TEST_CASE("the shield's own deadline cuts its task short: timeout_error, or the cancellation that waits") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        const time_point begin = s.engine.clock();
        const bool late = co_await throws<timeout_error>(shield(sleep(24h), 2s));
        CHECK(late);
        CHECK(s.engine.clock() == begin + 2s);
        auto body = []() -> task<void> { co_await shield(sleep(24h), 5s); };
        const auto got = co_await move_on_after(1s, body());
        CHECK_FALSE(got.has_value());  // the caller's cancellation was raised, not timeout_error
        CHECK(s.engine.clock() == begin + 7s);
    }(s));
}

TEST_CASE("a handle can be shielded: its task is joined, not cancelled, when the joiner is") {
    on_every_engine([]() -> task<void> {
        strings notes;
        auto worker = create_task(note_after(2ms, notes, "worked"));
        auto joiner = [](task_handle<void> worker) -> task<void> { co_await shield(std::move(worker)); };
        auto handle = create_task(joiner(std::move(worker)));
        co_await yield();
        co_await yield();
        handle.cancel();
        co_await handle.wait();
        CHECK(notes == strings{"worked"});
        CHECK_FALSE(handle.cancelled());
    });
}

TEST_CASE("finally runs the clean-up after a result, a failure and a cancellation") {
    on_every_engine([]() -> task<void> {
        strings notes;
        const int n = co_await finally(number_after(0ms, 4), note_after(0ms, notes, "after a result"));
        CHECK(n == 4);
        const std::string what = co_await message_of(finally(fail_now("broken"), note_after(0ms, notes, "after a failure")));
        CHECK(what == "broken");
        const auto got = co_await move_on_after(1ms, finally(sleep(24h), note_after(1ms, notes, "after a cancel"), 1h));
        CHECK_FALSE(got.has_value());
        CHECK(notes == strings{"after a result", "after a failure", "after a cancel"});
    });
}

TEST_CASE("a clean-up that fails replaces a result or a cancellation") {
    on_every_engine([]() -> task<void> {
        const std::string after_value = co_await message_of(finally(number_after(0ms, 1), fail_now("clean-up")));
        CHECK(after_value == "clean-up");
        const std::string after_cancel =
            co_await message_of(move_on_after(1ms, finally(sleep(24h), fail_now("clean-up"))));
        CHECK(after_cancel == "clean-up");
    });
}

TEST_CASE("a clean-up that fails after its task has failed is reported, and the first failure is thrown") {
    scripted_runner s;
    report_recorder recorder(s.loop());
    s.run([]() -> task<void> {
        const std::string what = co_await message_of(finally(fail_now("first"), fail_now("second")));
        CHECK(what == "first");
    }());
    REQUIRE(recorder.reports.size() == 1);
    CHECK(recorder.reports[0].what == "second");
    CHECK(recorder.reports[0].message == "a clean-up failed after the failure of its task");
    CHECK(recorder.reports[0].file.ends_with("shield_test.cpp"));
}

TEST_CASE("a clean-up has a deadline of its own, counted from its beginning") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        const time_point begin = s.engine.clock();
        const bool late = co_await throws<timeout_error>(finally(sleep(5s), sleep(24h), 2s));
        CHECK(late);
        CHECK(s.engine.clock() == begin + 7s);
        const bool late_by_the_clock =
            co_await throws<timeout_error>(finally(yield(), sleep(24h), begin + 10s));
        CHECK(late_by_the_clock);
        CHECK(s.engine.clock() == begin + 10s);
        CHECK_THROWS_AS(static_cast<void>(finally(yield(), yield(), std::chrono::duration<double>(NAN))),
                        std::invalid_argument);
        co_await finally(yield(), yield(), std::chrono::duration<double>(std::numeric_limits<double>::infinity()));
    }(s));
}

TEST_CASE("finally in finally: the inner clean-up comes first, both whatever is cancelled") {
    on_every_engine([]() -> task<void> {
        strings notes;
        auto both = finally(finally(sleep(24h), note_after(1ms, notes, "inner")), note_after(1ms, notes, "outer"));
        const auto got = co_await move_on_after(1ms, std::move(both));
        CHECK_FALSE(got.has_value());
        CHECK(notes == strings{"inner", "outer"});
    });
}
