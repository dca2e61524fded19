// Who asks a generator, and what happens meanwhile: several tasks, moves, drops, destruction, long steps.
#include <libasync/coro/generator.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

#include <libasync/coro/context_var.hpp>
#include <libasync/coro/task_dump.hpp>
#include <libasync/testing/destroyable.hpp>

#include <tests/support/expect.hpp>
#include <tests/support/network.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

generator<int> numbers() {
    for (int i = 0;; ++i) co_yield i;
}

generator<int> slow_numbers() {
    for (int i = 0;; ++i) {
        co_await yield();
        co_yield i;
    }
}

// Gives the result of the scripted operations 1, 2, 3, ...
generator<int> scripted_numbers() {
    for (int i = 1;; ++i) co_yield static_cast<int>(co_await scripted_operation(i));
}

task<std::optional<int>> next_of(generator<int>& gen) { co_return co_await gen.next(); }

task<void> close_it(generator<int>& gen) { co_await gen.close(); }

}  // namespace

TEST_CASE("a generator serves one after another: a second next or close meanwhile is an error, and harms nobody") {
    on_every_engine([]() -> task<void> {
        auto gen = slow_numbers();
        auto first = create_task(next_of(gen));
        co_await yield();
        const std::string next = co_await message_of(gen.next());
        CHECK(next == "next() of a generator whose next() or close() has not ended");
        const std::string close = co_await message_of(gen.close());
        CHECK(close == "close() of a generator whose next() or close() has not ended");
        const std::optional<int> item = co_await first;
        CHECK(item == 0);
        const std::optional<int> other = co_await gen.next();
        CHECK(other == 1);
    });
}

TEST_CASE("a next or close while close waits for the clean-up is an error too") {
    on_every_engine([]() -> task<void> {
        auto body = []() -> generator<int> {
            try {
                co_yield 0;
            } catch (const cancelled&) {
            }
            for (int i = 0; i < 3; ++i) co_await yield();
        };
        auto gen = body();
        static_cast<void>(co_await gen.next());
        auto closer = create_task(close_it(gen));
        co_await yield();
        const bool next = co_await throws<std::logic_error>(gen.next());
        CHECK(next);
        const bool close = co_await throws<std::logic_error>(gen.close());
        CHECK(close);
        co_await closer;
    });
}

TEST_CASE("a body that asks itself is told so") {
    on_every_engine([]() -> task<void> {
        auto body = [](generator<int>& self) -> generator<int> {
            const bool next = co_await throws<std::logic_error>(self.next());
            const bool close = co_await throws<std::logic_error>(self.close());
            co_yield next&& close;
        };
        generator<int> gen;
        gen = body(gen);
        const std::optional<int> refused = co_await gen.next();
        CHECK(refused == 1);
    });
}

TEST_CASE("next of a generator that was moved from, or never made, is an error; the one it went to goes on") {
    on_every_engine([]() -> task<void> {
        auto gen = numbers();
        static_cast<void>(co_await gen.next());
        auto there = std::move(gen);
        const std::string message = co_await message_of(gen.next());
        CHECK(message == "next() of a generator that was moved from");
        std::optional<int> item = co_await there.next();
        CHECK(item == 1);
        gen = std::move(there);
        item = co_await gen.next();
        CHECK(item == 2);
        generator<int> empty;
        const bool refused = co_await throws<std::logic_error>(empty.next());
        CHECK(refused);

        co_await gen.close();
        auto over = std::move(gen);
        item = co_await over.next();
        CHECK_FALSE(item.has_value());
    });
}

TEST_CASE("a generator may be moved while a next is under way") {
    on_every_engine([]() -> task<void> {
        auto two = []() -> generator<int> {
            co_await yield();
            co_yield 0;
            co_await yield();
        };
        auto gen = two();
        auto first = create_task(next_of(gen));
        co_await yield();
        auto there = std::move(gen);
        const bool busy = co_await throws<std::logic_error>(there.next());
        CHECK(busy);
        std::optional<int> item = co_await first;
        CHECK(item == 0);
        auto second = create_task(next_of(there));
        co_await yield();
        std::vector<generator<int>> several;
        several.push_back(std::move(there));
        several.push_back(numbers());  // which moves the first one again
        item = co_await second;
        CHECK_FALSE(item.has_value());
        item = co_await several[0].next();
        CHECK_FALSE(item.has_value());
    });
}

