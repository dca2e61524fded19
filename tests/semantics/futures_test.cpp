// Tasks and futures: rows 25 to 38 of what asyncio promises, and what else its tests of futures and tasks pin that a user
// would rely on. Where a task of asyncio that is cancelled cancels the future it waits for, ours leaves it to the others.
#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <libasync/coro/context_var.hpp>
#include <libasync/coro/current_task.hpp>
#include <libasync/coro/task_group.hpp>
#include <libasync/sync/capacity_limiter.hpp>
#include <libasync/sync/future.hpp>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;
using async::broken_promise;
using async::future;
using async::promise;
using async::task_ref;

namespace {

task<void> settle() {
    for (int i = 0; i < 6; ++i) co_await yield();
}

template <class T>
task<void> note_after(future<T> f, std::string& notes, char name) {
    try {
        co_await f;
    } catch (const std::exception&) {
    }
    notes += name;
}

task<void> note_after_end(task_ref t, std::string& notes, char name) {
    co_await t.wait();
    notes += name;
}

task<int> fail_at_once(const char* what) {
    throw std::runtime_error(what);
    co_return 0;
}

task<int> fail_later(const char* what) {
    co_await yield();
    throw std::runtime_error(what);
}

task<void> sleep_long() { co_await sleep(24h); }

std::exception_ptr failure(const char* what) { return std::make_exception_ptr(std::runtime_error(what)); }

}  // namespace

TEST_CASE(
    "25: setting a value or an exception, or breaking the promise, runs nobody inline; then in order of arrival") {
    for (const char how : {'v', 'x', 'b'}) {
        CAPTURE(how);
        on_every_engine([how]() -> task<void> {
            std::optional<promise<int>> p(std::in_place);
            auto f = p->get_future();
            std::string notes;
            f.add_done_callback([&notes] { notes += '1'; });
            auto a = create_task(note_after(f, notes, 'a'));
            co_await settle();
            f.add_done_callback([&notes] { notes += '2'; });
            auto b = create_task(note_after(f, notes, 'b'));
            co_await settle();
            if (how == 'v') p->set_value(1);
            if (how == 'x') p->set_exception(failure("x"));
            p.reset();
            CHECK(notes.empty());
            CHECK(f.done());
            co_await settle();
            CHECK(notes == "1a2b");
        });
    }
}

TEST_CASE("25: who waited sees what the one that set has done until the end of its step, not only until then") {
    on_every_engine([]() -> task<void> {
        promise<> p;
        int state = 0;
        int seen = 0;
        auto look = [](future<> f, const int& state, int& seen) -> task<void> {
            co_await f;
            seen = state;
        };
        auto looker = create_task(look(p.get_future(), state, seen));
        co_await settle();
        state = 1;
        p.set_value();
        state = 2;
        co_await looker;
        CHECK(seen == 2);
    });
}

TEST_CASE("25: a callback that is added by a callback is called after those that were there") {
    on_every_engine([]() -> task<void> {
        promise<> p;
        auto f = p.get_future();
        std::string notes;
        f.add_done_callback([&notes, f] {
            notes += '1';
            f.add_done_callback([&notes] { notes += '3'; });
        });
        f.add_done_callback([&notes] { notes += '2'; });
        p.set_value();
        co_await settle();
        CHECK(notes == "123");
    });
}

TEST_CASE("25: the end of a task runs nobody inline either; those who wait go on in the order in which they came") {
    scripted_runner s;
    s.run([]() -> task<void> {
        promise<> p;
        std::string notes;
        auto body = [](future<> f, std::string& notes) -> task<void> {
            co_await f;
            notes += '!';
        };
        auto t = create_task(body(p.get_future(), notes));
        auto a = create_task(note_after_end(t.ref(), notes, 'a'));
        auto b = create_task(note_after_end(t.ref(), notes, 'b'));
        co_await settle();
        p.set_value();
        CHECK(notes.empty());
        CHECK_FALSE(t.done());
        co_await yield();
        CHECK(notes == "!");
        CHECK(t.done());
        co_await yield();
        CHECK(notes == "!ab");
        co_await gather(a.wait(), b.wait());
    }());
}

