#include <libasync/sync/select.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

task<void> settle() {
    for (int i = 0; i < 6; ++i) co_await yield();
}

// What a selection of two receivers took, again and again, until both have ended.
task<void> note_both(channel_receiver<int> a, channel_receiver<int> b, std::string& notes) {
    for (;;) {
        auto got = co_await select(a.receive(), b.receive());
        const std::optional<int> item = got.index() == 0 ? std::get<0>(got) : std::get<1>(got);
        if (!item) co_return;
        notes += (got.index() == 0 ? 'a' : 'b') + std::to_string(*item);
    }
}

}  // namespace

TEST_CASE("what is there is taken at once, and of several the first in the order of the arguments") {
    on_every_engine([]() -> task<void> {
        channel<int> a(3);
        channel<int> b(3);
        a.sender.try_send(1);
        b.sender.try_send(2);
        auto got = co_await select(b.receiver.receive(), a.receiver.receive());
        CHECK(got.index() == 0);
        CHECK(std::get<0>(got) == 2);
        CHECK(a.receiver.try_receive() == 1);  // it was not touched
    });
}

TEST_CASE("the first that is handed over is taken; the waits of the others are given up at once") {
    on_every_engine([]() -> task<void> {
        channel<int> a(0);
        channel<int> b(0);
        std::string notes;
        auto reader = create_task(note_both(a.receiver, b.receiver, notes));
        co_await settle();
        CHECK(b.sender.try_send(1));
        CHECK_FALSE(a.sender.try_send(2));  // nobody waits there any more
        CHECK_FALSE(b.sender.try_send(3));
        co_await settle();
        CHECK(a.sender.try_send(4));
        co_await settle();
        CHECK(notes == "b1a4");
        reader.cancel();
        co_await reader.wait();
    });
}

TEST_CASE("a channel that has ended is received from, as nothing") {
    on_every_engine([]() -> task<void> {
        channel<int> a(0);
        channel<int> b(0);
        std::string notes;
        auto reader = create_task(note_both(a.receiver, b.receiver, notes));
        co_await settle();
        a.sender.close();
        co_await reader;
        CHECK(notes.empty());
    });
}

TEST_CASE("sending: the item goes out, or is still the sender's own") {
    on_every_engine([]() -> task<void> {
        channel<std::unique_ptr<int>> full(0);
        channel<std::unique_ptr<int>> free(1);
        auto got = co_await select(full.sender.send(std::make_unique<int>(1)), free.sender.send(std::make_unique<int>(2)));
        CHECK(got.index() == 1);
        CHECK_FALSE(full.receiver.try_receive().has_value());
        auto item = free.receiver.try_receive();
        REQUIRE(item.has_value());
        CHECK(**item == 2);
    });
}

TEST_CASE("a sleep is a limit of time for the others") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        const time_point begin = s.engine.clock();
        channel<int> c(0);
        auto got = co_await select(c.receiver.receive(), sleep(2s));
        CHECK(got.index() == 1);
        CHECK(s.engine.clock() == begin + 2s);
        CHECK_FALSE(c.sender.try_send(1));  // the receiver waits no more
        auto shorter = co_await select(sleep(5s), sleep_until(begin + 3s));
        CHECK(shorter.index() == 1);
        CHECK(s.engine.clock() == begin + 3s);
    }(s));
}

TEST_CASE("a selection that takes something else, or is cancelled, leaves no timer of its sleep") {
    on_every_engine([]() -> task<void> {
        const detail::timer_queue& timers = this_loop().core().timers;
        const auto before = timers.size();
        channel<int> c(0);
        auto choose = [](channel_receiver<int> from) -> task<void> {
            static_cast<void>(co_await select(from.receive(), sleep(24h)));
        };
        auto takes = create_task(choose(c.receiver));
        auto cancelled = create_task(choose(c.receiver));
        co_await settle();
        CHECK(timers.size() == before + 2);
        CHECK(c.sender.try_send(1));
        co_await takes;
        CHECK(timers.size() == before + 1);
        cancelled.cancel();
        co_await cancelled.wait();
        CHECK(timers.size() == before);
    });
}

TEST_CASE("what is handed over at the instant of the sleep's end is not lost") {
    scripted_runner s;
    s.run([]() -> task<void> {
        for (const bool sender_first : {true, false}) {
            channel<int> c(0);
            auto send = [](channel_sender<int> to) -> task<void> {
                co_await sleep(1s);
                to.try_send(7);
            };
            auto choose = [](channel_receiver<int> from, std::string& notes) -> task<void> {
                auto got = co_await select(from.receive(), sleep(1s));
                notes += got.index() == 0 ? "item" : "time";
            };
            std::string notes;
            task<void> first = sender_first ? send(c.sender) : choose(c.receiver, notes);
            task<void> second = sender_first ? choose(c.receiver, notes) : send(c.sender);
            co_await gather(std::move(first), std::move(second));
            CHECK(notes == (sender_first ? "item" : "time"));
            // Either the receiver has it, or it was never sent.
            CHECK_FALSE(c.receiver.try_receive().has_value());
        }
    }());
}

