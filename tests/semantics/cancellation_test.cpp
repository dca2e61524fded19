// Cancelling tasks: rows 40 to 46 of what asyncio promises. There it is an edge, once for each call, which can be
// swallowed or lost, and takes results with it; ours is a level that belongs to a scope, and completion beats it. The
// rows are pinned in that form.
#include <doctest/doctest.h>

#include <string>

#include <tests/support/expect.hpp>
#include <tests/support/network.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

task<void> settle() {
    for (int i = 0; i < 6; ++i) co_await yield();
}

// Sleeps, and notes how that ends: 'c' if cancelled.
task<void> sleep_and_note(std::string& notes) {
    try {
        co_await sleep(24h);
    } catch (const cancelled&) {
        notes += 'c';
        throw;
    }
}

// An await that begins and ends in the same scope, and whether it was refused.
task<bool> next_await_is_refused() {
    try {
        co_await yield();
    } catch (const cancelled&) {
        co_return true;
    }
    co_return false;
}

task<void> take_turns(int count) {
    for (int i = 0; i < count; ++i) co_await yield();
}

task<int> join(task_handle<int>& handle) { co_return co_await handle; }

}  // namespace

TEST_CASE("40: cancel is a request: nothing has happened when it returns, and the task sees it where it waits, later") {
    on_every_engine([]() -> task<void> {
        std::string notes;
        auto handle = create_task(sleep_and_note(notes));
        co_await settle();
        handle.cancel();
        CHECK(notes.empty());
        CHECK_FALSE(handle.done());
        CHECK_FALSE(handle.cancelled());
        co_await handle.wait();
        CHECK(notes == "c");
        CHECK(handle.cancelled());
        handle.cancel();
        CHECK(handle.cancelled());
    });
}

TEST_CASE("40: who cancels many times cancels once; there is no count to be taken back") {
    on_every_engine([]() -> task<void> {
        std::string notes;
        auto handle = create_task(sleep_and_note(notes));
        co_await settle();
        for (int i = 0; i < 10; ++i) handle.cancel();
        co_await handle.wait();
        CHECK(notes == "c");
    });
}

TEST_CASE("40: cancelling what a task joins does not cancel the task: it gets an error that it can handle") {
    on_every_engine([]() -> task<void> {
        auto long_number = []() -> task<int> {
            co_await sleep(24h);
            co_return 1;
        };
        auto inner = create_task(long_number(), "inner");
        auto outer = create_task(message_of(join(inner)));
        co_await settle();
        inner.cancel();
        const std::string what = co_await outer;
        CHECK(what.find("inner") != std::string::npos);
        CHECK(inner.cancelled());
        CHECK_FALSE(outer.cancelled());
    });
}

TEST_CASE("40: a task that is cancelled together with the one it joins ends cancelled, whichever comes first") {
    on_every_engine([]() -> task<void> {
        for (const bool inner_first : {true, false}) {
            auto long_number = []() -> task<int> {
                co_await sleep(24h);
                co_return 1;
            };
            auto inner = create_task(long_number());
            auto outer = create_task(join(inner));
            co_await settle();
            (inner_first ? inner : outer).cancel();
            (inner_first ? outer : inner).cancel();
            co_await outer.wait();
            CHECK(outer.cancelled());
            CHECK(inner.cancelled());
        }
    });
}

TEST_CASE("40: a cancel that comes during a yield is raised at the await after it, if there is one") {
    on_every_engine([]() -> task<void> {
        for (const int yields : {1, 2}) {
            auto handle = create_task(take_turns(yields));
            co_await yield();
            handle.cancel();
            co_await handle.wait();
            CHECK(handle.cancelled() == (yields == 2));
        }
    });
}

TEST_CASE("41: cancelled before its first step a task never runs: its parameters are destroyed, it ends cancelled") {
    on_every_engine([]() -> task<void> {
        counted::reset();
        bool ran = false;
        auto body = [](bool& ran, counted) -> task<int> {
            ran = true;
            co_return 1;
        };
        auto handle = create_task(body(ran, counted(1)));
        handle.cancel();
        CHECK(counted::alive() == 1);
        co_await handle.wait();
        CHECK(handle.done());
        CHECK(handle.cancelled());
        CHECK(counted::alive() == 0);
        CHECK_FALSE(ran);
        CHECK_THROWS_AS(handle.result(), task_cancelled);
        CHECK_THROWS_AS(static_cast<void>(handle.exception()), task_cancelled);
    });
}

TEST_CASE("41: in a cancelled scope gathered tasks never run, while a task that is awaited runs to its first await") {
    on_every_engine([]() -> task<void> {
        std::string notes;
        auto body = [](std::string& notes) -> task<void> {
            notes += 'b';
            co_await yield();
            notes += 'x';
        };
        cancel_scope awaited;
        awaited.cancel();
        co_await awaited.run(body(notes));
        CHECK(notes == "b");
        cancel_scope gathered;
        gathered.cancel();
        auto both = [](auto body, std::string& notes) -> task<void> { co_await gather(body(notes), body(notes)); };
        co_await gathered.run(both(body, notes));
        CHECK(notes == "b");
        CHECK(gathered.cancelled_caught());
    });
}

