// What tasks hand each other, cancelled at every suspension: every lock ends free, no permit, item or notification is
// lost or doubled.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include <tests/support/cancel.hpp>
#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

task<void> rounds_inside(lock& door, int& inside, int rounds) {
    for (int i = 0; i < rounds; ++i) {
        const auto guard = co_await door.scoped();
        must(++inside == 1, "two hold the lock");
        const struct leave {
            int& inside;
            explicit leave(int& n) : inside(n) {}
            ~leave() { --inside; }
        } at_end(inside);
        co_await yield();
    }
}

}  // namespace

TEST_CASE("lock: it has one holder at a time, and is free at the end") {
    const auto scenario = [](cancel_subject& subject) -> task<void> {
        lock door;
        int inside = 0;
        auto other = create_task(rounds_inside(door, inside, 5));
        must_not_fail(co_await subject.run(rounds_inside(door, inside, 4)));
        co_await other;
        must(!door.locked(), "it is free at the end");
        must(inside == 0, "nobody is inside");
    };
    check_cancelled(cancel_everywhere(scenario, with_all_deliveries));
}

TEST_CASE("semaphore: all permits come back") {
    const auto scenario = [](cancel_subject& subject) -> task<void> {
        bounded_semaphore permits(2);
        auto part = [](bounded_semaphore& permits) -> task<void> {
            for (int i = 0; i < 3; ++i) {
                const auto first = co_await permits.scoped();
                co_await yield();
            }
        };
        auto a = create_task(part(permits));
        auto b = create_task(part(permits));
        must_not_fail(co_await subject.run(part(permits)));
        co_await gather(a.wait(), b.wait());
        must(permits.value() == 2, "all are back");
    };
    check_cancelled(cancel_everywhere(scenario, with_all_deliveries));
}

TEST_CASE("event: whoever is left goes on") {
    const auto scenario = [](cancel_subject& subject) -> task<void> {
        event e;
        auto part = [](event& e) -> task<void> {
            co_await e.wait();
            e.clear();
            co_await e.wait();
        };
        auto set = [](event& e) -> task<void> {
            for (int i = 0; i < 8; ++i) co_await yield();
            e.set();
            for (int i = 0; i < 8; ++i) co_await yield();
            e.set();
        };
        auto setter = create_task(set(e));
        auto other = create_task(part(e));
        must_not_fail(co_await subject.run(part(e)));
        co_await gather(setter.wait(), other.wait());
    };
    check_cancelled(cancel_everywhere(scenario, with_all_deliveries));
}

TEST_CASE("condition: the lock is free at the end, and each notification reaches somebody") {
    const auto scenario = [](cancel_subject& subject) -> task<void> {
        condition c;
        int tokens = 0;
        int used = 0;
        // Each token is announced once: if a notification is lost, somebody waits for ever.
        auto consume = [](condition& c, int& tokens, int& used, int first_rest) -> task<void> {
            for (int n = 0; n < first_rest; ++n) co_await yield();
            const auto guard = co_await c.scoped();
            while (tokens == 0) co_await c.wait();
            --tokens;
            ++used;
        };
        auto produce = [](condition& c, int& tokens, int count) -> task<void> {
            for (int i = 0; i < count; ++i) {
                for (int n = 0; n < 6; ++n) co_await yield();
                const auto guard = co_await c.scoped();
                ++tokens;
                c.notify();
            }
        };
        // The part waits between the others: one stands before it in the line, one behind.
        auto before = create_task(consume(c, tokens, used, 0));
        auto behind = create_task(consume(c, tokens, used, 4));
        auto producer = create_task(produce(c, tokens, 2));
        const auto ending = co_await subject.run(consume(c, tokens, used, 1));
        must_not_fail(ending);
        co_await producer;
        if (ending.completed()) co_await produce(c, tokens, 1);
        co_await gather(before.wait(), behind.wait());
        must(!c.locked(), "the lock is free at the end");
        must(tokens == 0 && used == (ending.completed() ? 3 : 2), "each token was used once");
    };
    check_cancelled(cancel_everywhere(scenario, with_all_deliveries));
}

TEST_CASE("barrier: who is cancelled has not come, and the round is full without it") {
    const auto scenario = [](cancel_subject& subject) -> task<void> {
        barrier b(2);
        auto part = [](barrier& b) -> task<void> { static_cast<void>(co_await b.wait()); };
        auto late = [](barrier& b, bool& came) -> task<void> {
            for (int i = 0; i < 10; ++i) co_await yield();
            came = true;
            static_cast<void>(co_await b.wait());
        };
        bool came = false;
        auto other = create_task(late(b, came));
        const auto ending = co_await subject.run(part(b));
        must_not_fail(ending);
        const bool was_full = came && b.n_waiting() == 0;
        must(was_full || !ending.completed(), "it completes when the round is full");
        if (!was_full) co_await part(b);
        co_await other;
        must(b.n_waiting() == 0, "nobody is left");
    };
    check_cancelled(cancel_everywhere(scenario, with_all_deliveries));
}