TEST_CASE("events, locks, semaphores, queues and tasks can be selected") {
    on_every_engine([]() -> task<void> {
        event e;
        lock door;
        semaphore permits(1);
        async::queue<std::string> q(1);
        co_await door.acquire();
        co_await permits.acquire();
        auto nap = []() -> task<int> {
            co_await sleep(1ms);
            co_return 3;
        };
        auto worker = create_task(nap());
        auto first = co_await select(e.wait(), door.acquire(), permits.scoped(), q.get(), worker.wait());
        CHECK(first.index() == 4);
        const int result = worker.result();
        CHECK(result == 3);
        auto second = co_await select(e.wait(), door.scoped(), permits.acquire(), q.put("an item"));
        CHECK(second.index() == 3);
        door.release();
        {
            auto third = co_await select(e.wait(), door.scoped(), q.put("another item"));
            CHECK(third.index() == 1);
            CHECK(door.locked());
        }
        CHECK_FALSE(door.locked());  // the guard went
        e.set();
        auto fourth = co_await select(q.put("another item"), e.wait());
        CHECK(fourth.index() == 1);
        CHECK(q.qsize() == 1);
    });
}

TEST_CASE("several waits on one object: one of them is granted") {
    on_every_engine([]() -> task<void> {
        channel<int> c(0);
        auto both = [](channel_receiver<int> from, std::string& notes) -> task<void> {
            auto got = co_await select(from.receive(), from.receive());
            notes += std::to_string(got.index());
        };
        std::string notes;
        auto reader = create_task(both(c.receiver, notes));
        co_await settle();
        CHECK(c.sender.try_send(1));
        CHECK_FALSE(c.sender.try_send(2));
        co_await reader;
        CHECK(notes == "0");
    });
}

TEST_CASE("a selection never gives to itself: its own send and receive wait for others") {
    on_every_engine([]() -> task<void> {
        channel<int> c(0);
        async::queue<int> q(1);
        auto choose = [](channel<int>& c, std::string& notes) -> task<void> {
            auto got = co_await select(c.receiver.receive(), c.sender.send(1));
            notes += got.index() == 0 ? "r" + std::to_string(std::get<0>(got).value_or(0)) : "s";
        };
        std::string notes;
        auto one = create_task(choose(c, notes));
        co_await settle();
        CHECK_FALSE(one.done());
        auto other = create_task(choose(c, notes));  // takes what the first one offers
        co_await gather(std::move(one), std::move(other));
        CHECK((notes == "r1s" || notes == "sr1"));
        CHECK_FALSE(c.receiver.try_receive().has_value());
        const auto got = co_await select(q.get(), q.put(2));
        CHECK(got.index() == 1);
        CHECK(q.qsize() == 1);
    });
}

TEST_CASE("an operation that fails throws, and the others are given up") {
    on_every_engine([]() -> task<void> {
        async::queue<int> shut;
        channel<int> c(0);
        shut.shutdown();
        const bool at_once = co_await throws<queue_shut_down>(select(c.receiver.receive(), shut.get()));
        CHECK(at_once);
        CHECK_FALSE(c.sender.try_send(1));
        async::queue<int> later;
        auto body = [](channel_receiver<int> from, async::queue<int>& q) -> task<bool> {
            co_return co_await throws<queue_shut_down>(select(from.receive(), q.get()));
        };
        auto waiting = create_task(body(c.receiver, later));
        co_await settle();
        later.shutdown();
        CHECK_FALSE(c.sender.try_send(1));
        const bool in_the_end = co_await waiting;
        CHECK(in_the_end);
    });
}

TEST_CASE("a selection that is cancelled has taken nothing; what was handed over before beats the cancellation") {
    on_every_engine([]() -> task<void> {
        channel<int> c(0);
        lock door;
        co_await door.acquire();
        auto choose = [](channel_receiver<int> from, lock& door, std::string& notes) -> task<void> {
            auto got = co_await select(from.receive(), door.acquire());
            notes += std::to_string(std::get<0>(got).value_or(0));
        };
        std::string notes;
        auto cancelled_early = create_task(choose(c.receiver, door, notes));
        co_await settle();
        cancelled_early.cancel();
        CHECK_FALSE(c.sender.try_send(1));
        co_await cancelled_early.wait();
        CHECK(cancelled_early.cancelled());
        auto cancelled_late = create_task(choose(c.receiver, door, notes));
        co_await settle();
        CHECK(c.sender.try_send(5));
        cancelled_late.cancel();
        co_await cancelled_late.wait();
        CHECK(notes == "5");
        CHECK_FALSE(cancelled_late.cancelled());
        door.release();
        CHECK_FALSE(door.locked());
    });
}

TEST_CASE("in a cancelled scope nothing is selected, though it be there") {
    on_every_engine([]() -> task<void> {
        channel<int> c(1);
        c.sender.try_send(1);
        auto choose = [](channel_receiver<int> from) -> task<void> {
            static_cast<void>(co_await select(from.receive(), sleep(1ms)));
        };
        cancel_scope scope;
        scope.cancel();
        co_await scope.run(choose(c.receiver));
        CHECK(scope.cancelled_caught());
        CHECK(c.receiver.try_receive() == 1);
    });
}

TEST_CASE("a selection of one operation, and references as results") {
    on_every_engine([]() -> task<void> {
        event e;
        e.set();
        const auto got = co_await select(e.wait());
        CHECK(got.index() == 0);
    });
}

TEST_CASE("a loop that selects what is always there lets others run") {
    on_every_engine([]() -> task<void> {
        event always;
        always.set();
        bool other_ran = false;
        auto other = [](bool& ran) -> task<void> {
            co_await yield();
            ran = true;
        };
        auto handle = create_task(other(other_ran));
        int rounds = 0;
        while (!other_ran && rounds < 10'000) {
            static_cast<void>(co_await select(always.wait(), sleep(1h)));
            ++rounds;
        }
        CHECK(other_ran);
        co_await handle;
    });
}
