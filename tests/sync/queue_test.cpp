#include <libasync/sync/queue.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <libasync/testing/allocations.hpp>
#include <tests/support/expect.hpp>
#include <tests/support/foreign_coroutine.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

using async::queue;

task<void> let_others_wait() {
    for (int i = 0; i < 5; ++i) co_await yield();
}

template <class Queue>
task<std::vector<int>> order_of(Queue& q) {
    for (const int n : {5, 1, 4, 2, 3}) co_await q.put(n);
    std::vector<int> got;
    while (!q.empty()) {
        const int n = co_await q.get();
        got.push_back(n);
    }
    co_return got;
}

}  // namespace

TEST_CASE("a queue gives the first, a lifo_queue the last, a priority_queue the smallest") {
    on_every_engine([]() -> task<void> {
        queue<int> fifo;
        lifo_queue<int> lifo;
        async::priority_queue<int> sorted;
        async::priority_queue<int, std::greater<>> largest;
        const auto a = co_await order_of(fifo);
        const auto b = co_await order_of(lifo);
        const auto c = co_await order_of(sorted);
        const auto d = co_await order_of(largest);
        CHECK(a == std::vector{5, 1, 4, 2, 3});
        CHECK(b == std::vector{3, 2, 4, 1, 5});
        CHECK(c == std::vector{1, 2, 3, 4, 5});
        CHECK(d == std::vector{5, 4, 3, 2, 1});
    });
}

TEST_CASE("a priority_queue gives the smallest of many, equal ones among them, put and got in any order") {
    std::mt19937 draw(1);
    async::priority_queue<int> q;
    std::multiset<int> expected;
    for (int i = 0; i < 20'000; ++i) {
        // Grows to some hundreds, and shrinks to none, several times.
        const bool growing = i / 1'000 % 2 == 0;
        if (expected.empty() || draw() % 100 < (growing ? 75u : 25u)) {
            const int n = static_cast<int>(draw() % 200);
            q.put_nowait(n);
            expected.insert(n);
        } else {
            REQUIRE(q.get_nowait() == *expected.begin());
            expected.erase(expected.begin());
        }
        REQUIRE(q.qsize() == expected.size());
    }
}

TEST_CASE("put waits while the queue is full, get while it is empty") {
    on_every_engine([]() -> task<void> {
        queue<int> q(2);
        auto produce = [](queue<int>& q) -> task<void> {
            for (int i = 0; i < 100; ++i) {
                co_await q.put(i);
                CHECK(q.qsize() <= 2);
            }
        };
        auto consume = [](queue<int>& q) -> task<int> {
            int sum = 0;
            for (int i = 0; i < 100; ++i) {
                const int n = co_await q.get();
                CHECK(n == i);
                sum += n;
                if (i % 7 == 0) co_await yield();
            }
            co_return sum;
        };
        const auto [nothing, sum] = co_await gather(produce(q), consume(q));
        CHECK(sum == 4950);
        CHECK(q.empty());
    });
}

TEST_CASE("items may be movable only, and need no memory once there is room") {
    on_every_engine([]() -> task<void> {
        queue<std::unique_ptr<int>> q(1);
        co_await q.put(std::make_unique<int>(1));
        const auto got = co_await q.get();
        CHECK(*got == 1);
        queue<int> numbers(1);
        co_await numbers.put(0);
        static_cast<void>(numbers.get_nowait());
        const auto allocated = async::testing::allocations();
        for (int i = 0; i < 10; ++i) {
            co_await numbers.put(i);
            static_cast<void>(co_await numbers.get());
        }
        CHECK(async::testing::allocations() == allocated);
    });
}

TEST_CASE("without waiting: an error where there is no room, or no item") {
    on_every_engine([]() -> task<void> {
        queue<std::string> q(1);
        CHECK_THROWS_AS(static_cast<void>(q.get_nowait()), queue_empty);
        q.put_nowait("one");
        CHECK(q.full());
        CHECK(q.qsize() == 1);
        CHECK(q.maxsize() == 1);
        CHECK_THROWS_AS(q.put_nowait("two"), queue_full);
        CHECK(q.get_nowait() == "one");
        CHECK(q.empty());
        co_return;
    });
}

TEST_CASE("get_nowait lets one in that waits for room; put_nowait serves one that waits for an item") {
    on_every_engine([]() -> task<void> {
        queue<int> q(1);
        q.put_nowait(1);
        auto put = [](queue<int>& q) -> task<void> { co_await q.put(2); };
        auto putter = create_task(put(q));
        co_await let_others_wait();
        CHECK(q.get_nowait() == 1);
        CHECK(q.get_nowait() == 2);
        co_await putter;
        auto get = [](queue<int>& q) -> task<int> { co_return co_await q.get(); };
        auto getter = create_task(get(q));
        co_await let_others_wait();
        q.put_nowait(3);
        CHECK(q.empty());
        q.put_nowait(4);
        const int got = co_await getter;
        CHECK(got == 3);
        CHECK(q.qsize() == 1);
    });
}

TEST_CASE("an item that comes back is the next one, and takes the place of one that waits to be put") {
    scripted_runner s;
    s.run([]() -> task<void> {
        queue<int> q(1);
        auto get = [](queue<int>& q) -> foreign_coroutine { static_cast<void>(co_await q.get()); };
        auto put = [](queue<int>& q, int n) -> foreign_coroutine { co_await q.put(n); };
        std::optional<foreign_coroutine> getter(get(q));
        q.put_nowait(1);  // is the getter's
        q.put_nowait(2);
        const foreign_coroutine putter = put(q, 3);
        getter.reset();
        CHECK(q.qsize() == 2);
        CHECK(q.get_nowait() == 1);
        CHECK(q.qsize() == 1);
        CHECK(q.get_nowait() == 2);
        CHECK(q.get_nowait() == 3);
        co_await yield();
        co_await yield();
        CHECK(putter.done());
    }());
}

TEST_CASE("puts and gets go into what takes any operation, with their items") {
    on_every_engine([]() -> task<void> {
        queue<std::string> q(1);
        const std::string text(100, 'x');
        co_await timeout(1h, q.put(text));
        const auto refused = co_await move_on_after(1ms, q.put(std::string("one too many")));
        CHECK_FALSE(refused.has_value());
        const auto [first, nothing, second] = co_await gather(q.get(), q.put(std::string("another")), q.get());
        CHECK(first == text);
        CHECK(second == "another");
        const auto none = co_await move_on_after(1ms, q.get());
        CHECK_FALSE(none.has_value());
        CHECK(q.empty());
    });
}

TEST_CASE("whoever waits for a queue that is destroyed is told so") {
    on_every_engine([]() -> task<void> {
        std::optional<queue<int>> q(std::in_place, 1u);
        auto getter = create_task(message_of(q->get()));
        co_await let_others_wait();
        q.reset();
        const std::string told = co_await getter;
        CHECK(told == "queue::get: destroyed while a task waits");
        q.emplace(1u);
        q->put_nowait(1);
        auto putter = create_task(message_of(q->put(2)));
        auto joiner = create_task(message_of(q->join()));
        co_await let_others_wait();
        q.reset();
        const std::string put_told = co_await putter;
        const std::string join_told = co_await joiner;
        CHECK(put_told == "queue::put: destroyed while a task waits");
        CHECK(join_told == "queue::join: destroyed while a task waits");
    });
}