TEST_CASE("queue: no item is lost, doubled or overtaken, whoever gets or puts") {
    const auto consume = [](async::queue<int>& q, std::vector<int>& got, int count) -> task<void> {
        for (int i = 0; i < count; ++i) {
            const int n = co_await q.get();
            got.push_back(n);
        }
    };
    const auto produce = [](async::queue<int>& q, int& sent, int count) -> task<void> {
        for (int i = 0; i < count; ++i) {
            co_await q.put(sent);
            ++sent;
            if (i % 2 == 0) co_await yield();
        }
    };
    for (const std::size_t room : {1u, 3u}) {
        CAPTURE(room);
        const auto getting = [=](cancel_subject& subject) -> task<void> {
            async::queue<int> q(room);
            std::vector<int> got;
            int sent = 0;
            auto producer = create_task(produce(q, sent, 6));
            must_not_fail(co_await subject.run(consume(q, got, 6)));
            while (got.size() < 6) co_await consume(q, got, 1);
            co_await producer;
            must(got == std::vector{0, 1, 2, 3, 4, 5}, "all items in their order");
            must(q.empty(), "and no more");
        };
        check_cancelled(cancel_everywhere(getting, with_all_deliveries));
        const auto putting = [=](cancel_subject& subject) -> task<void> {
            async::queue<int> q(room);
            std::vector<int> got;
            int sent = 0;
            auto consumer = create_task(consume(q, got, 1000));
            must_not_fail(co_await subject.run(produce(q, sent, 6)));
            while (sent < 6) co_await produce(q, sent, 1);
            while (got.empty() || got.back() != 5) co_await yield();
            consumer.cancel();
            co_await consumer.wait();
            // One that was put, but by a task that did not learn of it, is put again.
            const auto twice = std::unique(got.begin(), got.end());
            must(got.end() - twice <= 1, "more than one is doubled");
            got.erase(twice, got.end());
            must(got == std::vector{0, 1, 2, 3, 4, 5}, "all items in their order");
        };
        check_cancelled(cancel_everywhere(putting, with_all_deliveries));
    }
}

TEST_CASE("join of a queue: it ends when all is done, and disturbs nobody") {
    const auto scenario = [](cancel_subject& subject) -> task<void> {
        async::queue<int> q;
        for (int i = 0; i < 3; ++i) q.put_nowait(i);
        auto work = [](async::queue<int>& q) -> task<void> {
            for (int i = 0; i < 3; ++i) {
                static_cast<void>(co_await q.get());
                co_await yield();
                q.task_done();
            }
        };
        auto join = [](async::queue<int>& q) -> task<void> { co_await q.join(); };
        auto worker = create_task(work(q));
        must_not_fail(co_await subject.run(join(q)));
        co_await worker;
        co_await join(q);
    };
    check_cancelled(cancel_everywhere(scenario, with_all_deliveries));
}

TEST_CASE("channel: no item is lost, doubled or overtaken, and its end is told") {
    const auto consume = [](channel_receiver<int> from, std::vector<int>& got) -> task<void> {
        while (const auto item = co_await from.receive()) got.push_back(*item);
    };
    const auto produce = [](channel_sender<int> to, int& sent) -> task<void> {
        while (sent < 6) {
            co_await to.send(sent);
            ++sent;
            if (sent % 2 == 0) co_await yield();
        }
    };
    for (const std::size_t room : {0u, 2u}) {
        CAPTURE(room);
        const auto receiving = [=](cancel_subject& subject) -> task<void> {
            auto [sender, receiver] = channel<int>(room);
            std::vector<int> got;
            int sent = 0;
            auto producer = create_task(produce(std::move(sender), sent));
            must_not_fail(co_await subject.run(consume(receiver, got)));
            co_await consume(receiver, got);
            co_await producer;
            must(got == std::vector{0, 1, 2, 3, 4, 5}, "all items in their order");
        };
        check_cancelled(cancel_everywhere(receiving, with_all_deliveries));
        const auto sending = [=](cancel_subject& subject) -> task<void> {
            auto [sender, receiver] = channel<int>(room);
            std::vector<int> got;
            int sent = 0;
            auto consumer = create_task(consume(std::move(receiver), got));
            must_not_fail(co_await subject.run(produce(sender, sent)));
            co_await produce(sender, sent);
            sender.close();
            co_await consumer;
            // One that was sent, but by a task that did not learn of it, is sent again.
            const auto twice = std::unique(got.begin(), got.end());
            must(got.end() - twice <= 1, "more than one is doubled");
            got.erase(twice, got.end());
            must(got == std::vector{0, 1, 2, 3, 4, 5}, "all items in their order");
        };
        check_cancelled(cancel_everywhere(sending, with_all_deliveries));
    }
}
