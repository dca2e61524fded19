#include <libasync/loop/timer.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <vector>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;
using async::timer;

TEST_CASE("a timer calls back once for each time it is set") {
    scripted_runner s;
    int calls = 0;
    timer t(s.loop(), [&] { ++calls; });
    CHECK_FALSE(t.pending());
    t.set_after(1s);
    CHECK(t.pending());
    s.turns(3);
    CHECK(calls == 0);
    s.runner.turn(turn::wait);
    CHECK(calls == 1);
    CHECK_FALSE(t.pending());
    s.turns(3);
    CHECK(calls == 1);
    t.set_after(0s);
    CHECK(calls == 1);
    s.turns(1);
    CHECK(calls == 2);
}

TEST_CASE("setting a timer again moves it, in both directions") {
    scripted_runner s;
    std::vector<time_point> called;
    const time_point start = s.engine.clock();
    timer t(s.loop(), [&] { called.push_back(s.loop().now()); });
    t.set_after(5s);
    t.set_after(1s);
    s.runner.turn(turn::wait);
    t.set(start + 2s);
    t.set(start + 9s);
    s.runner.turn(turn::wait);
    CHECK(called == std::vector{start + 1s, start + 9s});
}

TEST_CASE("a timer may set itself in its callback: it is not called again in the same turn") {
    scripted_runner s;
    int calls = 0;
    std::unique_ptr<timer> t;
    t = std::make_unique<timer>(s.loop(), [&] {
        ++calls;
        t->set_after(0s);
    });
    t->set_after(0s);
    s.turns(1);
    CHECK(calls == 1);
    s.turns(1);
    CHECK(calls == 2);
    t->cancel();
    s.turns(3);
    CHECK(calls == 2);
}

TEST_CASE("a timer that is due but was not called yet can still be cancelled, moved or destroyed") {
    scripted_runner s;
    int calls = 0;
    timer cancelled(s.loop(), [&] { ++calls; });
    timer moved(s.loop(), [&] { calls += 10; });
    auto destroyed = std::make_unique<timer>(s.loop(), [&] { calls += 100; });
    timer first(s.loop(), [&] {
        CHECK(cancelled.pending());
        cancelled.cancel();
        CHECK_FALSE(cancelled.pending());
        moved.set_after(1s);
        destroyed.reset();
    });
    first.set_after(1s);
    cancelled.set_after(1s);
    moved.set_after(1s);
    destroyed->set_after(1s);
    s.runner.turn(turn::wait);
    CHECK(calls == 0);
    s.runner.turn(turn::wait);
    CHECK(calls == 10);
}

TEST_CASE("a timer may be destroyed by its own callback, which may throw") {
    scripted_runner s;
    report_recorder recorder(s.loop());
    std::unique_ptr<timer> t;
    t.reset(new timer(s.loop(), [&] {
        t.reset();
        throw std::runtime_error("after the end");
    }));
    t->set_after(0s);
    s.turns(1);
    CHECK(t == nullptr);
    REQUIRE(recorder.reports.size() == 1);
    CHECK(recorder.reports[0].what == "after the end");
    CHECK(recorder.reports[0].message == "a timer's callback threw");
    CHECK(recorder.reports[0].file.find("timer_test.cpp") != std::string::npos);
}

TEST_CASE("setting and moving timers allocates nothing once the queue has grown") {
    scripted_runner s;
    std::vector<std::unique_ptr<timer>> timers;
    for (int i = 0; i < 1000; ++i) timers.push_back(std::make_unique<timer>(s.loop(), [] {}));
    for (int round = 0; round < 3; ++round) {
        for (std::size_t i = 0; i < timers.size(); ++i) {
            timers[i]->set_after(std::chrono::milliseconds((i * 7919 + static_cast<std::size_t>(round)) % 1000));
        }
    }
    CHECK(s.loop().core().timers.size() == 1000);
    timers.clear();
    CHECK(s.loop().core().timers.empty());
}