TEST_CASE("25: a promise that is set again and again for tasks that wait in turns takes no stack") {
    on_every_engine([]() -> task<void> {
        constexpr int rounds = 2000;
        std::vector<promise<int>> chain(rounds);
        auto link = [](future<int> from, promise<int>& to) -> task<void> {
            const int n = co_await from;
            to.set_value(n + 1);
        };
        std::vector<task_handle<void>> links;
        for (std::size_t i = 0; i + 1 < chain.size(); ++i) {
            links.push_back(create_task(link(chain[i].get_future(), chain[i + 1])));
        }
        co_await settle();
        chain[0].set_value(1);
        const int last = co_await chain.back().get_future();
        CHECK(last == rounds);
        for (auto& l : links) co_await l;
    });
}

TEST_CASE("26: create_task runs nothing until its creator waits, and then in the order of creation") {
    scripted_runner s;
    s.run([]() -> task<void> {
        std::string notes;
        auto body = [](std::string& notes, char name) -> task<void> {
            notes += name;
            co_return;
        };
        auto a = create_task(body(notes, 'a'));
        auto b = create_task(body(notes, 'b'));
        CHECK(notes.empty());
        CHECK_FALSE(a.done());
        CHECK_FALSE(a.ref().done());
        co_await yield();
        CHECK(notes == "ab");
        CHECK(b.done());
    }());
}

TEST_CASE("28: a child that fails in its first step, before its siblings have begun, does not hold up its group") {
    on_every_engine([]() -> task<void> {
        bool began = false;
        bool body_went_on = false;
        auto sibling = [](bool& began) -> task<void> {
            began = true;
            co_await sleep(24h);
        };
        auto body = [&](task_group& group) -> task<void> {
            group.start(fail_at_once("first step"));
            group.start(sibling(began));
            co_await sleep(24h);
            body_went_on = true;
        };
        std::string told;
        try {
            co_await with_task_group(body);
        } catch (const exception_group& g) {
            told = what_of(g.exceptions().front());
        }
        CHECK(told == "first step");
        CHECK_FALSE(began);
        CHECK_FALSE(body_went_on);
    });
}

TEST_CASE(
    "28: a child may cancel its group in its first step, and one that starts a sibling that fails ends the group") {
    on_every_engine([]() -> task<void> {
        auto cancelling = [](task_group& group) -> task<void> {
            group.cancel();
            co_return;
        };
        auto body = [&](task_group& group) -> task<void> {
            group.start(cancelling(group));
            co_await sleep(24h);
        };
        co_await with_task_group(body);

        auto starting = [](task_group& group) -> task<void> {
            group.start(fail_at_once("the sibling"));
            co_await sleep(24h);
        };
        auto other_body = [&](task_group& group) -> task<void> {
            group.start(starting(group));
            co_await sleep(24h);
        };
        std::string told;
        try {
            co_await with_task_group(other_body);
        } catch (const exception_group& g) {
            told = what_of(g.exceptions().front());
        }
        CHECK(told == "the sibling");
    });
}

TEST_CASE("29: who awaits itself, by whatever name, gets an error and goes on") {
    on_every_engine([]() -> task<void> {
        task_handle<int> self;
        auto body = [](task_handle<int>& self) -> task<int> {
            int refused = 0;
            try {
                co_await self;
            } catch (const std::logic_error&) {
                ++refused;
            }
            auto by_child = [](task_handle<int>& self) -> task<void> { co_await self.wait(); };
            refused += co_await throws<std::logic_error>(by_child(self));
            refused += co_await throws<std::logic_error>(async::current_task().wait());
            auto beside = [](task_handle<int>& self) -> task<bool> {
                co_return co_await throws<std::logic_error>(self.wait());
            };
            const auto [of_sibling] = co_await gather(beside(self));
            co_return refused + of_sibling;
        };
        self = create_task(body(self), "narcissus");
        const int refused = co_await self;
        CHECK(refused == 4);
    });
}

