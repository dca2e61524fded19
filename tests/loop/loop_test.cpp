#include <libasync/loop/loop.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <thread>
#include <vector>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>
#include <tests/support/system.hpp>

using namespace async_tests;

TEST_CASE("a callback is never called inline, and callbacks are called in the order they were given") {
    scripted_runner s;
    std::vector<int> order;
    for (int i = 0; i < 5; ++i) s.loop().call_soon([&order, i] { order.push_back(i); });
    CHECK(order.empty());
    s.turns(1);
    CHECK(order == std::vector{0, 1, 2, 3, 4});
    s.turns(1);
    CHECK(order.size() == 5);
}

TEST_CASE("a turn runs what is ready when it begins: what that makes ready runs in the next") {
    scripted_runner s;
    std::vector<std::string> order;
    s.loop().call_soon([&] {
        order.push_back("first");
        s.loop().call_soon([&] { order.push_back("made by first"); });
    });
    s.loop().call_soon([&] { order.push_back("second"); });
    s.turns(1);
    CHECK(order == std::vector<std::string>{"first", "second"});
    s.turns(1);
    CHECK(order == std::vector<std::string>{"first", "second", "made by first"});
}

TEST_CASE("a callback that reschedules itself for ever starves neither timers nor posts nor completions") {
    scripted_runner s;
    std::uint64_t calls = 0;
    std::uint64_t timer_at = 0;
    std::uint64_t post_at = 0;
    unique_function<void()> again = [&] {
        ++calls;
        s.loop().call_soon([&] { again(); });
    };
    again();
    s.loop().call_later(0ms, [&] { timer_at = calls; });
    s.loop().post([&] { post_at = calls; });
    s.turns(600);
    CHECK(calls > 500);
    CHECK(timer_at > 0);
    CHECK(timer_at < 300);
    CHECK(post_at > 0);
    CHECK(post_at < 300);
}

TEST_CASE("a cancelled callback is not called, not even by one of the same turn") {
    scripted_runner s;
    std::vector<int> order;
    callback_handle second;
    auto cancelled_at_once = s.loop().call_soon([&] { order.push_back(0); });
    s.loop().call_soon([&] {
        order.push_back(1);
        second.cancel();
    });
    second = s.loop().call_soon([&] { order.push_back(2); });
    auto timer = s.loop().call_later(1s, [&] { order.push_back(3); });
    cancelled_at_once.cancel();
    timer.cancel();
    timer.cancel();
    s.loop().call_later(2s, [&] { order.push_back(4); });
    s.turns(1);
    s.runner.turn(turn::wait);
    CHECK(order == std::vector{1, 4});
}

TEST_CASE("a callback's handle tells whether it still waits; dropping it does not cancel") {
    scripted_runner s;
    int calls = 0;
    CHECK_FALSE(callback_handle().pending());
    auto soon = s.loop().call_soon([&] { ++calls; });
    auto later = s.loop().call_later(1s, [&] { ++calls; });
    CHECK(soon.pending());
    CHECK(later.pending());
    s.loop().call_soon([&] { ++calls; });
    s.turns(1);
    CHECK(calls == 2);
    CHECK_FALSE(soon.pending());
    CHECK(later.pending());
    soon.cancel();
    later.cancel();
    CHECK_FALSE(later.pending());
}

TEST_CASE("a callback can cancel itself and drop its own handle") {
    scripted_runner s;
    int calls = 0;
    callback_handle self;
    self = s.loop().call_soon([&] {
        ++calls;
        self.cancel();
        self = {};
    });
    s.turns(2);
    CHECK(calls == 1);
}

TEST_CASE("a handle may outlive its loop: its callback does not wait any more") {
    counted::reset();
    callback_handle soon;
    callback_handle later;
    {
        scripted_runner s;
        soon = s.loop().call_soon([c = counted(1)] { static_cast<void>(c); });
        later = s.loop().call_later(1s, [c = counted(1)] { static_cast<void>(c); });
        CHECK(soon.pending());
    }
    CHECK(counted::alive() == 0);
    CHECK_FALSE(soon.pending());
    CHECK_FALSE(later.pending());
    soon.cancel();
    later.cancel();
}

