#include <libasync/coro/run.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <thread>
#include <vector>

#ifndef _WIN32
#include <poll.h>
#endif

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

task<int> number_later(int n) {
    co_await sleep(100us);
    co_return n;
}

task<void> note_the_end(bool& started, bool& ended) {
    started = true;
    try {
        co_await sleep(24h);
    } catch (const cancelled&) {
        ended = true;
        throw;
    }
}

}  // namespace

TEST_CASE("run gives main's result: a value, move-only, a reference, nothing") {
    CHECK(async::run(number_later(3)) == 3);
    auto made = []() -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(4); };
    CHECK(*async::run(made()) == 4);
    int i = 0;
    auto same = [](int& i) -> task<int&> { co_return i; };
    CHECK(&async::run(same(i)) == &i);
    bool ran = false;
    async::run([](bool& ran) -> task<void> {
        ran = true;
        co_return;
    }(ran));
    CHECK(ran);
}

TEST_CASE("run throws what main threw") {
    auto fails = []() -> task<int> {
        co_await yield();
        throw std::runtime_error("main broke");
        co_return 0;
    };
    std::string what;
    try {
        async::run(fails());
    } catch (const std::runtime_error& e) {
        what = e.what();
    }
    CHECK(what == "main broke");
    CHECK_THROWS_AS(async::run(task<void>()), std::logic_error);
}

TEST_CASE("when main ends what is left is cancelled and waited for, also when main failed") {
    for (const bool fails : {false, true}) {
        bool started = false;
        bool ended = false;
        auto main = [](bool fails, bool& started, bool& ended) -> task<void> {
            create_task(note_the_end(started, ended));
            co_await yield();
            if (fails) throw std::runtime_error("main broke");
        };
        try {
            async::run(main(fails, started, ended));
            CHECK_FALSE(fails);
        } catch (const std::runtime_error&) {
            CHECK(fails);
        }
        CHECK(started);
        CHECK(ended);
    }
}

TEST_CASE("what cancelled tasks still spawn at the end of run is cancelled before it runs") {
    bool ran = false;
    auto main = [](bool& ran) -> task<void> {
        auto late = [](bool& ran) -> task<void> {
            ran = true;
            co_return;
        };
        auto spawner = [](auto late, bool& ran) -> task<void> {
            try {
                co_await sleep(24h);
            } catch (const cancelled&) {
                create_task(late(ran));
                throw;
            }
        };
        create_task(spawner(late, ran));
        co_await yield();
    };
    async::run(main(ran));
    CHECK_FALSE(ran);
}

TEST_CASE("one runner runs many mains, and a cancelled end of one does not reach the next") {
    runner r;
    for (int i = 0; i < 5; ++i) {
        bool started = false;
        bool ended = false;
        auto main = [](bool& started, bool& ended, int i) -> task<int> {
            create_task(note_the_end(started, ended));
            co_await sleep(10us);
            co_return i;
        };
        CHECK(r.run(main(started, ended, i)) == i);
        CHECK(ended);
    }
}

TEST_CASE("tasks created before run belong to it; callbacks wait for the next run") {
    scripted_runner s;
    bool called = false;
    s.loop().call_later(1h, [&] { called = true; });
    auto early = s.runner.create_task(number_later(1));
    const int n = s.run([](task_handle<int>& early) -> task<int> { co_return co_await early; }(early));
    CHECK(n == 1);
    CHECK_FALSE(called);
    s.run([]() -> task<void> { co_await sleep(2h); }());
    CHECK(called);
}

TEST_CASE("only one loop runs on a thread at a time") {
    async::run([]() -> task<void> {
        CHECK_THROWS_AS(async::run(number_later(1)), std::logic_error);
        runner inner;
        CHECK_THROWS_AS(inner.run(number_later(1)), std::logic_error);
        CHECK_THROWS_AS(inner.turn(turn::no_wait), std::logic_error);
        co_await yield();  // the outer one is not disturbed
        CHECK(&this_loop() != &inner.loop());
    }());
    runner a;
    runner b;
    CHECK(a.run(number_later(1)) == 1);
    CHECK(b.run(number_later(2)) == 2);
    CHECK(a.run(number_later(3)) == 3);
}

TEST_CASE("a runner is used on the thread that built it; each thread may have its own") {
    runner r;
    bool refused = false;
    int own = 0;
    std::thread([&] {
        try {
            r.run(number_later(1));
        } catch (const std::logic_error&) {
            refused = true;
        }
        own = async::run(number_later(2));
    }).join();
    CHECK(refused);
    CHECK(own == 2);
    CHECK(r.run(number_later(3)) == 3);
}

TEST_CASE("a runner that is destroyed cancels the tasks that are suspended and waits for them") {
    counted::reset();
    bool started = false;
    bool ended = false;
    bool never_started = false;
    {
        runner r;
        auto body = [](bool& started, bool& ended, counted) -> task<void> { co_await note_the_end(started, ended); };
        r.create_task(body(started, ended, counted(1)));
        r.turn(turn::no_wait);
        r.turn(turn::no_wait);
        r.create_task(note_the_end(never_started, ended));
        CHECK(started);
        CHECK_FALSE(ended);
    }
    CHECK(ended);
    CHECK_FALSE(never_started);
    CHECK(counted::alive() == 0);
}

TEST_CASE("a runner may be destroyed while another loop runs on the thread") {
    bool started = false;
    bool ended = false;
    async::run([](bool& started, bool& ended) -> task<void> {
        async::loop* outer = &this_loop();
        {
            runner inner;
            inner.create_task(note_the_end(started, ended));
        }
        CHECK(&this_loop() == outer);
        co_await yield();
    }(started, ended));
    CHECK_FALSE(started);
}

TEST_CASE("a turn by hand does what is ready, and says whether there is more to do at once") {
    scripted_runner s;
    auto body = []() -> task<int> {
        co_await yield();
        co_await yield();
        co_return 7;
    };
    auto handle = s.runner.create_task(body());
    CHECK(s.runner.turn(turn::no_wait));
    CHECK(s.runner.turn(turn::no_wait));
    CHECK_FALSE(s.runner.turn(turn::no_wait));
    CHECK(handle.result() == 7);
    CHECK_FALSE(s.runner.turn(turn::no_wait));
}

TEST_CASE("a turn by hand that may wait returns when something has happened") {
    runner r;
    auto handle = r.create_task(number_later(5));
    while (!handle.done()) r.turn(turn::wait);
    CHECK(handle.result() == 5);
}

#ifndef _WIN32

TEST_CASE("wait_handle becomes readable when a turn has something to do, on engines that have one") {
    runner r;
    native_handle watched = invalid_handle;
    try {
        watched = r.wait_handle();
    } catch (const std::system_error& e) {
        CHECK(e.code() == std::errc::function_not_supported);
        CHECK(std::string(r.loop().engine_name()) != "uring");
        return;
    }
    pollfd p{static_cast<int>(watched), POLLIN, 0};
    for (int i = 0; i < 20; ++i) {
        while (r.turn(turn::no_wait)) {
        }
        bool called = false;
        std::thread poster([&] { r.loop().post([&] { called = true; }); });
        CHECK(::poll(&p, 1, 10'000) == 1);
        while (!called) r.turn(turn::no_wait);
        poster.join();
    }
}

#endif