TEST_CASE("29: tasks that join each other in a circle end when one of them is cancelled") {
    on_every_engine([]() -> task<void> {
        task_handle<void> a;
        task_handle<void> b;
        auto join = [](task_handle<void>& other) -> task<void> { co_await other; };
        a = create_task(join(b));
        b = create_task(join(a));
        co_await settle();
        CHECK_FALSE(a.done());
        a.cancel();
        co_await gather(a.wait(), b.wait());
        CHECK(a.cancelled());
        CHECK(b.cancelled());
    });
}

TEST_CASE("31: a cancelled task has neither result nor exception: both throw; so do those of what is not done") {
    on_every_engine([]() -> task<void> {
        auto t = create_task(sleep_long(), "late");
        CHECK_THROWS_AS(static_cast<void>(t.exception()), std::logic_error);
        CHECK_THROWS_AS(t.result(), std::logic_error);
        co_await settle();
        t.cancel();
        co_await t.wait();
        CHECK_THROWS_AS(static_cast<void>(t.exception()), task_cancelled);
        CHECK_THROWS_AS(t.result(), task_cancelled);

        promise<int> p;
        const auto f = p.get_future();
        CHECK_THROWS_AS(static_cast<void>(f.exception()), std::logic_error);
        CHECK_THROWS_AS(static_cast<void>(f.result()), std::logic_error);
        p.set_value(1);
        CHECK(f.exception() == nullptr);
    });
}

TEST_CASE("31: a future cannot be cancelled: its promise is kept or broken, and broken it has an exception") {
    std::optional<promise<int>> p(std::in_place);
    const auto f = p->get_future();
    p.reset();
    CHECK_THROWS_AS(std::rethrow_exception(f.exception()), broken_promise);
    CHECK_THROWS_AS(static_cast<void>(f.result()), broken_promise);
}

TEST_CASE("32: an exception that nobody has read is reported when its future goes; once read, by whatever means, not") {
    for (const char how : {'-', 'a', 'r', 'e', 'w'}) {
        CAPTURE(how);
        scripted_runner s;
        report_recorder recorder(s.loop());
        s.run([](char how) -> task<void> {
            promise<int> p;
            auto f = p.get_future();
            p.set_exception(failure("unheard"));
            if (how == 'a') static_cast<void>(co_await message_of(f));
            if (how == 'r') CHECK_THROWS_AS(static_cast<void>(f.result()), std::runtime_error);
            if (how == 'e') static_cast<void>(f.exception());
            if (how == 'w') co_await f.wait();
        }(how));
        CHECK(recorder.reports.size() == (how == '-' || how == 'w' ? 1 : 0));
    }
}

TEST_CASE("32: the same of tasks; one that was cancelled, or whose promise broke, is not reported") {
    for (const char how : {'-', 'a', 'r', 'e', 'w'}) {
        CAPTURE(how);
        scripted_runner s;
        report_recorder recorder(s.loop());
        s.run([](char how) -> task<void> {
            auto t = create_task(fail_later("unheard"));
            co_await settle();
            if (how == 'a') static_cast<void>(co_await message_of(std::move(t)));
            if (how == 'r') CHECK_THROWS_AS(t.result(), std::runtime_error);
            if (how == 'e') static_cast<void>(t.exception());
            if (how == 'w') co_await t.wait();
        }(how));
        CHECK(recorder.reports.size() == (how == '-' || how == 'w' ? 1 : 0));
    }
    scripted_runner s;
    report_recorder recorder(s.loop());
    s.run([]() -> task<void> {
        auto t = create_task(sleep_long());
        co_await yield();
        t.cancel();
        co_await t.wait();
        const future<int> broken = promise<int>().get_future();
        CHECK(broken.done());
    }());
    CHECK(recorder.reports.empty());
}

TEST_CASE("32: an exception that one of two has read is known; who looks only later still finds it") {
    scripted_runner s;
    report_recorder recorder(s.loop());
    s.run([]() -> task<void> {
        promise<int> p;
        auto a = p.get_future();
        auto b = p.get_future();
        p.set_exception(failure("twice"));
        const std::string first = co_await message_of(a);
        a = {};
        const std::string second = co_await message_of(b);
        CHECK(first == "twice");
        CHECK(second == "twice");
        CHECK(b.exception() == p.get_future().exception());  // the same object for all
    }());
    CHECK(recorder.reports.empty());
}