TEST_CASE("timers are called in the order of their deadlines, those of one instant in the order they were set") {
    scripted_runner s;
    std::vector<int> order;
    const time_point when = s.loop().now() + 5s;
    for (int i = 0; i < 100; ++i) s.loop().call_at(when, [&order, i] { order.push_back(i); });
    s.loop().call_at(when - 1ns, [&] { order.push_back(-1); });
    s.loop().call_at(when + 1ns, [&] { order.push_back(100); });
    s.runner.turn(turn::wait);
    CHECK(order == std::vector{-1});
    s.runner.turn(turn::wait);
    CHECK(order.size() == 101);
    s.runner.turn(turn::wait);
    REQUIRE(order.size() == 102);
    for (int i = 0; i < 102; ++i) CHECK(order[static_cast<std::size_t>(i)] == i - 1);
}

TEST_CASE("a timer is never early") {
    runner r;
    int left = 0;
    bool early = false;
    for (const auto delay : {0us, 1us, 100us, 1000us, 1500us, 2100us}) {
        const time_point due = r.loop().deadline_after(delay);
        ++left;
        r.loop().call_at(due, [&, due] {
            early = early || clock_now() < due || r.loop().now() < due;
            --left;
        });
    }
    while (left != 0) r.turn(turn::wait);
    CHECK_FALSE(early);
}

TEST_CASE("zero and negative delays are due in a later turn, never inline") {
    scripted_runner s;
    int calls = 0;
    s.loop().call_later(0ms, [&] { ++calls; });
    s.loop().call_later(-5s, [&] { ++calls; });
    s.loop().call_later(std::chrono::nanoseconds::min(), [&] { ++calls; });
    s.loop().call_later(std::chrono::hours::min(), [&] { ++calls; });
    s.loop().call_later(std::chrono::duration<double>(-std::numeric_limits<double>::infinity()), [&] { ++calls; });
    s.loop().call_at(time_point::min(), [&] { ++calls; });
    CHECK(calls == 0);
    s.turns(1);
    CHECK(calls == 6);
}

TEST_CASE("a delay that is not a number is refused, one too long to count means for ever") {
    scripted_runner s;
    using real = std::chrono::duration<double>;
    CHECK_THROWS_AS(s.loop().call_later(real(std::numeric_limits<double>::quiet_NaN()), [] {}), std::invalid_argument);
    CHECK_THROWS_AS(s.loop().deadline_after(real(std::numeric_limits<double>::quiet_NaN())), std::invalid_argument);
    CHECK(s.loop().deadline_after(real(std::numeric_limits<double>::infinity())) == time_point::max());
    CHECK(s.loop().deadline_after(real(1e300)) == time_point::max());
    CHECK(s.loop().deadline_after(std::chrono::hours::max()) == time_point::max());
    CHECK(s.loop().deadline_after(std::chrono::nanoseconds::max()) == time_point::max());
    CHECK(s.loop().deadline_after(1h) == s.engine.clock() + 1h);
    CHECK(s.loop().deadline_after(-1ns) == s.engine.clock());
    CHECK(s.loop().deadline_after(-1h) == s.engine.clock());

    bool called = false;
    bool other_called = false;
    auto handle = s.loop().call_later(std::chrono::hours::max(), [&] { called = true; });
    s.loop().call_later(std::chrono::hours(24 * 365 * 100), [&] { other_called = true; });
    s.runner.turn(turn::wait);
    CHECK(other_called);
    CHECK_FALSE(called);
    CHECK(handle.pending());
}

TEST_CASE("a fraction of a nanosecond is rounded up, so that no timer is early") {
    scripted_runner s;
    CHECK(s.loop().deadline_after(std::chrono::duration<double, std::nano>(0.25)) == s.engine.clock() + 1ns);
}