TEST_CASE("a generator that is dropped while a next is under way: that one has its item, then the body is destroyed") {
    on_every_engine([]() -> task<void> {
        enum class ending { item, nothing, exception };
        for (const ending how : {ending::item, ending::nothing, ending::exception}) {
            auto body = [](counted, ending how) -> generator<int> {
                const counted local;
                co_await yield();
                co_await yield();
                if (how == ending::exception) throw std::runtime_error("broke");
                if (how == ending::item) co_yield 7;
            };
            counted::reset();
            std::optional<generator<int>> gen(body(counted(1), how));
            auto asker = create_task(next_of(*gen));
            co_await yield();
            gen.reset();
            CHECK(counted::alive() == 2);
            co_await asker.wait();
            CHECK(counted::alive() == 0);
            if (how == ending::exception) {
                CHECK(what_of(asker.exception()) == "broke");
            } else {
                CHECK(asker.result().has_value() == (how == ending::item));
            }
        }
    });
}

TEST_CASE("a generator that its own body drops goes on to its next item") {
    on_every_engine([]() -> task<void> {
        auto body = [](std::optional<generator<int>>& self, counted) -> generator<int> {
            self.reset();
            co_yield 7;
            FAIL("there is nobody to ask");
        };
        counted::reset();
        std::optional<generator<int>> gen;
        gen.emplace(body(gen, counted(1)));
        const std::optional<int> item = co_await gen->next();
        CHECK(item == 7);
        CHECK(counted::alive() == 0);
        CHECK_FALSE(gen.has_value());
    });
}

TEST_CASE("each next may come from another task, and the body is cancelled with the one that asks") {
    on_every_engine([]() -> task<void> {
        auto body = []() -> generator<int> {
            for (int i = 0;; ++i) {
                co_await sleep(1us);
                co_yield i;
                if (i == 2) co_await sleep(24h);
            }
        };
        auto gen = body();
        for (int i = 0; i < 3; ++i) {
            auto asker = create_task(next_of(gen));
            const std::optional<int> item = co_await asker;
            CHECK(item == i);
            asker.cancel();  // it has ended: of no effect
        }
        auto asker = create_task(next_of(gen));
        co_await yield();
        asker.cancel();
        co_await asker.wait();
        CHECK(asker.cancelled());
        const std::optional<int> end = co_await gen.next();  // in a scope that is not cancelled
        CHECK_FALSE(end.has_value());
    });
}

TEST_CASE("the body runs in the scope of who asks: a scope that is over does not touch it, a later one does") {
    on_every_engine([]() -> task<void> {
        auto gen = slow_numbers();
        cancel_scope first;
        const auto inside = co_await first.run(next_of(gen));
        CHECK(inside.value() == 0);
        first.cancel();
        const std::optional<int> outside = co_await gen.next();
        CHECK(outside == 1);
        cancel_scope second;
        second.cancel();
        const auto refused = co_await second.run(next_of(gen));
        CHECK_FALSE(refused.has_value());
        CHECK(second.cancelled_caught());
        const std::optional<int> end = co_await gen.next();
        CHECK_FALSE(end.has_value());
    });
}

TEST_CASE("the body belongs to who asks now: it is cancelled with that task, though others that have asked live on") {
    on_every_engine([]() -> task<void> {
        auto body = []() -> generator<int> {
            co_yield 0;
            co_yield 1;
            co_await sleep(24h);
            co_yield 2;
        };
        auto ask_and_stay = [](generator<int>& gen, int& got) -> task<void> {
            got = (co_await gen.next()).value();
            co_await sleep(48h);
        };
        auto gen = body();
        int first_got = -1;
        int second_got = -1;
        auto first = create_task(ask_and_stay(gen, first_got));
        auto second = create_task(ask_and_stay(gen, second_got));
        for (int i = 0; i < 2; ++i) co_await yield();
        CHECK(first_got == 0);
        CHECK(second_got == 1);
        auto third = create_task(next_of(gen));
        for (int i = 0; i < 2; ++i) co_await yield();
        second.cancel();
        co_await second.wait();
        CHECK_FALSE(third.done());
        third.cancel();
        for (int i = 0; i < 4; ++i) co_await yield();
        CHECK(third.cancelled());
        CHECK_FALSE(first.done());
        first.cancel();
        co_await first.wait();
    });
}

