#include <libasync/coro/as_completed.hpp>

#include <doctest/doctest.h>

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

task<int> fail_after(std::chrono::nanoseconds delay, std::string what) {
    co_await sleep(delay);
    throw std::runtime_error(what);
}

task<int> note_the_end(strings& ends, std::string name) {
    try {
        co_await sleep(24h);
    } catch (const cancelled&) {
        ends.push_back(name);
        throw;
    }
    co_return 0;
}

std::vector<task<int>> two(task<int> a, task<int> b) {
    std::vector<task<int>> tasks;
    tasks.push_back(std::move(a));
    tasks.push_back(std::move(b));
    return tasks;
}

std::string text_of(const completed<int>& c) {
    if (c.failed()) return std::to_string(c.index) + ":" + what_of(c.exception());
    return std::to_string(c.index) + (c.cancelled() ? ":cancelled" : "=" + std::to_string(c.value()));
}

}  // namespace

TEST_CASE("outcomes come in the order in which tasks end, with their places; a failure does not end the rest") {
    scripted_runner s;
    s.run([]() -> task<void> {
        auto tasks = two(number_after(3s, 30), fail_after(1s, "broken"));
        tasks.push_back(number_after(2s, 20));
        auto each = as_completed(std::move(tasks));
        strings notes;
        while (auto next = co_await each.next()) notes.push_back(text_of(*next));
        CHECK(notes == strings{"1:broken", "2=20", "0=30"});
    }());
}

TEST_CASE("of those that end while nobody asks the first that has ended comes first") {
    on_every_engine([]() -> task<void> {
        auto number_after_turns = [](int turns, int n) -> task<int> {
            for (int i = 0; i < turns; ++i) co_await yield();
            co_return n;
        };
        auto tasks = two(number_after_turns(9, 30), number_after_turns(1, 10));
        tasks.push_back(number_after_turns(7, 20));
        auto each = as_completed(std::move(tasks));
        strings notes;
        auto first = co_await each.next();
        notes.push_back(text_of(*first));
        for (int i = 0; i < 20; ++i) co_await yield();
        while (auto next = co_await each.next()) notes.push_back(text_of(*next));
        CHECK(notes == strings{"1=10", "2=20", "0=30"});
    });
}

TEST_CASE("as_completed of nothing ends at once, and empty tasks are refused") {
    on_every_engine([]() -> task<void> {
        auto none = as_completed(std::vector<task<int>>());
        const auto nothing = co_await none.next();
        CHECK_FALSE(nothing.has_value());
        CHECK_THROWS_AS(static_cast<void>(as_completed(two(number_after(0ms, 1), task<int>()))), std::logic_error);
        CHECK_THROWS_AS(static_cast<void>(as_completed(std::vector<task_handle<int>>(1))), std::invalid_argument);
    });
}

TEST_CASE("tasks run from the first next() on, and while the outcomes of others are used") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        const time_point begin = s.engine.clock();
        auto each = as_completed(two(number_after(1s, 1), number_after(5s, 2)));
        co_await sleep(1s);
        const auto first = co_await each.next();
        CHECK(s.engine.clock() == begin + 2s);
        co_await sleep(10s);
        const auto second = co_await each.next();
        CHECK(s.engine.clock() == begin + 12s);
        CHECK(first->value() == 1);
        CHECK(second->value() == 2);
    }(s));
}

TEST_CASE("tasks of no result, and references") {
    on_every_engine([]() -> task<void> {
        static int number = 5;
        auto refer = []() -> task<int&> { co_return number; };
        std::vector<task<int&>> references;
        references.push_back(refer());
        auto each = as_completed(std::move(references));
        auto one = co_await each.next();
        CHECK(&one->value() == &number);
        auto nothing = []() -> task<void> { co_return; };
        std::vector<task<void>> voids;
        voids.push_back(nothing());
        auto each_void = as_completed(std::move(voids));
        const auto done = co_await each_void.next();
        CHECK(done->has_value());
        done->value();
    });
}

TEST_CASE("dropped in the middle, it cancels what still runs") {
    on_every_engine([]() -> task<void> {
        strings ends;
        {
            auto each = as_completed(two(note_the_end(ends, "slow"), number_after(0ms, 1)));
            const auto first = co_await each.next();
            CHECK(first->value() == 1);
        }
        for (int i = 0; i < 5; ++i) co_await yield();
        CHECK(ends == strings{"slow"});
    });
}

TEST_CASE("closed or cancelled, it cancels what still runs and waits for it") {
    on_every_engine([]() -> task<void> {
        strings ends;
        auto each = as_completed(two(note_the_end(ends, "closed"), number_after(0ms, 1)));
        static_cast<void>(co_await each.next());
        co_await each.close();
        CHECK(ends == strings{"closed"});
        auto others = as_completed(two(note_the_end(ends, "a"), note_the_end(ends, "b")));
        const auto got = co_await move_on_after(1ms, others.next());
        CHECK_FALSE(got.has_value());
        CHECK(ends == strings{"closed", "a", "b"});
    });
}

TEST_CASE("handles are followed in the same way, and go on when the generator is dropped") {
    on_every_engine([]() -> task<void> {
        auto slow = create_task(number_after(5ms, 2));
        bool ended = false;
        slow.add_done_callback([&ended] { ended = true; });
        std::vector<task_handle<int>> handles;
        handles.push_back(std::move(slow));
        handles.push_back(create_task(number_after(0ms, 1)));
        handles[1].cancel();
        {
            auto each = as_completed(std::move(handles));
            const auto first = co_await each.next();
            CHECK(text_of(*first) == "1:cancelled");
            CHECK_THROWS_AS(static_cast<void>(first->value()), task_cancelled);
        }
        while (!ended) co_await sleep(1ms);
    });
}