TEST_CASE("a timer set by a timer's callback does not run in the same turn") {
    scripted_runner s;
    int depth = 0;
    unique_function<void()> again = [&] {
        ++depth;
        s.loop().call_later(0ms, [&] { again(); });
    };
    s.loop().call_later(0ms, [&] { again(); });
    for (int turn = 1; turn <= 5; ++turn) {
        s.turns(1);
        CHECK(depth == turn);
    }
}

TEST_CASE("delays count from the call, not from the beginning of a long step") {
    runner r;
    time_point due{};
    r.loop().call_soon([&] {
        const time_point began = r.loop().now();
        work_for(this_engine(), 2ms);
        due = r.loop().deadline_after(1ms);
        CHECK(due >= began + 3ms);
    });
    r.turn(turn::no_wait);
    CHECK(due != time_point{});
}

TEST_CASE("what a callback throws goes to the exception handler with its place of creation, and the loop goes on") {
    scripted_runner s;
    report_recorder recorder(s.loop());
    bool called = false;
    const unsigned line = __LINE__ + 1;
    s.loop().call_soon([] { throw std::runtime_error("callback broke"); });
    s.loop().call_later(0ms, [] { throw 42; });
    s.loop().post([] { throw std::runtime_error("post broke"); });
    s.loop().call_soon([&] { called = true; });
    s.turns(2);
    CHECK(called);
    REQUIRE(recorder.reports.size() == 3);
    CHECK(recorder.reports[0].what == "callback broke");
    CHECK(recorder.reports[0].line == line);
    CHECK(recorder.reports[0].file.find("loop_test.cpp") != std::string::npos);
    CHECK(recorder.reports[0].task_name.empty());
    CHECK(recorder.reports[0].message == "a callback threw");
}

TEST_CASE("without a handler a failure is one line in the log") {
    log_recorder log;
    scripted_runner s;
    s.loop().call_soon([] { throw std::runtime_error("no one listens"); });
    s.turns(1);
    REQUIRE(log.lines.size() == 1);
    CHECK(log.levels[0] == log_level::error);
    CHECK(log.has("no one listens"));
    CHECK(log.has("loop_test.cpp"));
}

TEST_CASE("an exception handler that throws does not kill the loop, and both failures are logged") {
    log_recorder log;
    scripted_runner s;
    bool called = false;
    s.loop().set_exception_handler([](const exception_context&) { throw std::runtime_error("worse"); });
    s.loop().call_soon([] { throw std::runtime_error("bad"); });
    s.loop().call_soon([&] { called = true; });
    s.turns(1);
    CHECK(called);
    CHECK(log.has("bad"));
    CHECK(log.has("the exception handler itself threw"));
}

TEST_CASE("in debug mode a call from another thread is refused") {
    scripted_runner s({.debug = true});
    std::string refused;
    std::thread([&] {
        try {
            s.loop().call_soon([] {});
        } catch (const std::logic_error& e) {
            refused = e.what();
        }
    }).join();
    CHECK(refused.find("call_soon") != std::string::npos);
    CHECK(refused.find("another thread") != std::string::npos);
    CHECK_NOTHROW(s.loop().call_soon([] {}));
}

TEST_CASE("this_loop is the loop that runs, and an error elsewhere") {
    CHECK_THROWS_AS(this_loop(), std::system_error);
    try {
        this_loop();
    } catch (const std::system_error& e) {
        CHECK(e.code() == errc::no_loop);
    }
    scripted_runner s;
    async::loop* seen = nullptr;
    s.loop().call_soon([&] { seen = &this_loop(); });
    s.turns(1);
    CHECK(seen == &s.loop());
    CHECK_THROWS_AS(this_loop(), std::system_error);
}

TEST_CASE("now is the time at which the turn began, and the statistics count turns and steps") {
    scripted_runner s;
    time_point seen{};
    const time_point due = s.engine.clock() + 7s;
    s.loop().call_at(due, [&] { seen = s.loop().now(); });
    const auto before = s.loop().statistics();
    s.runner.turn(turn::wait);
    const auto after = s.loop().statistics();
    CHECK(seen == due);
    CHECK(after.turns == before.turns + 1);
    CHECK(after.steps == before.steps + 1);
    CHECK(after.engine.enters > before.engine.enters);
}