TEST_CASE("43: a task that cancels itself goes on to its next await, which has no effect") {
    on_every_engine([]() -> task<void> {
        std::string notes;
        task_handle<void> self;
        auto body = [](task_handle<void>& self, std::string& notes) -> task<void> {
            self.cancel();
            notes += 'g';
            CHECK_FALSE(self.cancelled());
            co_await sleep_and_note(notes);
            notes += 'x';
        };
        self = create_task(body(self, notes));
        co_await self.wait();
        CHECK(notes == "gc");
        CHECK(self.cancelled());
    });
}

TEST_CASE("43: a task that cancels itself and then joins another one leaves that one alone") {
    on_every_engine([]() -> task<void> {
        event go_on;
        auto inner_body = [](event& go_on) -> task<int> {
            co_await go_on.wait();
            co_return 5;
        };
        auto inner = create_task(inner_body(go_on));
        task_handle<int> self;
        auto outer = [](task_handle<int>& self, task_handle<int>& inner) -> task<int> {
            co_await yield();
            self.cancel();
            co_return co_await inner;  // refused on entry
        };
        self = create_task(outer(self, inner));
        co_await self.wait();
        CHECK(self.cancelled());
        CHECK_FALSE(inner.done());
        go_on.set();
        const int n = co_await inner;
        CHECK(n == 5);
    });
}

TEST_CASE("44: cancelled, and then at its end without another await, a task has its value") {
    on_every_engine([]() -> task<void> {
        task_handle<int> self;
        auto body = [](task_handle<int>& self) -> task<int> {
            co_await yield();
            self.cancel();
            co_return 12;
        };
        self = create_task(body(self));
        const int n = co_await self;
        CHECK(n == 12);
        CHECK_FALSE(self.cancelled());
        self.cancel();
        CHECK_FALSE(self.cancelled());
    });
}

TEST_CASE("46: cancelled between the completion and the step after it, a task has the result; the next await raises") {
    scripted_runner s;
    std::string notes;
    auto body = [](std::string& notes) -> task<void> {
        const std::int64_t result = co_await scripted_operation(1);
        notes += std::to_string(result);
        const bool refused = co_await next_await_is_refused();
        notes += refused ? 'r' : 'x';
    };
    auto handle = s.runner.create_task(body(notes));
    s.turns(1);
    s.finish(1, 7);
    handle.cancel();
    s.turns(3);
    CHECK(notes == "7r");
    CHECK(handle.done());
    CHECK(s.engine.cancels() == 0);
}

TEST_CASE("46: an event, a sleep, a join, an item: what had come when the cancellation came is not lost") {
    on_every_engine([]() -> task<void> {
        event happened;
        async::queue<int> items;
        auto number = [](event& happened) -> task<int> {
            co_await happened.wait();
            co_return 3;
        };
        auto waits = [](event& e, std::string& notes) -> task<void> {
            co_await e.wait();
            notes += 'e';
            co_await yield();
            notes += 'x';
        };
        auto gets = [](async::queue<int>& q, std::string& notes) -> task<void> {
            const int item = co_await q.get();
            notes += std::to_string(item);
            co_await yield();
            notes += 'x';
        };
        auto joins = [](task_handle<int>& h, std::string& notes) -> task<void> {
            const int result = co_await h;
            notes += std::to_string(result);
            co_await yield();
            notes += 'x';
        };
        std::string notes;
        auto joined = create_task(number(happened));
        auto waiter = create_task(waits(happened, notes));
        auto getter = create_task(gets(items, notes));
        auto joiner = create_task(joins(joined, notes));
        co_await settle();
        happened.set();
        items.put_nowait(5);
        waiter.cancel();
        getter.cancel();
        while (!joined.done()) co_await yield();
        joiner.cancel();  // the joined task has ended, its joiner has not gone on yet
        co_await gather(waiter.wait(), getter.wait(), joiner.wait());
        CHECK(notes == "e53");
        CHECK(waiter.cancelled());
        CHECK(getter.cancelled());
        CHECK(joiner.cancelled());
    });
}

TEST_CASE("46: a sleep whose time has come is over, though a cancellation of the same instant comes before its step") {
    scripted_runner s;
    std::string notes;
    task_handle<void> handle;
    auto body = [](std::string& notes) -> task<void> {
        co_await sleep(1s);
        notes += 's';
        co_await yield();
        notes += 'x';
    };
    s.loop().call_later(1s, [&] { handle.cancel(); });
    handle = s.runner.create_task(body(notes));
    s.turns(1);
    s.runner.turn(turn::wait);
    s.turns(2);
    CHECK(notes == "s");
    CHECK(handle.cancelled());
}

TEST_CASE("46: a connection that was accepted is not lost when the task is cancelled before it has it") {
    async::run([]() -> task<void> {
        for (int delay = 0; delay < 8; ++delay) {
            auto listener = tcp_listener::bind(endpoint::loopback(0));
            auto accept = [](tcp_listener& l) -> task<tcp_stream> { co_return co_await l.accept(); };
            auto accepting = create_task(accept(listener));
            co_await yield();
            tcp_stream client = co_await connect(listener.local_endpoint());
            co_await take_turns(delay);
            accepting.cancel();
            co_await accepting.wait();
            tcp_stream server;
            if (accepting.cancelled()) {
                server = co_await accept(listener);
            } else {
                server = accepting.result();
            }
            CHECK(server.remote_endpoint() == client.local_endpoint());
            co_await client.close();
            co_await server.close();
            co_await listener.close();
        }
    }());
}
