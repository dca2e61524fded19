// Queues: rows 104 to 107 of what asyncio promises.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

using async::queue;

task<void> settle() {
    for (int i = 0; i < 6; ++i) co_await yield();
}

task<int> get_one(queue<int>& q) { co_return co_await q.get(); }
task<void> put_one(queue<int>& q, int n) { co_await q.put(n); }

}  // namespace

TEST_CASE("104: a get that is cancelled before an item comes leaves it to the next") {
    on_every_engine([]() -> task<void> {
        queue<int> q;
        auto first = create_task(get_one(q));
        auto second = create_task(get_one(q));
        co_await settle();
        first.cancel();
        q.put_nowait(1);
        const int got = co_await second;
        CHECK(got == 1);
        co_await first.wait();
        CHECK(first.cancelled());
    });
}

TEST_CASE("104: a get that is cancelled after an item was handed to it has the item") {
    on_every_engine([]() -> task<void> {
        queue<int> q;
        auto first = create_task(get_one(q));
        auto second = create_task(get_one(q));
        co_await settle();
        q.put_nowait(1);
        first.cancel();
        q.put_nowait(2);
        const int a = co_await first;
        const int b = co_await second;
        CHECK(a == 1);
        CHECK(b == 2);
    });
}

TEST_CASE("105: a put that is cancelled before there was room puts nothing; one that was let in has put its item") {
    on_every_engine([]() -> task<void> {
        queue<int> q(1);
        q.put_nowait(0);
        auto first = create_task(put_one(q, 1));
        auto second = create_task(put_one(q, 2));
        auto third = create_task(put_one(q, 3));
        co_await settle();
        first.cancel();
        CHECK(q.get_nowait() == 0);  // room for the second
        second.cancel();             // too late
        co_await gather(first.wait(), second.wait());
        CHECK(first.cancelled());
        CHECK_FALSE(second.cancelled());
        const int a = co_await q.get();
        const int b = co_await q.get();
        CHECK(a == 2);
        CHECK(b == 3);
        co_await third;
        CHECK(q.empty());
    });
}

TEST_CASE("105: those who wait to put and to get are served in the order in which they came") {
    on_every_engine([]() -> task<void> {
        queue<int> q(1);
        std::vector<task_handle<void>> putters;
        for (int i = 0; i < 5; ++i) putters.push_back(create_task(put_one(q, i)));
        co_await settle();
        for (int i = 0; i < 5; ++i) {
            const int got = co_await q.get();
            CHECK(got == i);
        }
        for (auto& p : putters) co_await p;
        std::vector<task_handle<int>> getters;
        for (int i = 0; i < 5; ++i) getters.push_back(create_task(get_one(q)));
        co_await settle();
        for (int i = 0; i < 5; ++i) co_await q.put(i);
        for (int i = 0; i < 5; ++i) {
            const int got = co_await getters[static_cast<std::size_t>(i)];
            CHECK(got == i);
        }
    });
}

TEST_CASE("106: after a shutdown nothing is put; what is there is still got, and then an error") {
    on_every_engine([]() -> task<void> {
        queue<int> q(2);
        q.put_nowait(1);
        q.put_nowait(2);
        auto waiting = create_task(throws<queue_shut_down>(q.put(3)));
        co_await settle();
        q.shutdown();
        q.shutdown();
        const bool told = co_await waiting;
        CHECK(told);
        const bool refused = co_await throws<queue_shut_down>(q.put(4));
        CHECK(refused);
        CHECK_THROWS_AS(q.put_nowait(5), queue_shut_down);
        const int one = co_await q.get();
        CHECK(one == 1);
        CHECK(q.get_nowait() == 2);
        const bool ended = co_await throws<queue_shut_down>(q.get());
        CHECK(ended);
        CHECK_THROWS_AS(static_cast<void>(q.get_nowait()), queue_shut_down);
    });
}

TEST_CASE("106: a shutdown wakes those who wait for items that will not come") {
    on_every_engine([]() -> task<void> {
        queue<int> q;
        auto first = create_task(throws<queue_shut_down>(q.get()));
        auto second = create_task(throws<queue_shut_down>(q.get()));
        co_await settle();
        q.shutdown();
        const auto [a, b] = co_await gather(std::move(first), std::move(second));
        CHECK(a);
        CHECK(b);
    });
}

TEST_CASE("106: an immediate shutdown drops what is there, as done with, and releases join") {
    on_every_engine([]() -> task<void> {
        queue<int> q;
        q.put_nowait(1);
        q.put_nowait(2);
        q.put_nowait(3);
        static_cast<void>(q.get_nowait());
        auto join = [](queue<int>& q) -> task<void> { co_await q.join(); };
        auto joiner = create_task(join(q));
        co_await settle();
        q.shutdown(true);
        CHECK(q.empty());
        co_await settle();
        CHECK_FALSE(joiner.done());  // the one that was got is not done with
        q.task_done();
        co_await joiner;
        CHECK_THROWS_AS(q.task_done(), std::logic_error);
        const bool ended = co_await throws<queue_shut_down>(q.get());
        CHECK(ended);
    });
}

TEST_CASE("107: task_done more often than items were put is an error; join of an idle queue returns at once") {
    on_every_engine([]() -> task<void> {
        queue<int> q;
        const auto turns = this_loop().statistics().turns;
        co_await q.join();
        CHECK(this_loop().statistics().turns == turns);
        CHECK_THROWS_WITH_AS(q.task_done(), "queue::task_done: more often than items were put", std::logic_error);
        co_await q.put(1);
        static_cast<void>(co_await q.get());
        q.task_done();
        CHECK_THROWS_AS(q.task_done(), std::logic_error);
        co_await q.join();
    });
}

TEST_CASE("107: join waits until every item was done with") {
    on_every_engine([]() -> task<void> {
        queue<int> q;
        int worked = 0;
        auto work = [](queue<int>& q, int& worked) -> task<void> {
            for (;;) {
                worked += co_await q.get();
                co_await yield();
                q.task_done();
            }
        };
        auto worker = create_task(work(q, worked));
        for (int i = 0; i < 10; ++i) co_await q.put(1);
        co_await q.join();
        CHECK(worked == 10);
        worker.cancel();
        co_await worker.wait();
    });
}
