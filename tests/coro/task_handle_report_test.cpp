// Failures of tasks that nobody reads go to the loop's exception handler, with name and place of creation.
#include <doctest/doctest.h>

#include <optional>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

task<int> fail(std::string text) {
    co_await yield();
    throw std::runtime_error(text);
}

}  // namespace

TEST_CASE("the failure of a detached task is reported with its name and where it was created") {
    scripted_runner s;
    report_recorder recorder(s.loop());
    const unsigned line = __LINE__ + 1;
    s.runner.create_task(fail("nobody hears"), "lonely");
    s.turns(3);
    REQUIRE(recorder.reports.size() == 1);
    CHECK(recorder.reports[0].task_name == "lonely");
    CHECK(recorder.reports[0].what == "nobody hears");
    CHECK(recorder.reports[0].line == line);
    CHECK(recorder.reports[0].file.find("task_handle_report_test.cpp") != std::string::npos);
}

TEST_CASE("a task without a name is reported under the name that its handle gives") {
    scripted_runner s;
    report_recorder recorder(s.loop());
    std::string name;
    {
        auto handle = s.runner.create_task(fail("nobody hears"));
        name = handle.name();
    }
    s.turns(3);
    REQUIRE(recorder.reports.size() == 1);
    CHECK(recorder.reports[0].task_name == name);
}

TEST_CASE("as long as somebody could still read a failure it is not reported") {
    scripted_runner s;
    report_recorder recorder(s.loop());
    std::optional handle = s.runner.create_task(fail("late"), "kept");
    s.turns(4);
    CHECK(handle->done());
    CHECK(recorder.reports.empty());
    handle.reset();
    REQUIRE(recorder.reports.size() == 1);
    CHECK(recorder.reports[0].task_name == "kept");
}

TEST_CASE("a failure that was read is not reported, however it was read") {
    scripted_runner s;
    report_recorder recorder(s.loop());
    s.run([]() -> task<void> {
        auto awaited = create_task(fail("awaited"));
        auto asked = create_task(fail("asked"));
        auto taken = create_task(fail("taken"));
        const std::string what = co_await message_of(std::move(awaited));
        CHECK(what == "awaited");
        co_await asked.wait();
        co_await taken.wait();
        CHECK(what_of(asked.exception()) == "asked");
        CHECK_THROWS_AS(static_cast<void>(taken.result()), std::runtime_error);
    }());
    CHECK(recorder.reports.empty());
}

TEST_CASE("watching is not reading") {
    scripted_runner s;
    report_recorder recorder(s.loop());
    s.run([]() -> task<void> {
        auto watched = create_task(fail("watched"));
        co_await watched.wait();
    }());
    CHECK(recorder.reports.size() == 1);
}

TEST_CASE("a cancelled task is no failure") {
    scripted_runner s;
    report_recorder recorder(s.loop());
    s.run([]() -> task<void> {
        auto sleeper = []() -> task<void> { co_await sleep(1h); };
        auto never_ran = create_task(sleeper());
        never_ran.cancel();
        auto handle = create_task(sleeper());
        co_await yield();
        handle.cancel();
        create_task(sleeper());
    }());
    CHECK(recorder.reports.empty());
}

TEST_CASE("what tasks throw that are cancelled at the end of run is reported") {
    scripted_runner s;
    report_recorder recorder(s.loop());
    s.run([]() -> task<void> {
        auto body = []() -> task<void> {
            try {
                co_await sleep(1h);
            } catch (const cancelled&) {
                throw std::runtime_error("on the way out");
            }
        };
        create_task(body(), "hanging");
        co_await yield();
    }());
    REQUIRE(recorder.reports.size() == 1);
    CHECK(recorder.reports[0].task_name == "hanging");
    CHECK(recorder.reports[0].what == "on the way out");
}

TEST_CASE("by default a detached failure is one line in the log") {
    log_recorder log;
    scripted_runner s;
    s.runner.create_task(fail("nobody hears"), "lonely");
    s.turns(3);
    REQUIRE(log.lines.size() == 1);
    CHECK(log.has("lonely"));
    CHECK(log.has("nobody hears"));
    CHECK(log.has("task_handle_report_test.cpp"));
}

TEST_CASE("a handle with an unread failure may outlive its runner: the failure is reported before the loop goes") {
    log_recorder log;
    std::optional<task_handle<int>> handle;
    {
        scripted_runner s;
        handle = s.runner.create_task(fail("too late"), "survivor");
        s.turns(4);
        REQUIRE(handle->done());
    }
    CHECK(handle->done());
    handle.reset();
    CHECK(log.has("survivor"));
    CHECK(log.lines.size() == 1);
}
