// What becomes of exceptions that have no caller: rows 16 and 17 of what asyncio promises.
#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

#include <libasync/loop/notifier.hpp>
#include <libasync/loop/timer.hpp>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

task<int> yield_times(int count) {
    for (int i = 0; i < count; ++i) co_await yield();
    co_return count;
}

}  // namespace

TEST_CASE("16: whatever throws in the loop is reported with its place, and nothing else is disturbed") {
    with_every_runner([](runner& r) {
        report_recorder recorder(r.loop());
        auto broken = [](const char* what) { return [what] { throw std::runtime_error(what); }; };
        int others = 0;
        timer t(r.loop(), broken("timer"));
        notifier n(r.loop(), broken("notifier"));
        auto task_that_ends = r.create_task(yield_times(0));
        task_that_ends.add_done_callback(broken("done"));
        t.set_after(0s);
        n.notify();
        r.loop().call_soon(broken("soon"));
        r.loop().call_soon([&] { ++others; });
        r.loop().call_later(0s, broken("later"));
        r.loop().post(broken("post"));
        r.loop().post([&] { ++others; });
        while (recorder.reports.size() < 6 || others < 2) r.turn(turn::no_wait);
        std::string all;
        for (const reported& report : recorder.reports) {
            all += report.what + " ";
            CHECK(report.file.find("reports_test.cpp") != std::string::npos);
            CHECK(report.line != 0);
            CHECK(report.message.find("threw") != std::string::npos);
        }
        for (const char* what : {"timer", "notifier", "done", "soon", "later", "post"}) {
            CAPTURE(what);
            CHECK(all.find(what) != std::string::npos);
        }
        CHECK(r.run(yield_times(3)) == 3);
        CHECK(recorder.reports.size() == 6);
    });
}

TEST_CASE("16: what is no std::exception is reported like the rest, and does not leave the loop") {
    with_every_runner([](runner& r) {
        report_recorder recorder(r.loop());
        auto sleeps = []() -> task<void> { co_await sleep(24h); };
        auto victim = r.create_task(sleeps());
        victim.cancel();
        r.turn(turn::no_wait);
        REQUIRE(victim.cancelled());
        r.loop().call_soon([] { throw 42; });
        r.loop().call_soon([&] { victim.result(); });  // throws task_cancelled
        CHECK(r.run(yield_times(3)) == 3);
        REQUIRE(recorder.reports.size() == 2);
        CHECK(recorder.reports[0].what == "not a std::exception");
        CHECK(recorder.reports[1].what.find("task-") != std::string::npos);
    });
}

TEST_CASE("16: without a handler, or when it is taken away, a failure is a line of the log") {
    scripted_runner s;
    log_recorder log;
    int handled = 0;
    const auto fail = [&](const char* what) {
        s.loop().call_soon([what] { throw std::runtime_error(what); });
        s.turns(1);
    };
    fail("before");
    s.loop().set_exception_handler([&](const exception_context&) { ++handled; });
    fail("meanwhile");
    s.loop().set_exception_handler({});
    fail("after");
    CHECK(handled == 1);
    CHECK(log.has("before"));
    CHECK_FALSE(log.has("meanwhile"));
    CHECK(log.has("after"));
}

TEST_CASE("16: the failure of main is thrown by run, not reported as well, and leaves the runner as it was") {
    with_every_runner([](runner& r) {
        report_recorder recorder(r.loop());
        auto fails = []() -> task<void> {
            co_await yield();
            throw std::runtime_error("main broke");
        };
        CHECK_THROWS_AS(r.run(fails()), std::runtime_error);
        bool called = false;
        r.loop().call_soon([&] { called = true; });
        CHECK(r.run(yield_times(2)) == 2);
        CHECK(called);
        CHECK(recorder.reports.empty());
    });
}

TEST_CASE("17: a handler that throws is logged together with what it was told, and is asked again the next time") {
    scripted_runner s;
    log_recorder log;
    int asked = 0;
    s.loop().set_exception_handler([&](const exception_context&) {
        ++asked;
        throw std::runtime_error("worse");
    });
    auto fails = []() -> task<void> {
        throw std::runtime_error("a task broke");
        co_return;
    };
    s.loop().call_soon([] { throw std::runtime_error("a callback broke"); });
    s.runner.create_task(fails());
    s.turns(2);
    CHECK(asked == 2);
    CHECK(log.has("a callback broke"));
    CHECK(log.has("a task broke"));
    CHECK(log.has("the exception handler itself threw"));
}

TEST_CASE("17: a handler may use the loop, and put another handler in its own place") {
    scripted_runner s;
    std::string notes;
    s.loop().set_exception_handler([&s, &notes, c = counted(1)](const exception_context&) {
        s.loop().set_exception_handler([&notes](const exception_context&) { notes += '2'; });
        s.loop().call_soon([&notes] { notes += 'c'; });
        notes += c.value == 1 ? '1' : '!';  // it is there until it returns
    });
    for (int i = 0; i < 2; ++i) s.loop().call_soon([] { throw std::runtime_error("broke"); });
    s.turns(2);
    CHECK(notes == "12c");
}
