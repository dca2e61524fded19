#include <libasync/coro/race.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

task<int> number_after(std::chrono::nanoseconds delay, int n) {
    co_await sleep(delay);
    co_return n;
}

task<std::string> text_after(std::chrono::nanoseconds delay, std::string text) {
    co_await sleep(delay);
    co_return text;
}

task<void> fail_after(std::chrono::nanoseconds delay, std::string what) {
    co_await sleep(delay);
    throw std::runtime_error(what);
}

task<void> note_the_end(std::vector<std::string>& ends, std::string name) {
    try {
        co_await sleep(24h);
    } catch (const cancelled&) {
        ends.push_back(name);
        throw;
    }
}

}  // namespace

TEST_CASE("race gives the result of the first that ends, in its place, and cancels the others") {
    on_every_engine([]() -> task<void> {
        std::vector<std::string> ends;
        auto first = co_await race(note_the_end(ends, "a"), number_after(1ms, 7), text_after(24h, "late"));
        REQUIRE(first.index() == 1);
        CHECK(std::get<1>(first) == 7);
        CHECK(ends == std::vector<std::string>{"a"});
    });
}

TEST_CASE("race of equal types tells them apart by their place, and void and references by what stands for them") {
    on_every_engine([]() -> task<void> {
        static int number = 5;
        auto refer = []() -> task<int&> { co_return number; };
        auto nothing = []() -> task<void> { co_return; };
        const auto second = co_await race(number_after(24h, 1), number_after(0ms, 2));
        CHECK(second.index() == 1);
        const auto reference = co_await race(refer(), number_after(24h, 2));
        CHECK(&std::get<0>(reference).get() == &number);
        const auto none = co_await race(number_after(24h, 2), nothing(), nothing());
        CHECK(none.index() == 1);
    });
}

TEST_CASE("race over operations") {
    on_every_engine([]() -> task<void> {
        event never;
        const auto first = co_await race(never.wait(), sleep(1ms));
        CHECK(first.index() == 1);
    });
}

TEST_CASE("a race of a vector gives index and value") {
    on_every_engine([]() -> task<void> {
        std::vector<task<int>> tasks;
        for (int i = 0; i < 5; ++i) tasks.push_back(number_after(i == 3 ? 1ms : std::chrono::nanoseconds(24h), i * 10));
        auto [index, value] = co_await race(std::move(tasks));
        CHECK(index == 3);
        CHECK(value == 30);
    });
}

TEST_CASE("a race of nobody is refused at once") {
    on_every_engine([]() -> task<void> {
        std::vector<task<int>> none;
        CHECK_THROWS_AS(static_cast<void>(race(std::move(none))), std::invalid_argument);
        co_return;
    });
}

TEST_CASE("a failure that is first is thrown, one that comes later is reported") {
    scripted_runner s;
    report_recorder recorder(s.loop());
    s.run([]() -> task<void> {
        const std::string what = co_await message_of(race(fail_after(1s, "first"), number_after(2s, 1)));
        CHECK(what == "first");
        auto first = co_await race(number_after(2s, 1), fail_after(2s, "second"));
        CHECK(first.index() == 0);
    }());
    REQUIRE(recorder.reports.size() == 1);
    CHECK(recorder.reports[0].what == "second");
}

TEST_CASE("at one instant the first recorded wins, and the value of the loser is destroyed") {
    scripted_runner s;
    s.run([]() -> task<void> {
        counted::reset();
        auto give = [](int n) -> task<counted> {
            co_await sleep(1s);
            co_return counted(n);
        };
        {
            auto first = co_await race(give(1), give(2));
            CHECK(first.index() == 0);
            CHECK(std::get<0>(first).value == 1);
            CHECK(counted::alive() == 1);
        }
        CHECK(counted::alive() == 0);
    }());
}

TEST_CASE("race waits for the clean-up of the losers") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        const time_point begin = s.engine.clock();
        auto slow_to_end = []() -> task<void> {
            try {
                co_await sleep(24h);
            } catch (const cancelled&) {
            }
            cancel_scope shield(time_point::max(), shielding::shielded);
            co_await shield.run(number_after(5s, 0));
        };
        const auto first = co_await race(slow_to_end(), number_after(1s, 1));
        CHECK(first.index() == 1);
        CHECK(s.engine.clock() == begin + 6s);
    }(s));
}

TEST_CASE("a race that is cancelled cancels all, and raises unless somebody has won") {
    on_every_engine([]() -> task<void> {
        std::vector<std::string> ends;
        auto body = [](std::vector<std::string>& ends) -> task<void> {
            static_cast<void>(co_await race(note_the_end(ends, "a"), note_the_end(ends, "b")));
        };
        auto handle = create_task(body(ends));
        co_await yield();
        co_await yield();
        handle.cancel();
        co_await handle.wait();
        CHECK(handle.cancelled());
        CHECK(ends == std::vector<std::string>{"a", "b"});
    });
    on_every_engine([]() -> task<void> {
        auto stubborn = []() -> task<int> {
            try {
                co_await sleep(24h);
            } catch (const cancelled&) {
            }
            co_return 3;
        };
        int got = 0;
        auto body = [](auto make, int& got) -> task<void> {
            const auto first = co_await race(make(), sleep(24h));
            got = std::get<0>(first);
        };
        auto handle = create_task(body(stubborn, got));
        co_await yield();
        co_await yield();
        handle.cancel();
        co_await handle.wait();
        CHECK(got == 3);  // an outcome that is there is given
    });
}

TEST_CASE("an empty task among those who race is an error, thrown when the others have ended") {
    on_every_engine([]() -> task<void> {
        std::vector<std::string> ends;
        const bool refused = co_await throws<std::logic_error>(race(note_the_end(ends, "a"), task<int>()));
        CHECK(refused);
    });
}
