// What other threads may do to a loop, and may not: rows 19 and 20 of what asyncio and trio promise.
#include <doctest/doctest.h>

#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <libasync/loop/notifier.hpp>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>
#include <tests/support/system.hpp>

using namespace async_tests;

namespace {

task<int> yield_times(int count) {
    for (int i = 0; i < count; ++i) co_await yield();
    co_return count;
}

}  // namespace

TEST_CASE("19: in debug mode a call from another thread is refused, also where that thread has a loop of its own") {
    scripted_runner s({.debug = true});
    std::vector<std::string> refused;
    for (const bool with_loop : {false, true}) {
        std::thread([&] {
            std::unique_ptr<runner> own;
            if (with_loop) own = std::make_unique<runner>();
            const auto attempt = [&](auto call) {
                try {
                    call();
                } catch (const std::logic_error& e) {
                    refused.emplace_back(e.what());
                }
            };
            attempt([&] { s.loop().call_soon([] {}); });
            attempt([&] { s.loop().call_later(60s, [] {}); });
            attempt([&] { s.loop().call_at(time_point::max(), [] {}); });
            attempt([&] { s.runner.create_task(yield_times(1)); });
            attempt([&] { s.loop().post([] {}); });  // what other threads are to use
        }).join();
    }
    REQUIRE(refused.size() == 8);
    for (const std::string& what : refused) CHECK(what.find("another thread") != std::string::npos);
}

TEST_CASE("19: without debug mode nobody looks at the thread") {
    if (const char* debug = std::getenv("LIBASYNC_DEBUG"); debug != nullptr && *debug == '1') return;
    scripted_runner s;
    int calls = 0;
    std::thread([&] {  // harmless here, since nothing runs on the loop meanwhile
        s.loop().call_soon([&] { ++calls; });
        s.loop().call_later(0s, [&] { ++calls; });
        s.loop().call_at(time_point::min(), [&] { ++calls; });
    })
        .join();
    s.turns(2);
    CHECK(calls == 3);
}

TEST_CASE("20: a post wakes a loop that waits, whether given by another thread or before the run") {
    runner r;
    event from_before;
    event from_thread;
    r.loop().post([&] { from_before.set(); });
    std::thread poster;
    auto main = [](event& from_before, event& from_thread, std::thread& poster) -> task<void> {
        co_await from_before.wait();
        const outside_work work(this_engine());
        poster = std::thread([&here = this_loop(), &from_thread] { here.post([&] { from_thread.set(); }); });
        co_await from_thread.wait();
    };
    r.run(main(from_before, from_thread, poster));
    poster.join();
    CHECK(from_thread.is_set());
}

TEST_CASE("20: posts are called in their order, however many, never inline") {
    with_every_runner([](runner& r) {
        constexpr int count = 1000;
        int next = 0;
        bool in_order = true;
        for (int i = 0; i < count; ++i) r.loop().post([&, i] { in_order = in_order && next++ == i; });
        CHECK(next == 0);
        while (next < count && in_order) r.turn(turn::no_wait);
        CHECK(in_order);
    });
}

TEST_CASE("20: a post that throws does not stop those behind it") {
    with_every_runner([](runner& r) {
        report_recorder recorder(r.loop());
        bool second = false;
        r.loop().post([] { throw std::runtime_error("first"); });
        r.loop().post([&] { second = true; });
        while (!second) r.turn(turn::no_wait);
        REQUIRE(recorder.reports.size() == 1);
        CHECK(recorder.reports[0].what == "first");
    });
}

TEST_CASE("20: what main posted is called before the run is over, though main fails") {
    with_every_runner([](runner& r) {
        bool called = false;
        auto fails = [](bool& called) -> task<void> {
            this_loop().post([&called] { called = true; });
            throw std::runtime_error("main broke");
            co_return;
        };
        CHECK_THROWS_AS(r.run(fails(called)), std::runtime_error);
        CHECK(called);
    });
}

TEST_CASE("20: notifications of one kind are called once; from the moment that this begins they count anew") {
    with_every_runner([](runner& r) {
        int ones = 0;
        int twos = 0;
        notifier* self = nullptr;
        notifier one(r.loop(), [&] {
            if (++ones == 1) self->notify();
        });
        notifier two(r.loop(), [&] { ++twos; });
        self = &one;
        for (int i = 0; i < 3; ++i) {
            one.notify();
            two.notify();
        }
        for (int i = 0; i < 5; ++i) r.turn(turn::no_wait);
        CHECK(ones == 2);
        CHECK(twos == 1);
    });
}