TEST_CASE("the body sees the context variables of who asks, also behind its awaits") {
    static const context_var<std::string> name{"name", "nobody"};
    on_every_engine([]() -> task<void> {
        auto body = []() -> generator<std::string> {
            for (;;) {
                std::string seen = name.get();
                co_await yield();
                seen += "," + name.get();
                co_yield seen;
            }
        };
        auto ask_as = [](generator<std::string>& gen, std::string own, std::vector<std::string>& notes) -> task<void> {
            static_cast<void>(name.set(own));
            const auto seen = co_await gen.next();
            notes.push_back(seen.value());
            for (int i = 0; i < 10; ++i) co_await yield();
        };
        auto gen = body();
        std::vector<std::string> notes;
        auto first = create_task(ask_as(gen, "first", notes));
        for (int i = 0; i < 4; ++i) co_await yield();
        auto second = create_task(ask_as(gen, "second", notes));
        co_await second;
        co_await first;
        CHECK(notes == std::vector<std::string>{"first,first", "second,second"});
    });
}

TEST_CASE("next is not itself a point of cancellation: an item that is there is given in a cancelled scope") {
    on_every_engine([]() -> task<void> {
        auto gen = numbers();
        cancel_scope scope;
        scope.cancel();
        auto take_two = [](generator<int>& gen) -> task<int> {
            const auto a = co_await gen.next();
            const auto b = co_await gen.next();
            co_return a.value() + b.value();
        };
        const std::optional<int> sum = co_await scope.run(take_two(gen));
        CHECK(sum == 1);
        CHECK_FALSE(scope.cancelled_caught());
    });
}

TEST_CASE("a generator may serve one loop, and then another") {
    auto gen = scripted_numbers();
    for (int i = 1; i <= 4; ++i) {
        scripted_runner s;
        s.finish_after(1s, i, 10 * i);
        const std::optional<int> item = s.run(next_of(gen));
        CHECK(item == 10 * i);
    }
}

namespace {

task<int> one_later() {
    co_await yield();
    co_return 1;
}

// Each yields once. What it awaits there is a temporary, which stays until the body goes on.
generator<int> of_a_task() { co_yield co_await one_later(); }
generator<int> of_a_handle() { co_yield co_await create_task(one_later()); }
generator<int> of_a_yield() { co_yield (co_await yield(), 1); }
generator<int> of_a_sleep() { co_yield (co_await sleep(1us), 1); }
generator<int> of_a_timeout() { co_yield co_await timeout(1h, one_later()); }
generator<int> of_a_gather() { co_yield std::get<1>(co_await gather(one_later(), one_later())); }
generator<int> of_a_generator() {
    auto source = slow_numbers();
    co_yield 1 + (co_await source.next()).value();
}
generator<int> of_a_watch() {
    auto handle = create_task(one_later());
    co_yield (co_await handle.wait(), 1);
}
generator<int> of_an_event() {
    event e;
    this_loop().call_soon([&e] { e.set(); });
    co_yield (co_await e.wait(), 1);
}
generator<int> of_a_queue() {
    async::queue<int> q;
    this_loop().call_soon([&q] { q.put_nowait(1); });
    co_yield co_await q.get();
}
generator<int> of_a_lock() {
    lock door;
    co_await door.acquire();
    this_loop().call_soon([&door] { door.release(); });
    co_yield (static_cast<void>(co_await door.scoped()), 1);
    CHECK_FALSE(door.locked());
}
generator<int> of_a_selection() {
    auto [sender, receiver] = channel<int>(0);
    co_yield static_cast<int>((co_await select(receiver.receive(), sleep(1us))).index());
}
generator<int> of_a_stream() {
    stream_pair pair = co_await connected_pair();
    co_await pair.client.write("1");
    co_yield static_cast<int>((co_await pair.server.read()).size());
    co_await pair.client.close();
    co_await pair.server.close();
}

using make_generator = generator<int> (*)();
constexpr make_generator kinds[] = {of_a_task,      of_a_handle, of_a_yield,  of_a_sleep, of_a_timeout, of_a_gather,
                                    of_a_generator, of_a_watch,  of_an_event, of_a_queue, of_a_lock,    of_a_selection};

task<void> ask_in_two_tasks(make_generator make) {
    auto gen = make();
    const std::optional<int> item = co_await create_task(next_of(gen));
    CHECK(item == 1);
    const std::optional<int> end = co_await create_task(next_of(gen));
    CHECK_FALSE(end.has_value());
}

}  // namespace