TEST_CASE("34: the loop holds its tasks: one without a handle runs to its end, and is among all tasks until then") {
    on_every_engine([]() -> task<void> {
        promise<> go;
        bool finished = false;
        auto body = [](future<> go, bool& finished) -> task<void> {
            co_await go;
            co_await sleep(1us);
            finished = true;
        };
        create_task(body(go.get_future(), finished), "forgotten");
        co_await settle();
        const auto all = async::all_tasks();
        REQUIRE(all.size() == 2);
        CHECK(all[1].name() == "forgotten");
        go.set_value();
        co_await all[1].wait();
        CHECK(finished);
        CHECK(async::all_tasks().size() == 1);
    });
}

TEST_CASE("34: a reference does not hold a frame, only what is known of the task") {
    on_every_engine([]() -> task<void> {
        counted::reset();
        auto body = [](counted) -> task<void> { co_await yield(); };
        const task_ref ref = create_task(body(counted(1))).ref();
        CHECK(counted::alive() == 1);
        co_await ref.wait();
        CHECK(counted::alive() == 0);
        CHECK(ref.done());
    });
}

TEST_CASE("35: an exception of any type is kept by its task, given to who joins it, and leaves run") {
    struct exit_request {
        int code;
    };
    auto leave = []() -> task<int> {
        co_await yield();
        throw exit_request{3};
    };
    on_every_engine([leave]() -> task<void> {
        auto t = create_task(leave());
        int code = 0;
        try {
            co_await t;
        } catch (const exit_request& e) {
            code = e.code;
        }
        CHECK(code == 3);
        CHECK(t.exception() != nullptr);
        CHECK_FALSE(t.cancelled());
        promise<int> p;
        p.set_exception(t.exception());
        CHECK_THROWS_AS(static_cast<void>(p.get_future().result()), exit_request);
    });
    scripted_runner s;
    CHECK_THROWS_AS(s.run(leave()), exit_request);
    CHECK_THROWS_AS(async::run(leave()), exit_request);
}

TEST_CASE("35: one that is thrown while the task is being cancelled takes the place of the cancellation") {
    struct exit_request {};
    on_every_engine([]() -> task<void> {
        auto body = []() -> task<void> {
            try {
                co_await sleep(24h);
            } catch (const cancelled&) {
                throw exit_request();
            }
        };
        auto t = create_task(body());
        co_await settle();
        t.cancel();
        bool told = false;
        try {
            co_await t;
        } catch (const exit_request&) {
            told = true;
        }
        CHECK(told);
        CHECK_FALSE(t.cancelled());
    });
}

TEST_CASE("37: a callback of a future runs with the values that held where it was given") {
    on_every_engine([]() -> task<void> {
        const async::context_var<int> value("value", 0);
        promise<> p;
        auto f = p.get_future();
        int seen_early = 0;
        int seen_late = 0;
        value.set(1);
        f.add_done_callback([&] { seen_early = value.get(); });
        value.set(2);
        p.set_value();
        f.add_done_callback([&] { seen_late = value.get(); });
        value.set(3);
        co_await settle();
        CHECK(seen_early == 1);
        CHECK(seen_late == 2);
    });
}

TEST_CASE("38: futures and limiters serve the tasks of one loop at a time, tasks those of their own") {
    promise<int> p;
    capacity_limiter limiter(0);
    auto wait = [](future<int> f) -> task<void> { static_cast<void>(co_await f); };
    auto take = [](capacity_limiter& l) -> task<void> { co_await l.acquire(); };
    auto watch = [](task_ref t) -> task<void> { co_await t.wait(); };
    scripted_runner one;
    scripted_runner other;
    auto waiter = one.runner.create_task(wait(p.get_future()), "waiter");
    auto taker = one.runner.create_task(take(limiter));
    one.turns(2);
    CHECK_THROWS_AS(other.run(wait(p.get_future())), std::logic_error);
    CHECK_THROWS_AS(other.run(take(limiter)), std::logic_error);
    CHECK_THROWS_WITH_AS(other.run(watch(waiter.ref())),
                         "task 'waiter' belongs to another loop and cannot be awaited here", std::logic_error);
    p.set_value(1);
    limiter.set_total_tokens(2);
    one.turns(2);
    CHECK(waiter.done());
    CHECK(taker.done());
    other.run(wait(p.get_future()));
    other.run(take(limiter));
    CHECK_THROWS_AS(other.run(watch(waiter.ref())), std::logic_error);
}

