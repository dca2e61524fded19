// The turn of the loop and what runs in it: rows 1, 2, 13, 14 and 22 of what asyncio, trio and libuv promise. There is
// no loop.stop, after which run gives up: a run ends when its main does.
#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>

#include <libasync/loop/timer.hpp>
#include <libasync/sim/simulation.hpp>

#include <tests/support/expect.hpp>
#include <tests/support/network.hpp>
#include <tests/support/scripted.hpp>
#include <tests/support/system.hpp>

using namespace async_tests;

namespace {

task<void> note(std::string& notes, char name) {
    notes += name;
    co_return;
}

task<int> yield_times(int count) {
    for (int i = 0; i < count; ++i) co_await yield();
    co_return count;
}

task<void> keep_yielding(const bool& stop) {
    while (!stop) co_await yield();
}

task<std::string> read_text(tcp_stream& stream) {
    const chunk data = co_await stream.read();
    co_return std::string(data.text());
}

}  // namespace

TEST_CASE("1: a turn runs what is ready when it begins: callbacks, tasks and posts that it makes run in a later one") {
    with_every_runner([](runner& r) {
        std::string notes;
        r.loop().call_soon([&] {
            notes += 'a';
            r.loop().call_soon([&] { notes += 'd'; });
            r.create_task(note(notes, 'e'));
            r.loop().post([&] { notes += 'p'; });
        });
        r.create_task(note(notes, 'b'));
        r.loop().call_soon([&] { notes += 'c'; });
        r.turn(turn::no_wait);
        CHECK(notes == "abc");
        while (notes.size() < 6) r.turn(turn::no_wait);
        CHECK(notes.find('p') != std::string::npos);
        std::erase(notes, 'p');
        CHECK(notes == "abcde");
    });
}

TEST_CASE("1: a callback of a timer that is due leaves what it makes ready to the next turn") {
    scripted_runner s;
    std::string notes;
    s.loop().call_at(time_point::min(), [&] {
        notes += 't';
        s.loop().call_soon([&] { notes += 'n'; });
    });
    CHECK(s.runner.turn(turn::no_wait));
    CHECK(notes == "t");
    CHECK_FALSE(s.runner.turn(turn::no_wait));
    CHECK(notes == "tn");
}

TEST_CASE("1: a callback that posts itself again for ever does not keep a task from its end") {
    with_every_runner([](runner& r) {
        int posts = 0;
        unique_function<void()> again = [&] {
            ++posts;
            r.loop().post([&] { again(); });
        };
        again();
        CHECK(r.run(yield_times(20)) == 20);
        CHECK(posts >= 19);
        CHECK(posts <= 23);
    });
}

TEST_CASE("1: tasks that yield for ever starve neither sleepers nor readers nor threads that post") {
    async::run([]() -> task<void> {
        bool stop = false;
        auto busy = create_task(keep_yielding(stop));
        auto also_busy = create_task(keep_yielding(stop));
        co_await sleep(1ms);

        stream_pair pair = co_await connected_pair();
        auto reader = create_task(read_text(pair.server));
        co_await pair.client.write("news");
        const std::string text = co_await reader;
        CHECK(text == "news");

        event posted;
        async::loop& here = this_loop();
        std::thread poster;
        {
            const outside_work work(this_engine());
            poster = std::thread([&] { here.post([&] { posted.set(); }); });
            co_await posted.wait();
        }
        poster.join();
        stop = true;
        co_await busy;
        co_await also_busy;
    }());
}

TEST_CASE("1: within one turn what has finished and what was posted comes before the timers of that instant") {
    scripted_runner s;
    std::string notes;
    s.loop().call_later(1s, [&] { notes += 't'; });
    auto operate = [](std::string& notes) -> task<void> {
        co_await scripted_operation(1);
        notes += 'o';
    };
    auto handle = s.runner.create_task(operate(notes));
    s.turns(1);
    s.engine.after(1s, [&] {
        s.finish(1, 0);
        s.loop().post([&] { notes += 'p'; });
    });
    s.runner.turn(turn::wait);
    REQUIRE(notes.size() == 3);
    CHECK(notes.back() == 't');
    CHECK(handle.done());
}