TEST_CASE("what is awaited in a co_yield may outlive the task that awaited it") {
    on_every_engine([]() -> task<void> {
        for (const make_generator make : kinds) co_await ask_in_two_tasks(make);
    });
    async::run(ask_in_two_tasks(of_a_stream));
}

TEST_CASE("what is awaited in a co_yield may outlive the loop") {
    for (const make_generator make : kinds) {
        auto gen = make();
        CHECK(scripted_runner().run(next_of(gen)) == 1);
        CHECK(scripted_runner().run(next_of(gen)) == std::nullopt);
        auto dropped = make();
        CHECK(scripted_runner().run(next_of(dropped)) == 1);
    }
}

namespace {

constexpr unsigned line_of_inner = __LINE__ + 1;
generator<int> inner() { co_yield static_cast<int>(co_await scripted_operation(1)); }

constexpr unsigned line_of_outer = __LINE__ + 3;
generator<int> outer() {
    auto gen = inner();
    while (auto n = co_await gen.next()) co_yield *n;
}

constexpr unsigned line_of_asker = __LINE__ + 3;
task<void> ask_once() {
    auto gen = outer();
    static_cast<void>(co_await gen.next());
    co_await yield();
}

std::string here(unsigned line) { return "generator_asked_test.cpp:" + std::to_string(line); }

}  // namespace

TEST_CASE("who is suspended in a generator is told with its awaits, the outermost first; not the body at a co_yield") {
    scripted_runner s;
    auto asker = s.runner.create_task(ask_once());
    s.turns(1);
    std::string text = detail::describe_tasks(s.loop().core());
    INFO(text);
    const std::size_t first = text.find(here(line_of_asker));
    const std::size_t second = text.find(here(line_of_outer));
    const std::size_t third = text.find(here(line_of_inner));
    REQUIRE(third != std::string::npos);
    CHECK(first < second);
    CHECK(second < third);
    s.finish(1, 7);
    s.turns(1);
    text = detail::describe_tasks(s.loop().core());
    CHECK(text.find(here(line_of_outer)) == std::string::npos);
    CHECK(text.find(here(line_of_asker + 1)) != std::string::npos);
    s.turns(1);
    CHECK(asker.done());
}

namespace {

constexpr int items_in_a_step = 127;  // the asker goes on later with the item after these

task<void> consume(generator<int>& gen, int& got, int count) {
    while (got < count) {
        const auto item = co_await gen.next();
        CHECK(item == got);
        CHECK(this_loop().core().current != nullptr);  // this task, for those who begin from here
        ++got;
    }
}

generator<int> relay(generator<int> source) {
    while (auto n = co_await source.next()) co_yield *n;
}

generator<int> relays(int levels) {
    auto gen = numbers();
    while (levels-- > 0) gen = relay(std::move(gen));
    return gen;
}

}  // namespace

TEST_CASE("items that are there at once do not starve others: now and then the asker goes on in a later turn") {
    for (const int levels : {0, 1, 31, 32, 33, 100}) {
        CAPTURE(levels);
        scripted_runner s;
        auto gen = relays(levels);
        int got = 0;
        constexpr int count = 1000;
        auto consumer = s.runner.create_task(consume(gen, got, count));
        int turns = 0;
        while (!consumer.done()) {
            const int before = got;
            s.turns(1);
            CHECK(got - before <= items_in_a_step + 1);
            ++turns;
        }
        CHECK(got == count);
        CHECK(turns >= count / (items_in_a_step + 1));
        CHECK(turns <= (levels + 1) * count / items_in_a_step + 2);
        consumer.result();
    }
}

