#include <libasync/coro/task.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

static_assert(!std::is_copy_constructible_v<task<int>>);
static_assert(std::is_nothrow_move_constructible_v<task<int>>);

namespace {

task<void> set(bool& flag) {
    flag = true;
    co_return;
}

task<int> number(int n) { co_return n; }

task<int> number_later(int n) {
    co_await yield();
    co_return n;
}

task<void> hold(counted c) {
    CHECK(c.value == 7);
    co_return;
}

task<void> hold_later(counted c) {
    co_await yield();
    CHECK(c.value == 7);
}

task<counted> make_counted(int value) {
    co_await yield();
    co_return counted(value);
}

task<int> fail_now(std::string text) {
    if (!text.empty()) throw std::runtime_error(text);
    co_return 1;
}

task<int> fail_later(std::string text) {
    co_await yield();
    if (!text.empty()) throw std::runtime_error(text);
    co_return 1;
}

struct no_default {
    explicit no_default(int v) : value(v) {}
    int value;
};

}  // namespace

TEST_CASE("a task is lazy: nothing of its body runs before it is awaited") {
    on_every_engine([]() -> task<void> {
        bool ran = false;
        task<void> t = set(ran);
        co_await yield();
        CHECK_FALSE(ran);
        CHECK(static_cast<bool>(t));
        co_await std::move(t);
        CHECK(ran);
        CHECK_FALSE(static_cast<bool>(t));
    });
}

TEST_CASE("a task that is never awaited never runs, and frees its frame and parameters") {
    counted::reset();
    {
        const task<void> t = hold(counted(7));
    }
    CHECK(counted::made > 0);
    CHECK(counted::alive() == 0);
}

TEST_CASE("assigning to a task frees the frame it had") {
    counted::reset();
    task<void> t = hold(counted(7));
    CHECK(counted::alive() == 1);
    t = hold(counted(7));
    CHECK(counted::alive() == 1);
    t = {};
    CHECK(counted::alive() == 0);
    CHECK_FALSE(static_cast<bool>(t));
}

TEST_CASE("a parameter by value is moved into the frame once, and is gone when the await is over") {
    on_every_engine([]() -> task<void> {
        counted::reset();
        co_await hold(counted(7));
        CHECK(counted::alive() == 0);
        CHECK(counted::made <= 2);
        co_await hold_later(counted(7));
        CHECK(counted::alive() == 0);
        CHECK(counted::made <= 4);
    });
}

TEST_CASE("results may be values, move-only, references, without default constructor, or nothing") {
    on_every_engine([]() -> task<void> {
        const int n = co_await number(42);
        CHECK(n == 42);
        const int later = co_await number_later(43);
        CHECK(later == 43);

        auto unique = []() -> task<std::unique_ptr<int>> {
            co_await yield();
            co_return std::make_unique<int>(7);
        };
        const std::unique_ptr<int> p = co_await unique();
        CHECK(*p == 7);

        auto same = [](int& i) -> task<int&> {
            co_await yield();
            co_return i;
        };
        int i = 1;
        int& r = co_await same(i);
        CHECK(&r == &i);

        auto read_only = [](const std::string& s) -> task<const std::string&> { co_return s; };
        const std::string text = "text";
        const std::string& alias = co_await read_only(text);
        CHECK(&alias == &text);

        auto made = []() -> task<no_default> { co_return no_default(9); };
        const no_default nd = co_await made();
        CHECK(nd.value == 9);

        auto pair = []() -> task<std::pair<int, std::string>> { co_return {3, "three"}; };
        const std::pair<int, std::string> both = co_await pair();
        CHECK(both.second == "three");

        bool ran = false;
        co_await set(ran);
        CHECK(ran);
    });
}

TEST_CASE("a result is constructed and destroyed in equal numbers, awaited or dropped") {
    on_every_engine([]() -> task<void> {
        counted::reset();
        {
            const counted c = co_await make_counted(5);
            CHECK(c.value == 5);
            CHECK(counted::alive() == 1);
        }
        CHECK(counted::alive() == 0);
        static_cast<void>(co_await make_counted(6));
        CHECK(counted::alive() == 0);
    });
}

TEST_CASE("an exception goes to whoever awaits, whether the task had suspended or not") {
    on_every_engine([]() -> task<void> {
        const std::string now = co_await message_of(fail_now("broke now"));
        CHECK(now == "broke now");
        const std::string later = co_await message_of(fail_later("broke later"));
        CHECK(later == "broke later");
        const int fine = co_await fail_later("");
        CHECK(fine == 1);
    });
}

TEST_CASE("what was alive in a task that throws is destroyed before the exception arrives") {
    on_every_engine([]() -> task<void> {
        counted::reset();
        auto failing = [](counted) -> task<void> {
            const counted local;
            co_await yield();
            throw std::runtime_error("gone");
        };
        bool caught = false;
        try {
            co_await failing(counted(1));
        } catch (const std::runtime_error&) {
            caught = true;
            CHECK(counted::alive() == 0);
        }
        CHECK(caught);
    });
}

TEST_CASE("awaiting a task that was moved from, awaited before or never made is an error, not a crash") {
    on_every_engine([]() -> task<void> {
        task<int> t = number(1);
        task<int> moved = std::move(t);
        const bool from_moved = co_await throws<std::logic_error>(std::move(t));
        CHECK(from_moved);
        const int value = co_await std::move(moved);
        CHECK(value == 1);
        const bool twice = co_await throws<std::logic_error>(std::move(moved));
        CHECK(twice);
        const bool empty = co_await throws<std::logic_error>(task<void>());
        CHECK(empty);
    });
}

TEST_CASE("children that finish at once run in place: no turn of the loop passes") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        const auto before = s.loop().statistics().steps;
        int sum = 0;
        for (int i = 0; i < 1000; ++i) sum += co_await number(1);
        CHECK(sum == 1000);
        CHECK(s.loop().statistics().steps == before);
    }(s));
}

namespace {

task<int> sum_below(int n) {
    if (n == 0) co_return co_await number_later(0);
    const int below = co_await sum_below(n - 1);
    co_return below + n;
}

}  // namespace

TEST_CASE("a chain deeper than what is resumed in place gives the right result") {
    on_every_engine([]() -> task<void> {
        for (const int depth : {1, 31, 32, 33, 64, 100, 1000}) {
            const int sum = co_await sum_below(depth);
            CHECK(sum == depth * (depth + 1) / 2);
        }
    });
}

TEST_CASE("awaiting a task is not itself a point of cancellation") {
    scripted_runner s;
    s.run([]() -> task<void> {
        cancel_scope scope;
        scope.cancel();
        auto body = []() -> task<int> {
            int n = co_await number(1);
            n += co_await number(2);
            co_return n;
        };
        const std::optional<int> got = co_await scope.run(body());
        CHECK(got == 3);
        CHECK_FALSE(scope.cancelled_caught());
    }());
}

TEST_CASE("a closure that is a coroutine keeps working while it is named") {
    on_every_engine([]() -> task<void> {
        const std::string text = "a string that is too long to be kept in place, whatever the library";
        auto closure = [text](int n) -> task<std::string> {
            co_await yield();
            co_return text + std::to_string(n);
        };
        const std::string got = co_await closure(1);
        CHECK(got == text + "1");
    });
}