TEST_CASE("2: callbacks are called in the order given, each once, those that were cancelled not at all") {
    with_every_runner([](runner& r) {
        std::vector<int> calls;
        r.loop().call_soon([&] { calls.push_back(10); });
        auto cancelled_one = r.loop().call_soon([&] { calls.push_back(100); });
        cancelled_one.cancel();
        r.loop().call_soon([&] { calls.push_back(1); });
        for (int i = 0; i < 5; ++i) r.turn(turn::no_wait);
        CHECK(calls == std::vector{10, 1});
    });
}

TEST_CASE("2: callbacks and new tasks stand in one queue") {
    with_every_runner([](runner& r) {
        std::string notes;
        for (char name = 'a'; name <= 'f'; ++name) {
            if (name % 2 == 0) {
                r.create_task(note(notes, name));
            } else {
                r.loop().call_soon([&notes, name] { notes += name; });
            }
        }
        r.turn(turn::no_wait);
        CHECK(notes == "abcdef");
    });
}

TEST_CASE("2: a callback that is cancelled leaves nothing that is ready") {
    scripted_runner s;
    s.loop().call_soon([] {}).cancel();
    const std::uint64_t steps = s.loop().statistics().steps;
    CHECK_FALSE(s.runner.turn(turn::no_wait));
    CHECK(s.loop().statistics().steps == steps);
}

TEST_CASE("2: cancelling a callback that was called, or is being called, does nothing") {
    scripted_runner s;
    int calls = 0;
    callback_handle self;
    auto first = s.loop().call_soon([&] { ++calls; });
    self = s.loop().call_soon([&] {
        first.cancel();
        self.cancel();
        ++calls;
    });
    s.loop().call_soon([&] { ++calls; });
    s.turns(2);
    CHECK(calls == 3);
    CHECK_FALSE(first.pending());
}

TEST_CASE("2: what a callback holds is let go when it was called, though its handle is kept") {
    with_every_runner([](runner& r) {
        counted::reset();
        auto soon = r.loop().call_soon([c = counted(1)] { static_cast<void>(c); });
        auto later = r.loop().call_later(0s, [c = counted(1)] { static_cast<void>(c); });
        r.loop().post([c = counted(1)] { static_cast<void>(c); });
        CHECK(counted::alive() == 3);
        while (soon.pending() || later.pending() || counted::alive() != 0) r.turn(turn::no_wait);
        CHECK(counted::alive() == 0);
    });
}

TEST_CASE("13: when main ends its turn is run to its end, and one more; what that makes waits for the next run") {
    scripted_runner s;
    std::string notes;
    auto main = [](std::string& notes) -> task<void> {
        this_loop().post([&notes] {  // behind main in the turn that follows
            notes += 'p';
            this_loop().call_soon([&notes] {
                notes += 'n';
                this_loop().call_soon([&notes] { notes += 'o'; });
            });
        });
        co_await yield();
        notes += 'm';
    };
    s.run(main(notes));
    CHECK(notes == "mpn");
    s.run(yield_times(1));
    CHECK(notes == "mpno");
}

TEST_CASE("13: callbacks given before a run are called in its first turn, before main") {
    with_every_runner([](runner& r) {
        std::string notes;
        r.loop().call_soon([&] { notes += 'c'; });
        r.run(note(notes, 'm'));
        CHECK(notes == "cm");
    });
}

TEST_CASE("14: nothing but the end of main ends a run: no failing callback, no task that fails or is cancelled") {
    with_every_runner([](runner& r) {
        report_recorder recorder(r.loop());
        auto main = []() -> task<int> {
            auto fails = []() -> task<void> {
                throw std::runtime_error("a task");
                co_return;
            };
            auto sleeps = []() -> task<void> { co_await sleep(24h); };
            create_task(fails());
            auto victim = create_task(sleeps());
            this_loop().call_soon([] { throw std::runtime_error("a callback"); });
            co_await yield();
            victim.cancel();
            const int count = co_await yield_times(5);
            co_return count;
        };
        CHECK(r.run(main()) == 5);
        CHECK(recorder.reports.size() == 2);
    });
}