TEST_CASE("a timer that is due fires although a task asks for items that are there at once") {
    on_every_engine([]() -> task<void> {
        bool due = false;
        timer t(this_loop(), [&due] { due = true; });
        t.set_after(0s);
        auto gen = numbers();
        while (!due) static_cast<void>(co_await gen.next());
    });
}

TEST_CASE(
    "an asker that goes on later has its item, even if it is cancelled, or the generator moved or dropped, before") {
    enum class event { nothing, cancel, move, drop };
    for (const event what : {event::nothing, event::cancel, event::move, event::drop}) {
        CAPTURE(static_cast<int>(what));
        scripted_runner s;
        std::optional<generator<int>> gen(numbers());
        generator<int> there;
        int got = 0;
        auto asker = s.runner.create_task(consume(*gen, got, items_in_a_step + 1));
        auto other = s.runner.create_task(next_of(*gen));
        s.turns(1);
        REQUIRE(got == items_in_a_step);
        CHECK(what_of(other.exception()).find("has not ended") != std::string::npos);
        if (what == event::cancel) asker.cancel();
        if (what == event::move) there = std::move(*gen);
        if (what == event::drop) gen.reset();
        s.turns(1);
        CHECK(got == items_in_a_step + 1);
        REQUIRE(asker.done());
        CHECK_FALSE(asker.cancelled());
        if (what == event::drop) continue;
        const std::optional<int> item = s.run(next_of(what == event::move ? there : *gen));
        CHECK(item == got);
    }
}

namespace {

// Runs a task that may be destroyed wherever it stands.
struct doomed {
    template <class T>
    doomed(scripted_runner& s, task<T> t) {
        auto wrapped = [](task<T> t) -> task<void> { static_cast<void>(co_await std::move(t)); };
        frame.emplace(detail::await_destroyably(wrapped(std::move(t)), nothing));
        frame->start(s.loop().core(), over);
    }

    std::optional<std::monostate> nothing;
    detail::test_gate over;
    std::optional<detail::destroyable> frame;
};

}  // namespace

TEST_CASE("an asker that is destroyed before it goes on leaves the item to the next one, or to nobody") {
    for (const bool dropped : {false, true}) {
        scripted_runner s;
        counted::reset();
        auto body = [](counted) -> generator<int> {
            for (int i = 0;; ++i) co_yield i;
        };
        std::optional<generator<int>> gen(body(counted(1)));
        int got = 0;
        doomed asker(s, consume(*gen, got, items_in_a_step + 1));
        s.turns(1);
        REQUIRE(got == items_in_a_step);
        if (dropped) gen.reset();
        CHECK(counted::alive() == 1);
        asker.frame.reset();
        s.turns(1);
        CHECK(got == items_in_a_step);
        if (dropped) {
            CHECK(counted::alive() == 0);
        } else {
            std::optional<int> item = s.run(next_of(*gen));
            CHECK(item == got);
            item = s.run(next_of(*gen));
            CHECK(item == got + 1);
        }
    }
}

TEST_CASE("an outcome that an asker could not collect is there for the next one, or for a close") {
    enum class ending { nothing, exception, item };
    auto body = [](ending how) -> generator<int> {
        for (int i = 0; i < items_in_a_step; ++i) co_yield i;
        if (how == ending::exception) throw std::runtime_error("broke");
        if (how == ending::item) co_yield 1000;
    };
    for (const ending how : {ending::nothing, ending::exception, ending::item}) {
        for (const bool closed : {false, true}) {
            CAPTURE(static_cast<int>(how));
            CAPTURE(closed);
            scripted_runner s;
            auto gen = body(how);
            int got = 0;
            doomed asker(s, consume(gen, got, items_in_a_step + 1));
            s.turns(1);
            REQUIRE(got == items_in_a_step);
            asker.frame.reset();
            if (how == ending::exception) {
                const std::string message = s.run(closed ? message_of(gen.close()) : message_of(gen.next()));
                CHECK(message == "broke");
            } else if (closed) {
                s.run(close_it(gen));
            } else {
                const std::optional<int> item = s.run(next_of(gen));
                CHECK(item == (how == ending::item ? std::optional(1000) : std::nullopt));
            }
            const std::optional<int> end = s.run(next_of(gen));
            CHECK_FALSE(end.has_value());
        }
    }
}