TEST_CASE("futures: cancelling a task that waits for a future leaves the future to the others and to later") {
    on_every_engine([]() -> task<void> {
        promise<int> p;
        auto f = p.get_future();
        auto wait = [](future<int> f) -> task<int> { co_return co_await f; };
        auto only = create_task(wait(f));
        co_await settle();
        only.cancel();
        co_await only.wait();
        CHECK(only.cancelled());
        CHECK_FALSE(f.done());
        p.set_value(4);
        const int n = co_await f;
        CHECK(n == 4);
    });
}

TEST_CASE("futures: a promise that is set by a timer, a callback, or a post wakes its task") {
    on_every_engine([]() -> task<void> {
        loop& l = this_loop();
        promise<int> by_timer;
        promise<int> by_callback;
        promise<int> by_post;
        const auto timer = l.call_later(1ms, [&] { by_timer.set_value(1); });
        const auto soon = l.call_soon([&] { by_callback.set_value(2); });
        const int b = co_await by_callback.get_future();
        const int a = co_await by_timer.get_future();
        l.post([&] { by_post.set_value(3); });
        const int c = co_await by_post.get_future();
        CHECK(a + b + c == 6);
    });
}

TEST_CASE("futures: of those who await the same failure each has the same exception, however often") {
    on_every_engine([]() -> task<void> {
        promise<int> p;
        auto f = p.get_future();
        p.set_exception(failure("the one"));
        auto caught = [](future<int> f) -> task<std::exception_ptr> {
            try {
                static_cast<void>(co_await f);
            } catch (...) {
                co_return std::current_exception();
            }
            co_return nullptr;
        };
        const std::exception_ptr first = co_await caught(f);
        const std::exception_ptr second = co_await caught(f);
        CHECK(first != nullptr);
        CHECK(first == second);
    });
}

TEST_CASE("futures: a state that was refused is not changed: set twice, read early, set to nothing") {
    promise<std::string> p;
    const auto f = p.get_future();
    CHECK_THROWS_AS(p.set_exception(nullptr), std::invalid_argument);
    CHECK_THROWS_AS(static_cast<void>(f.result()), std::logic_error);
    CHECK_FALSE(f.done());
    p.set_value("first");
    CHECK_THROWS_AS(p.set_value("second"), std::logic_error);
    CHECK(f.result() == "first");
}

TEST_CASE("tasks: the current task is known through interleaved awaits, and each of two sees itself") {
    on_every_engine([]() -> task<void> {
        auto body = [](promise<>& mine, future<> others, bool& right) -> task<void> {
            const task_ref self = async::current_task();
            mine.set_value();
            co_await others;
            right = async::current_task() == self;
            co_await yield();
            right = right && async::current_task() == self;
        };
        promise<> a;
        promise<> b;
        bool right_a = false;
        bool right_b = false;
        auto first = create_task(body(a, b.get_future(), right_a));
        auto second = create_task(body(b, a.get_future(), right_b));
        co_await first;
        co_await second;
        CHECK(right_a);
        CHECK(right_b);
    });
}

TEST_CASE("tasks: names are given, made up, and changed; those that are made up differ") {
    on_every_engine([]() -> task<void> {
        auto a = create_task(settle());
        auto b = create_task(settle());
        auto c = create_task(settle(), "given");
        CHECK(a.name() != b.name());
        CHECK(c.ref().name() == "given");
        a.ref().set_name("changed");
        CHECK(a.name() == "changed");
        co_await gather(a.wait(), b.wait(), c.wait());
    });
}

TEST_CASE("tasks: what waits for a task that has ended goes on at once, as often as it likes") {
    on_every_engine([]() -> task<void> {
        auto t = create_task(settle());
        co_await t.wait();
        const auto turns = this_loop().statistics().turns;
        for (int i = 0; i < 5; ++i) co_await t.ref().wait();
        CHECK(this_loop().statistics().turns == turns);
    });
}
