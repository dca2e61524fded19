#include <libasync/coro/gather.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

task<int> number_after(std::chrono::nanoseconds delay, int n) {
    co_await sleep(delay);
    co_return n;
}

task<std::string> text_now(std::string text) { co_return text; }

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

TEST_CASE("gather gives the results in the order of the arguments, whichever ends first") {
    on_every_engine([]() -> task<void> {
        auto [slow, text, quick] = co_await gather(number_after(2ms, 1), text_now("two"), number_after(0ms, 3));
        CHECK(slow == 1);
        CHECK(text == "two");
        CHECK(quick == 3);
    });
}

TEST_CASE("gather turns nothing into monostate and references into reference_wrapper, and moves the rest") {
    on_every_engine([]() -> task<void> {
        auto nothing = []() -> task<void> { co_await yield(); };
        auto same = [](int& i) -> task<int&> { co_return i; };
        auto made = []() -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(4); };
        int i = 0;
        std::tuple<std::monostate, std::reference_wrapper<int>, std::unique_ptr<int>> all =
            co_await gather(nothing(), same(i), made());
        CHECK(&std::get<1>(all).get() == &i);
        CHECK(*std::get<2>(all) == 4);
    });
}

TEST_CASE("gather takes operations as well as tasks") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        const time_point start = s.engine.clock();
        s.finish_after(2s, 1, 11);
        auto [slept, result, n] = co_await gather(sleep(3s), scripted_operation(1), number_after(1s, 5));
        static_cast<void>(slept);
        CHECK(result == 11);
        CHECK(n == 5);
        CHECK(s.engine.clock() == start + 3s);
    }(s));
}

TEST_CASE("gathered tasks run at the same time") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        const time_point start = s.engine.clock();
        std::vector<task<int>> tasks;
        for (int i = 0; i < 100; ++i) tasks.push_back(number_after(std::chrono::seconds(100 - i), i));
        const std::vector<int> results = co_await gather(std::move(tasks));
        CHECK(s.engine.clock() == start + 100s);
        REQUIRE(results.size() == 100);
        for (int i = 0; i < 100; ++i) CHECK(results[static_cast<std::size_t>(i)] == i);
    }(s));
}