namespace {

struct note_end {
    note_end(std::string& t, char c) : text(t), mark(c) {}
    note_end(const note_end&) = delete;
    note_end& operator=(const note_end&) = delete;
    ~note_end() { text += mark; }
    std::string& text;
    char mark;
};

task<void> wait_noting(std::string& notes) {
    const note_end end(notes, '1');
    co_await sleep(24h);
}

generator<int> innermost(std::string& notes) {
    const note_end end(notes, '2');
    co_yield 0;
    co_await wait_noting(notes);
}

generator<int> middle(std::string& notes) {
    const note_end end(notes, '3');
    auto gen = innermost(notes);
    while (auto n = co_await gen.next()) co_yield *n;
}

task<void> ask_for_all(generator<int>& gen, std::string& notes) {
    const note_end end(notes, '4');
    while (auto n = co_await gen.next()) notes += '.';
}

task<void> own_and_ask(std::string& notes) {
    const note_end end(notes, '5');
    auto gen = middle(notes);
    co_await ask_for_all(gen, notes);
}

}  // namespace

TEST_CASE("a chain that is destroyed in the middle of a next goes innermost first, each frame once") {
    for (const bool owned : {true, false}) {
        scripted_runner s;
        std::string notes;
        auto gen = middle(notes);
        doomed chain(s, owned ? own_and_ask(notes) : ask_for_all(gen, notes));
        s.turns(1);
        CHECK(notes == ".");
        CHECK(s.loop().core().timers.size() == 1);
        chain.frame.reset();
        CHECK(notes == (owned ? ".12345" : ".1234"));
        CHECK(s.loop().core().timers.empty());
        if (owned) continue;
        const std::optional<int> end = s.run(next_of(gen));
        CHECK_FALSE(end.has_value());
        CHECK(notes == ".1234");
    }
}

TEST_CASE("a chain that is destroyed in the middle of a close goes innermost first, each frame once") {
    auto body = [](std::string& notes) -> generator<int> {
        const note_end end(notes, '2');
        try {
            co_yield 0;
        } catch (const cancelled&) {
        }
        co_await wait_noting(notes);
    };
    auto close_noting = [](generator<int>& gen, std::string& notes) -> task<void> {
        const note_end end(notes, '3');
        static_cast<void>(co_await gen.next());
        co_await gen.close();
    };
    scripted_runner s;
    std::string notes;
    auto gen = body(notes);
    doomed chain(s, close_noting(gen, notes));
    s.turns(1);
    CHECK(notes.empty());
    chain.frame.reset();
    CHECK(notes == "123");
    s.run(close_it(gen));
}

TEST_CASE("a generator that is dropped while a next is under way, which is destroyed then: each frame goes once") {
    scripted_runner s;
    std::string notes;
    std::optional<generator<int>> gen(middle(notes));
    doomed chain(s, ask_for_all(*gen, notes));
    s.turns(1);
    gen.reset();
    CHECK(notes == ".");
    chain.frame.reset();
    CHECK(notes == ".1234");
}

TEST_CASE("a loop that ends while a next is under way unwinds the body, whoever holds the generator") {
    std::string notes;
    auto gen = middle(notes);
    {
        scripted_runner s;
        s.runner.create_task(ask_for_all(gen, notes));
        s.runner.create_task(own_and_ask(notes));
        s.turns(1);
        CHECK(notes == "..");
    }
    CHECK(notes.size() == 2 + 4 + 5);
    scripted_runner s;
    const std::optional<int> end = s.run(next_of(gen));
    CHECK_FALSE(end.has_value());
}

TEST_CASE("at one instant a time-out and the item: the item is given, and the body goes on with the next next") {
    scripted_runner s;
    s.finish_after(1s, 1, 10);
    auto body = [](scripted_runner& s) -> task<void> {
        auto gen = scripted_numbers();
        const std::optional<int> item = co_await timeout(1s, gen.next());
        CHECK(item == 10);
        s.finish_after(1s, 2, 20);
        const std::optional<int> next = co_await gen.next();
        CHECK(next == 20);
    };
    s.run(body(s));
}
