#include <libasync/loop/loop_core.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <thread>

#include <libasync/loop/notifier.hpp>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>
#include <tests/support/system.hpp>

using namespace async_tests;

namespace {

task<void> yield_times(int count) {
    for (int i = 0; i < count; ++i) co_await yield();
}

task<void> operate_times(int count) {
    for (int i = 0; i < count; ++i) co_await scripted_operation(i);
}

}  // namespace

TEST_CASE("while coroutines are ready the engine is left alone for up to 256 steps") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        co_await sleep(1ms);  // the turn has just visited the engine
        const auto before = s.loop().statistics().engine.enters;
        co_await yield_times(250);
        CHECK(s.loop().statistics().engine.enters == before);
        co_await yield_times(10);
        CHECK(s.loop().statistics().engine.enters == before + 1);
        co_await yield_times(10'000 - 260);
        const auto enters = s.loop().statistics().engine.enters - before;
        CHECK(enters >= 10'000 / 256);
        CHECK(enters <= 10'000 / 256 + 1);
    }(s));
}

TEST_CASE("a post is news: the next turn visits the engine, whatever is ready") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        co_await sleep(1ms);
        const auto before = s.loop().statistics().engine.enters;
        bool seen = false;
        s.loop().post([&] { seen = true; });
        co_await yield_times(2);
        CHECK(seen);
        CHECK(s.loop().statistics().engine.enters == before + 1);
    }(s));
}

TEST_CASE("what is recorded outside of a visit runs in the next turn, whatever is ready, and without a visit") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        co_await sleep(1ms);
        const auto before = s.loop().statistics().engine.enters;
        bool seen = false;
        s.loop().post([&] { seen = true; });
        std::make_unique<notifier>(s.loop(), [] {}).reset();  // collects what was posted
        CHECK_FALSE(seen);
        co_await yield();
        CHECK_FALSE(seen);  // behind what was ready before it
        co_await yield();
        CHECK(seen);
        CHECK(s.loop().statistics().engine.enters == before);
    }(s));
}

TEST_CASE("with nothing ready each turn visits the engine once") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        co_await sleep(1ms);
        const auto before = s.loop().statistics().engine.enters;
        for (int i = 0; i < 100; ++i) co_await sleep(1ms);
        CHECK(s.loop().statistics().engine.enters == before + 100);
    }(s));
}

TEST_CASE("after 128 operations that were done at once a step goes to the end of the ready queue") {
    scripted_runner s;
    s.engine.on_start = [](io::operation&) { return true; };
    s.run([](scripted_runner& s) -> task<void> {
        co_await yield();
        auto before = s.loop().statistics().steps;
        co_await operate_times(127);
        CHECK(s.loop().statistics().steps == before);
        co_await operate_times(1);
        CHECK(s.loop().statistics().steps == before + 1);

        co_await yield();
        before = s.loop().statistics().steps;
        co_await operate_times(1280);
        CHECK(s.loop().statistics().steps == before + 10);
    }(s));
}

TEST_CASE("a task whose operations are all done at once lets the others run") {
    scripted_runner s;
    s.engine.on_start = [](io::operation&) { return true; };
    s.run([]() -> task<void> {
        bool other_ran = false;
        auto other = [](bool& ran) -> task<void> {
            ran = true;
            co_return;
        };
        auto handle = create_task(other(other_ran));
        int done = 0;
        while (!other_ran && done < 10'000) {
            co_await scripted_operation(1);
            ++done;
        }
        CHECK(done == 128);
        co_await handle;
    }());
}

TEST_CASE("an operation that finished is resumed before a timer of the same instant") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        std::vector<std::string> order;
        s.loop().call_later(1s, [&] { order.push_back("timer"); });
        s.finish_after(1s, 1, 0);
        s.engine.after(1s, [&] { s.loop().post([&] { order.push_back("post"); }); });
        co_await scripted_operation(1);
        order.push_back("operation");
        co_await sleep(1s);
        CHECK(order == std::vector<std::string>{"operation", "post", "timer"});
    }(s));
}

TEST_CASE("a slow step is logged, a quick one is not") {
    log_recorder log;
    scripted_runner s({.slow_step = 2ms});
    s.loop().call_soon([] {});
    s.turns(1);
    const std::size_t before = log.lines.size();
    s.loop().call_soon([] {
        const auto end = std::chrono::steady_clock::now() + 3ms;
        while (std::chrono::steady_clock::now() < end) {
        }
    });
    s.turns(1);
    REQUIRE(log.lines.size() == before + 1);
    CHECK(log.levels.back() == log_level::warning);
    CHECK(log.lines.back().find("a step of the loop took") != std::string::npos);
}

TEST_CASE("a loop that may spin still sleeps, wakes and keeps its deadlines") {
    runner r({.spin = 200us});
    r.run([](runner& r) -> task<void> {
        for (int i = 0; i < 40; ++i) {
            const time_point due = this_loop().deadline_after(i % 2 ? 50us : 400us);
            co_await sleep_until(due);
            CHECK(clock_now() >= due);
        }
        bool posted = false;
        std::thread poster([&] { r.loop().post([&] { posted = true; }); });
        while (!posted) co_await sleep(100us);
        poster.join();
    }(r));
}

TEST_CASE("outside a loop what needs one says so") {
    CHECK(detail::this_core == nullptr);
    try {
        detail::require_core("something");
        FAIL("no error");
    } catch (const std::system_error& e) {
        CHECK(e.code() == errc::no_loop);
        CHECK(std::string(e.what()).find("something") != std::string::npos);
    }
}