TEST_CASE("14: where main can never end, as only a simulated world can know, the run fails and says so") {
    const log_recorder quiet;
    auto main = []() -> task<void> {
        event never;
        co_await never.wait();
    };
    CHECK_THROWS_AS(sim::run(1, main()), stalled_error);
}

TEST_CASE("22: a callback or timer that is cancelled by one of the same turn is not called any more") {
    scripted_runner s;
    std::string notes;
    callback_handle soon;
    callback_handle later;
    timer t(s.loop(), [&] { notes += 't'; });
    s.loop().call_later(0s, [&] {
        notes += 'a';
        soon.cancel();
        later.cancel();
        t.cancel();
    });
    later = s.loop().call_later(0s, [&] { notes += 'l'; });
    t.set_after(0s);
    s.engine.after(0s, [&] { soon = s.loop().call_soon([&] { notes += 's'; }); });
    s.turns(2);
    CHECK((notes == "a" || notes == "sa"));  // `soon` may have been in front
}

TEST_CASE("22: an operation whose end came in with the turn is not undone by a task of that turn that cancels it") {
    scripted_runner s;
    std::string notes;
    task_handle<void> second;
    auto operate = [](int number, std::string& notes, task_handle<void>* other) -> task<void> {
        try {
            co_await scripted_operation(number);
            notes += std::to_string(number);
        } catch (const cancelled&) {
            notes += 'x';
            throw;
        }
        if (other) other->cancel();
    };
    auto first = s.runner.create_task(operate(1, notes, &second));
    second = s.runner.create_task(operate(2, notes, nullptr));
    s.turns(1);
    s.finish(1, 0);
    s.finish(2, 0);
    s.turns(2);
    CHECK(notes == "12");
    CHECK(first.done());
    CHECK_FALSE(second.cancelled());
}

TEST_CASE("22: of many readers that have data at once the first cancels the rest, and nothing is lost") {
    async::run([]() -> task<void> {
        constexpr std::size_t count = 40;
        std::vector<stream_pair> pairs;
        std::vector<task_handle<std::string>> readers;
        for (std::size_t i = 0; i < count; ++i) pairs.push_back(co_await connected_pair());
        auto read = [](tcp_stream& stream, std::vector<task_handle<std::string>>& all) -> task<std::string> {
            std::string text = co_await read_text(stream);
            for (auto& other : all) other.cancel();
            co_return text;
        };
        for (stream_pair& pair : pairs) readers.push_back(create_task(read(pair.server, readers)));
        co_await yield();
        for (std::size_t i = 0; i < count; ++i) co_await pairs[i].client.write(std::to_string(i));
        std::size_t got = 0;
        for (std::size_t i = 0; i < count; ++i) {
            co_await readers[i].wait();
            std::string text;
            if (readers[i].cancelled()) {
                text = co_await read_text(pairs[i].server);
            } else {
                ++got;
                text = readers[i].result();
            }
            CHECK(text == std::to_string(i));
        }
        CHECK(got >= 1);
        for (stream_pair& pair : pairs) {
            co_await pair.client.close();
            co_await pair.server.close();
        }
    }());
}

TEST_CASE("22: news of a stream that is closed meanwhile does not reach the one that gets its descriptor") {
    async::run([]() -> task<void> {
        for (int round = 0; round < 10; ++round) {
            stream_pair closing = co_await connected_pair();
            stream_pair other = co_await connected_pair();
            auto stale = create_task(message_of(read_text(closing.server)));
            auto closer = [](tcp_stream& trigger, tcp_stream& victim) -> task<void> {
                co_await read_text(trigger);
                co_await victim.close();
            };
            auto closed = create_task(closer(other.server, closing.server));
            co_await yield();
            co_await other.client.write("go");
            co_await closing.client.write("stale");  // may come in together with "go", or too late
            co_await closed;
            stream_pair fresh = co_await connected_pair();
            auto reader = create_task(read_text(fresh.server));
            co_await stale.wait();
            co_await yield();
            CHECK_FALSE(reader.done());
            co_await fresh.client.write("fresh");
            const std::string text = co_await reader;
            CHECK(text == "fresh");
            closing.client.abort();
        }
    }());
}