TEST_CASE("gather of a vector: of nothing in particular, of none, of very many") {
    on_every_engine([]() -> task<void> {
        int ran = 0;
        auto count = [](int& ran) -> task<void> {
            co_await yield();
            ++ran;
        };
        std::vector<task<void>> several;
        for (int i = 0; i < 5; ++i) several.push_back(count(ran));
        co_await gather(std::move(several));
        CHECK(ran == 5);

        const auto turns = this_loop().statistics().turns;
        const std::vector<int> none = co_await gather(std::vector<task<int>>());
        CHECK(none.empty());
        co_await gather(std::vector<task<void>>());
        CHECK(this_loop().statistics().turns == turns);

        std::vector<task<int>> many;
        for (int i = 0; i < 10'000; ++i) many.push_back(number_after(0s, i));
        const std::vector<int> results = co_await gather(std::move(many));
        CHECK(results.size() == 10'000);
        CHECK(results.back() == 9'999);
    });
}

TEST_CASE("gather starts nothing before it is awaited") {
    on_every_engine([]() -> task<void> {
        bool ran = false;
        auto set = [](bool& ran) -> task<void> {
            ran = true;
            co_return;
        };
        auto all = gather(set(ran), set(ran));
        co_await yield();
        co_await yield();
        CHECK_FALSE(ran);
        co_await std::move(all);
        CHECK(ran);
    });
}

TEST_CASE("the first failure cancels the others, waits for them, and is thrown") {
    on_every_engine([]() -> task<void> {
        std::vector<std::string> ends;
        const std::string what =
            co_await message_of(gather(note_the_end(ends, "a"), fail_after(1ms, "first"), note_the_end(ends, "b")));
        CHECK(what == "first");
        CHECK(ends.size() == 2);
    });
}

TEST_CASE("a failure of a gathered vector cancels the others, waits for them, and is thrown") {
    on_every_engine([]() -> task<void> {
        std::vector<std::string> ends;
        std::vector<task<void>> tasks;
        tasks.push_back(note_the_end(ends, "a"));
        tasks.push_back(fail_after(0ms, "first"));
        tasks.push_back(note_the_end(ends, "b"));
        const std::string what = co_await message_of(gather(std::move(tasks)));
        CHECK(what == "first");
        CHECK(ends.size() == 2);
    });
}

TEST_CASE("gather waits for slow clean-ups before it throws, and further failures are reported") {
    scripted_runner s;
    report_recorder recorder(s.loop());
    s.run([](scripted_runner& s) -> task<void> {
        const time_point start = s.engine.clock();
        auto slow_to_end = []() -> task<void> {
            try {
                co_await sleep(24h);
            } catch (const cancelled&) {
            }
            cancel_scope shield(time_point::max(), shielding::shielded);
            co_await shield.run(fail_after(5s, "second"));
        };
        const std::string what = co_await message_of(gather(slow_to_end(), fail_after(1s, "first")));
        CHECK(what == "first");
        CHECK(s.engine.clock() == start + 6s);
    }(s));
    REQUIRE(recorder.reports.size() == 1);
    CHECK(recorder.reports[0].what == "second");
}

TEST_CASE("of failures at one instant the first recorded is thrown, the others are reported") {
    scripted_runner s;
    report_recorder recorder(s.loop());
    s.run([]() -> task<void> {
        const std::string what =
            co_await message_of(gather(fail_after(2s, "one"), fail_after(2s, "two"), fail_after(2s, "three")));
        CHECK(what == "one");
    }());
    REQUIRE(recorder.reports.size() == 2);
    CHECK(recorder.reports[0].what == "two");
    CHECK(recorder.reports[1].what == "three");
}

TEST_CASE("a cancelled gather cancels its tasks, waits for them, and ends cancelled") {
    on_every_engine([]() -> task<void> {
        std::vector<std::string> ends;
        auto body = [](std::vector<std::string>& ends) -> task<void> {
            co_await gather(note_the_end(ends, "a"), note_the_end(ends, "b"));
        };
        auto handle = create_task(body(ends));
        co_await yield();
        co_await yield();
        handle.cancel();
        co_await handle.wait();
        CHECK(ends == std::vector<std::string>{"a", "b"});
        CHECK(handle.cancelled());
    });
}

TEST_CASE("a gather whose tasks all finish in spite of the cancellation gives the results") {
    scripted_runner s;
    std::optional<int> sum;
    bool passed = false;
    auto body = [](std::optional<int>& sum, bool& passed) -> task<void> {
        auto [a, b] = co_await gather(number_after(1s, 1), number_after(1s, 2));
        sum = a + b;
        co_await yield();
        passed = true;
    };
    auto handle = s.runner.create_task(body(sum, passed));
    s.turns(2);
    s.loop().call_later(1s, [&] { handle.cancel(); });
    s.runner.turn(turn::wait);
    s.turns(4);
    CHECK(sum == 3);
    CHECK(handle.cancelled());
    CHECK_FALSE(passed);
}

TEST_CASE("a gather cancelled from outside of which one task failed throws the failure") {
    on_every_engine([]() -> task<void> {
        auto fails_at_the_end = []() -> task<void> {
            try {
                co_await sleep(24h);
            } catch (const cancelled&) {
                throw std::runtime_error("clean-up broke");
            }
        };
        std::vector<std::string> ends;
        auto body = [](auto fails, std::vector<std::string>& ends) -> task<void> {
            co_await gather(note_the_end(ends, "a"), fails());
        };
        auto handle = create_task(body(fails_at_the_end, ends));
        co_await yield();
        co_await yield();
        handle.cancel();
        const std::string what = co_await message_of(std::move(handle));
        CHECK(what == "clean-up broke");
        CHECK(ends.size() == 1);
    });
}

TEST_CASE("in a cancelled scope the gathered tasks never run") {
    on_every_engine([]() -> task<void> {
        int ran = 0;
        auto count = [](int& ran) -> task<void> {
            ++ran;
            co_return;
        };
        cancel_scope scope;
        scope.cancel();
        auto body = [](auto count, int& ran) -> task<void> { co_await gather(count(ran), count(ran)); };
        const auto got = co_await scope.run(body(count, ran));
        CHECK_FALSE(got.has_value());
        CHECK(ran == 0);
    });
}

TEST_CASE("an empty task among the arguments is an error, thrown when the others have ended") {
    on_every_engine([]() -> task<void> {
        counted::reset();
        auto holder = [](counted) -> task<void> { co_await sleep(24h); };
        const bool refused = co_await throws<std::logic_error>(gather(holder(counted(1)), task<void>()));
        CHECK(refused);
        CHECK(counted::alive() == 0);
        std::vector<task<void>> tasks;
        tasks.push_back(holder(counted(1)));
        tasks.emplace_back();
        const bool refused_too = co_await throws<std::logic_error>(gather(std::move(tasks)));
        CHECK(refused_too);
        CHECK(counted::alive() == 0);
    });
}

TEST_CASE("results that arrived before a failure are destroyed, and frames before gather goes on") {
    on_every_engine([]() -> task<void> {
        counted::reset();
        auto made = [](counted) -> task<counted> {
            co_await yield();
            co_return counted(2);
        };
        const std::string what = co_await message_of(gather(made(counted(1)), fail_after(1ms, "late")));
        CHECK(what == "late");
        CHECK(counted::alive() == 0);
        {
            auto [a, b] = co_await gather(made(counted(1)), made(counted(1)));
            CHECK(a.value == 2);
            CHECK(b.value == 2);
            CHECK(counted::alive() == 2);
        }
        CHECK(counted::alive() == 0);
    });
}

TEST_CASE("gathers nest, and a failure deep inside ends all of them") {
    on_every_engine([]() -> task<void> {
        auto [left, right] = co_await gather(gather(number_after(1ms, 1), number_after(0ms, 2)),
                                             gather(number_after(0ms, 3), number_after(1ms, 4)));
        CHECK(std::get<0>(left) + std::get<1>(left) + std::get<0>(right) + std::get<1>(right) == 10);

        std::vector<std::string> ends;
        const std::string what = co_await message_of(
            gather(note_the_end(ends, "outer"), gather(note_the_end(ends, "inner"), fail_after(1ms, "deep"))));
        CHECK(what == "deep");
        CHECK(ends.size() == 2);
    });
}
