#include <libasync/sync/future.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <libasync/sync/event.hpp>
#include <libasync/sync/select.hpp>
#include <libasync/testing/allocations.hpp>
#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;
using async::future;
using async::promise;

namespace {

template <class Promise, class... Args>
concept can_set = requires(Promise& p, Args&&... args) {
    p.set_value(std::forward<Args>(args)...);
};

static_assert(!std::is_copy_constructible_v<promise<int>> && std::is_nothrow_move_constructible_v<promise<int>>);
static_assert(std::is_nothrow_copy_constructible_v<future<int>> && std::is_nothrow_move_assignable_v<future<int>>);
static_assert(can_set<promise<std::string>, const char*> && can_set<promise<std::string>, int, char>);
static_assert(!can_set<promise<int>, std::string> && !can_set<promise<int>, int, int>);
static_assert(can_set<promise<>> && !can_set<promise<>, int>);
static_assert(can_set<promise<int&>, int&> && !can_set<promise<int&>, const int&> && !can_set<promise<int&>, int>);
static_assert(can_set<promise<const int&>, int&> && !can_set<promise<const int&>, int>);

template <class Future>
using awaited = decltype(std::declval<Future>().operator co_await().await_resume());
static_assert(std::is_same_v<awaited<future<int>&>, const int&>);
static_assert(std::is_same_v<awaited<const future<int>&>, const int&>);
static_assert(std::is_same_v<awaited<future<int>>, int>);
static_assert(std::is_same_v<awaited<const future<int>>, int>);
static_assert(std::is_same_v<awaited<future<int&>&>, int&> && std::is_same_v<awaited<future<int&>>, int&>);
static_assert(std::is_void_v<awaited<future<>&>> && std::is_void_v<awaited<future<>>>);
static_assert(std::is_same_v<awaited<future<std::unique_ptr<int>>&>, const std::unique_ptr<int>&>);

task<void> settle() {
    for (int i = 0; i < 6; ++i) co_await yield();
}

template <class T>
task<void> note_after(future<T> f, std::string& notes, char name) {
    co_await f;
    notes += name;
}

task<int> value_of(future<int> f) { co_return co_await f; }

std::exception_ptr failure(const char* what) { return std::make_exception_ptr(std::runtime_error(what)); }

}  // namespace

TEST_CASE("what is set is what every future gives: values, references, nothing, and what cannot be copied") {
    on_every_engine([]() -> task<void> {
        promise<std::string> text;
        promise<int&> place;
        promise<> nothing;
        promise<std::unique_ptr<int>> owner;
        const auto text_a = text.get_future();
        auto text_b = text.get_future();
        auto place_a = place.get_future();
        auto nothing_a = nothing.get_future();
        auto owner_a = owner.get_future();
        int n = 1;
        auto set = [&]() -> task<void> {
            co_await yield();
            text.set_value(3, 'x');
            place.set_value(n);
            nothing.set_value();
            owner.set_value(std::make_unique<int>(7));
        };
        auto setter = create_task(set());
        const std::string& a = co_await text_a;
        const std::string& b = co_await text_b;
        CHECK(a == "xxx");
        CHECK(&a == &b);
        int& there = co_await place_a;
        CHECK(&there == &n);
        co_await nothing_a;
        const std::unique_ptr<int>& owned = co_await owner_a;
        CHECK(*owned == 7);
        CHECK(&text_a.result() == &a);
        CHECK(&place_a.result() == &n);
        nothing_a.result();
        CHECK(text.is_set());
        co_await setter;
    });
}

TEST_CASE("a future that has no name gives a copy of its value, which outlives all") {
    on_every_engine([]() -> task<void> {
        counted::reset();
        std::optional<promise<counted>> p(std::in_place);
        p->set_value(5);
        auto&& copy = co_await p->get_future();
        static_assert(std::is_same_v<decltype(copy), counted&&>);
        const counted second = p->get_future().result();
        p.reset();
        CHECK(copy.value == 5);
        CHECK(second.value == 5);
        int n = 1;
        promise<int&> place;
        place.set_value(n);
        int& there = co_await place.get_future();
        CHECK(&there == &n);
        promise<> nothing;
        nothing.set_value();
        co_await nothing.get_future();
    });
    CHECK(counted::alive() == 0);
}

TEST_CASE("all who wait go on in the order in which they came, callbacks among them, and not inside set_value") {
    on_every_engine([]() -> task<void> {
        promise<> p;
        auto f = p.get_future();
        std::string notes;
        auto a = create_task(note_after(f, notes, 'a'));
        auto b = create_task(note_after(f, notes, 'b'));
        co_await yield();
        co_await yield();
        f.add_done_callback([&notes] { notes += '1'; });
        auto c = create_task(note_after(f, notes, 'c'));
        co_await settle();
        f.add_done_callback([&notes] { notes += '2'; });
        CHECK_FALSE(f.done());
        CHECK_FALSE(p.is_set());
        p.set_value();
        CHECK(f.done());
        CHECK(p.is_set());
        f.add_done_callback([&notes] { notes += '3'; });
        CHECK(notes.empty());
        co_await yield();
        CHECK(notes == "ab1c23");
        co_await gather(a.wait(), b.wait(), c.wait());
    });
}

TEST_CASE("a future that is done is not waited for, and takes no memory; those who do nothing else let others go on") {
    on_every_engine([]() -> task<void> {
        promise<int> p;
        auto f = p.get_future();
        p.set_value(1);
        const auto turns = this_loop().statistics().turns;
        const auto allocated = async::testing::allocations();
        int sum = 0;
        for (int i = 0; i < 10; ++i) sum += co_await f;
        co_await f.wait();
        CHECK(sum == 10);
        CHECK(this_loop().statistics().turns == turns);
        CHECK(async::testing::allocations() == allocated);
        for (int i = 0; i < 200; ++i) static_cast<void>(co_await f);
        CHECK(this_loop().statistics().turns > turns);
    });
}

TEST_CASE("a wait takes no memory") {
    scripted_runner s;
    promise<int> p;
    auto waiter = s.runner.create_task(value_of(p.get_future()));
    const auto allocated = async::testing::allocations();
    s.turns(1);
    CHECK_FALSE(waiter.done());
    p.set_value(4);
    s.turns(1);
    CHECK(async::testing::allocations() == allocated);
    CHECK(waiter.result() == 4);
}

TEST_CASE("a promise is set once") {
    promise<int> p;
    auto f = p.get_future();
    p.set_value(1);
    CHECK_THROWS_WITH_AS(p.set_value(2), "promise::set_value: the promise was set before", std::logic_error);
    CHECK_THROWS_WITH_AS(p.set_exception(failure("late")), "promise::set_exception: the promise was set before",
                         std::logic_error);
    CHECK(f.result() == 1);
    CHECK(f.exception() == nullptr);

    promise<int> failed;
    failed.set_exception(failure("first"));
    CHECK_THROWS_AS(failed.set_value(2), std::logic_error);
    CHECK(what_of(failed.get_future().exception()) == "first");
}

TEST_CASE("a promise whose value cannot be made, or that is given no exception, is not set") {
    struct picky {
        explicit picky(int n) : value(n) {
            if (n < 0) throw std::out_of_range("less than nothing");
        }
        int value;
    };
    promise<picky> p;
    auto f = p.get_future();
    CHECK_THROWS_AS(p.set_value(-1), std::out_of_range);
    CHECK_THROWS_WITH_AS(p.set_exception(nullptr), "promise::set_exception: there is none", std::invalid_argument);
    CHECK_FALSE(p.is_set());
    p.set_value(3);
    CHECK(f.result().value == 3);
}

TEST_CASE("an exception that is set is thrown to all who wait and all who ask") {
    on_every_engine([]() -> task<void> {
        promise<int> p;
        const auto f = p.get_future();
        auto a = create_task(message_of(f));
        auto b = create_task(message_of(f));
        co_await settle();
        p.set_exception(failure("it broke"));
        const std::string told_a = co_await a;
        const std::string told_b = co_await b;
        CHECK(told_a == "it broke");
        CHECK(told_b == "it broke");
        CHECK(what_of(f.exception()) == "it broke");
        CHECK_THROWS_WITH_AS(static_cast<void>(f.result()), "it broke", std::runtime_error);
        CHECK_THROWS_WITH_AS(static_cast<void>(p.get_future().result()), "it broke", std::runtime_error);
    });
}

TEST_CASE("what is not there yet cannot be asked for") {
    promise<int> p;
    const auto f = p.get_future();
    CHECK_THROWS_WITH_AS(static_cast<void>(f.result()), "the future is not done", std::logic_error);
    CHECK_THROWS_WITH_AS(static_cast<void>(f.exception()), "the future is not done", std::logic_error);
    CHECK_THROWS_AS(static_cast<void>(p.get_future().result()), std::logic_error);
}

TEST_CASE("an empty future and an empty promise refuse everything") {
    on_every_engine([]() -> task<void> {
        future<int> f;
        CHECK_FALSE(static_cast<bool>(f));
        CHECK_THROWS_WITH_AS(static_cast<void>(f.done()), "the future is empty", std::logic_error);
        CHECK_THROWS_AS(static_cast<void>(f.result()), std::logic_error);
        CHECK_THROWS_AS(static_cast<void>(f.exception()), std::logic_error);
        CHECK_THROWS_AS(f.add_done_callback([] {}), std::logic_error);
        const std::string awaited = co_await message_of(f);
        CHECK(awaited == "co_await of an empty future");
        const std::string watched = co_await message_of(f.wait());
        CHECK(watched == "co_await of an empty future");

        promise<int> p;
        promise<int> moved = std::move(p);
        CHECK_THROWS_WITH_AS(static_cast<void>(p.get_future()), "promise::get_future: the promise is empty",
                             std::logic_error);
        CHECK_THROWS_AS(p.set_value(1), std::logic_error);
        CHECK_THROWS_AS(p.set_exception(failure("x")), std::logic_error);
        CHECK_THROWS_AS(static_cast<void>(p.is_set()), std::logic_error);
        f = moved.get_future();
        moved.set_value(2);
        CHECK(f.result() == 2);
    });
}

TEST_CASE("a promise that goes without being set ends its futures with broken_promise") {
    on_every_engine([]() -> task<void> {
        std::optional<promise<int>> p(std::in_place);
        auto f = p->get_future();
        auto waiter = create_task(throws<broken_promise>(f));
        co_await settle();
        p.reset();
        CHECK(f.done());
        const bool told = co_await waiter;
        CHECK(told);
        const std::string later = co_await message_of(f);
        CHECK(later == "the promise went without being set");
        CHECK_THROWS_AS(static_cast<void>(f.result()), broken_promise);
        CHECK_THROWS_AS(std::rethrow_exception(f.exception()), broken_promise);

        promise<> overwritten;
        auto old = overwritten.get_future();
        overwritten = promise<>();
        CHECK_THROWS_AS(old.result(), broken_promise);
        overwritten.set_value();
        overwritten.get_future().result();
    });
}

TEST_CASE("a promise that is moved into itself keeps its future") {
    promise<int> p;
    auto f = p.get_future();
    promise<int>& same = p;
    p = std::move(same);
    CHECK_FALSE(f.done());
    p.set_value(1);
    CHECK(f.result() == 1);
}

TEST_CASE("the cancellation of who was to set a promise does not cancel those who wait") {
    on_every_engine([]() -> task<void> {
        promise<int> p;
        auto f = p.get_future();
        auto pass_on = [](promise<int>& p) -> task<void> {
            try {
                co_await sleep(24h);
                p.set_value(1);
            } catch (...) {
                p.set_exception(std::current_exception());
                throw;
            }
        };
        auto setter = create_task(pass_on(p));
        auto waiter = create_task(message_of(f));
        co_await settle();
        setter.cancel();
        const std::string told = co_await waiter;
        CHECK(told == "who was to set the promise was cancelled");
        CHECK_THROWS_AS(std::rethrow_exception(f.exception()), broken_promise);
        co_await setter.wait();
        CHECK(setter.cancelled());
    });
}

TEST_CASE("cancelling one who waits leaves the others, and the future, alone") {
    on_every_engine([]() -> task<void> {
        promise<int> p;
        auto f = p.get_future();
        auto a = create_task(value_of(f));
        auto b = create_task(value_of(f));
        auto c = create_task(value_of(f));
        co_await settle();
        b.cancel();
        co_await b.wait();
        CHECK(b.cancelled());
        CHECK_FALSE(f.done());
        p.set_value(8);
        const int of_a = co_await a;
        const int of_c = co_await c;
        CHECK(of_a + of_c == 16);
    });
}

TEST_CASE("who is cancelled after the promise was set has the value; in a cancelled scope nothing is given") {
    on_every_engine([]() -> task<void> {
        promise<int> p;
        auto f = p.get_future();
        auto waiter = create_task(value_of(f));
        co_await settle();
        p.set_value(8);
        waiter.cancel();
        const int n = co_await waiter;
        CHECK(n == 8);

        cancel_scope scope;
        scope.cancel();
        const auto nothing = co_await scope.run(value_of(f));
        CHECK_FALSE(nothing.has_value());
        CHECK(scope.cancelled_caught());
    });
}

TEST_CASE("a time-out around a future ends the wait alone; at the instant in which it is set, the value wins") {
    scripted_runner s;
    s.finish_after(5ms, 1, 0);
    s.run([]() -> task<void> {
        promise<int> p;
        auto f = p.get_future();
        auto set = [](promise<int>& p) -> task<void> {
            co_await scripted_operation(1);
            p.set_value(3);
        };
        auto setter = create_task(set(p));
        const bool late = co_await throws<timeout_error>(timeout(2ms, f));
        CHECK(late);
        const int n = co_await timeout(3ms, f);
        CHECK(n == 3);
        co_await setter;
        promise<std::unique_ptr<int>> owner;
        auto owned = owner.get_future();
        const auto waited = co_await move_on_after(1ms, owned.wait());
        CHECK_FALSE(waited.has_value());
        owner.set_value(std::make_unique<int>(2));
        co_await timeout(1ms, owned.wait());
        CHECK(*owned.result() == 2);
    }());
}

TEST_CASE("the outcome is kept while anybody may want it, and no longer") {
    counted::reset();
    on_every_engine([]() -> task<void> {
        auto wait = [](future<counted> f) -> task<int> {
            const counted& c = co_await f;
            co_return c.value;
        };
        std::optional<promise<counted>> p(std::in_place);
        auto waiter = create_task(wait(p->get_future()));
        co_await settle();
        p->set_value(6);
        p.reset();
        CHECK(counted::alive() == 1);
        const int n = co_await waiter;
        CHECK(n == 6);
        CHECK(counted::alive() == 0);
    });
}

TEST_CASE("a handle may be dropped, or given another future, while it is awaited") {
    on_every_engine([]() -> task<void> {
        promise<int> p;
        std::optional<future<int>> f = p.get_future();
        auto wait = [](std::optional<future<int>>& f) -> task<int> { co_return co_await *f; };
        auto waiter = create_task(wait(f));
        co_await settle();
        f.reset();
        p.set_value(9);
        const int n = co_await waiter;
        CHECK(n == 9);
    });
}

TEST_CASE("an exception that nobody has read is reported when the last handle goes, with where the promise was made") {
    scripted_runner s;
    report_recorder recorder(s.loop());
    future<int> kept;
    unsigned line = 0;
    s.run([](future<int>& kept, unsigned& line) -> task<void> {
        line = __LINE__ + 1;
        promise<int> p;
        kept = p.get_future();
        p.set_exception(failure("unheard"));
        co_return;
    }(kept, line));
    future<int> copy = kept;
    kept = {};
    CHECK(copy.done());
    CHECK(recorder.reports.empty());
    copy = {};
    REQUIRE(recorder.reports.size() == 1);
    CHECK(recorder.reports[0].message == "nobody read the exception of a promise");
    CHECK(recorder.reports[0].task_name.empty());
    CHECK(recorder.reports[0].what == "unheard");
    CHECK(recorder.reports[0].line == line);
    CHECK(recorder.reports[0].file.find("future_test.cpp") != std::string::npos);
}

TEST_CASE("an exception that was read is not reported, however it was read") {
    scripted_runner s;
    report_recorder recorder(s.loop());
    s.run([]() -> task<void> {
        promise<int> awaited;
        promise<int> asked;
        promise<int> taken;
        for (promise<int>* p : {&awaited, &asked, &taken}) p->set_exception(failure("heard"));
        const std::string what = co_await message_of(awaited.get_future());
        CHECK(what == "heard");
        CHECK(what_of(asked.get_future().exception()) == "heard");
        CHECK_THROWS_AS(static_cast<void>(taken.get_future().result()), std::runtime_error);
    }());
    CHECK(recorder.reports.empty());
}

TEST_CASE("to be told that a future is done, or to be cancelled, is not to read it") {
    scripted_runner s;
    report_recorder recorder(s.loop());
    s.run([]() -> task<void> {
        promise<int> watched;
        auto f = watched.get_future();
        f.add_done_callback([] {});
        auto waiter = create_task(value_of(f));
        co_await settle();
        waiter.cancel();
        watched.set_exception(failure("watched"));
        co_await f.wait();
        co_await waiter.wait();
        CHECK(waiter.cancelled());
    }());
    REQUIRE(recorder.reports.size() == 1);
    CHECK(recorder.reports[0].what == "watched");
}

TEST_CASE("an exception of which there never was a future is reported too; a broken promise is not") {
    scripted_runner s;
    report_recorder recorder(s.loop());
    s.run([]() -> task<void> {
        {
            promise<int> p;
            p.set_exception(failure("into the void"));
        }
        future<int> f = promise<int>().get_future();
        CHECK(f.done());
        promise<int> interrupted;
        try {
            cancel_scope scope;
            scope.cancel();
            auto part = [](promise<int>& p) -> task<void> {
                try {
                    co_await yield();
                } catch (...) {
                    p.set_exception(std::current_exception());
                    throw;
                }
            };
            co_await scope.run(part(interrupted));
        } catch (...) {
            CHECK(false);
        }
        CHECK(interrupted.is_set());
    }());
    REQUIRE(recorder.reports.size() == 1);
    CHECK(recorder.reports[0].what == "into the void");
}

TEST_CASE("an exception that is set where no loop runs goes to the log") {
    log_recorder log;
    {
        promise<int> p;
        p.set_exception(failure("nobody hears"));
    }
    REQUIRE(log.lines.size() == 1);
    CHECK(log.has("nobody read the exception of a promise created at"));
    CHECK(log.has("future_test.cpp"));
    CHECK(log.has("nobody hears"));
}

TEST_CASE("set from outside while its tasks wait, an exception belongs to their loop") {
    scripted_runner s;
    report_recorder recorder(s.loop());
    {
        promise<int> p;
        auto watch = [](future<int> f) -> task<void> { co_await f.wait(); };
        auto watcher = s.runner.create_task(watch(p.get_future()));
        s.turns(2);
        p.set_exception(failure("from outside"));
        s.turns(2);
        CHECK(watcher.done());
        CHECK(recorder.reports.empty());
    }
    CHECK(recorder.reports.size() == 1);
}

TEST_CASE("a future with an unread exception may outlive its loop: it is reported before the loop goes, and once") {
    log_recorder log;
    std::optional<future<int>> f;
    {
        scripted_runner s;
        s.run([](std::optional<future<int>>& f) -> task<void> {
            promise<int> p;
            f = p.get_future();
            p.set_exception(failure("too late"));
            co_return;
        }(f));
        CHECK(log.lines.empty());
    }
    CHECK(log.lines.size() == 1);
    CHECK(log.has("too late"));
    CHECK(what_of(f->exception()) == "too late");
    f.reset();
    CHECK(log.lines.size() == 1);
}

TEST_CASE("done callbacks are called in a later turn, and what they throw is reported") {
    scripted_runner s;
    report_recorder recorder(s.loop());
    s.run([]() -> task<void> {
        std::vector<int> order;
        promise<> p;
        auto f = p.get_future();
        f.add_done_callback([&order] { order.push_back(1); });
        f.add_done_callback([&order, f] {
            order.push_back(2);
            f.add_done_callback([&order] { order.push_back(4); });
            throw std::runtime_error("callback broke");
        });
        f.add_done_callback([&order] { order.push_back(3); });
        CHECK_THROWS_AS(f.add_done_callback({}), std::invalid_argument);
        p.set_value();
        CHECK(order.empty());
        co_await yield();
        CHECK(order == std::vector{1, 2, 3});
        co_await yield();
        CHECK(order == std::vector{1, 2, 3, 4});
        CHECK_THROWS_AS(f.add_done_callback({}), std::invalid_argument);
    }());
    REQUIRE(recorder.reports.size() == 1);
    CHECK(recorder.reports[0].what == "callback broke");
    CHECK(recorder.reports[0].file.find("future_test.cpp") != std::string::npos);
}

TEST_CASE("where no loop runs nobody can be called back") {
    promise<> p;
    auto f = p.get_future();
    CHECK_THROWS_WITH_AS(f.add_done_callback([] {}), doctest::Contains("future::add_done_callback"), std::system_error);
    p.set_value();
    CHECK_THROWS_AS(f.add_done_callback([] {}), std::system_error);
}

TEST_CASE("callbacks that wait are dropped with their loop, and the promise may be set all the same") {
    const auto held = std::make_shared<int>(0);
    promise<int> p;
    const auto f = p.get_future();
    {
        scripted_runner s;
        s.run([](future<int> f, std::shared_ptr<int> held) -> task<void> {
            f.add_done_callback([held] { ++*held; });
            f.add_done_callback([f, held] { ++*held; });
            co_return;
        }(f, held));
        CHECK(held.use_count() == 3);
    }
    CHECK(held.use_count() == 1);
    p.set_value(1);
    CHECK(*held == 0);
    CHECK(f.result() == 1);
}

TEST_CASE("a promise that only its own callback holds goes with the loop") {
    const auto held = std::make_shared<int>(0);
    {
        scripted_runner s;
        s.run([](std::shared_ptr<int> held) -> task<void> {
            const auto p = std::make_shared<promise<int>>();
            p->get_future().add_done_callback([p, held] { ++*held; });
            co_return;
        }(held));
        CHECK(held.use_count() == 2);
    }
    CHECK(held.use_count() == 1);
    CHECK(*held == 0);
}

TEST_CASE("tasks that wait when their loop ends are gone from the future") {
    promise<int> p;
    const auto f = p.get_future();
    {
        scripted_runner s;
        auto waiter = s.runner.create_task(value_of(f));
        auto late = s.runner.create_task(value_of(f));
        s.turns(2);
    }
    p.set_value(1);
    CHECK(f.result() == 1);
}

TEST_CASE("a future serves the tasks and callbacks of one loop at a time, and is set where they run") {
    promise<int> p;
    const auto f = p.get_future();
    scripted_runner one;
    scripted_runner other;
    auto waiter = one.runner.create_task(value_of(f));
    one.turns(2);
    other.run([](promise<int>& p, future<int> f) -> task<void> {
        const std::string awaited = co_await message_of(f);
        CHECK(awaited == "co_await of a future: tasks of another loop wait for the same object");
        const bool watched = co_await throws<std::logic_error>(f.wait());
        CHECK(watched);
        CHECK_THROWS_AS(f.add_done_callback([] {}), std::logic_error);
        CHECK_THROWS_WITH_AS(p.set_value(1), "promise::set_value: tasks of another loop wait for the same object",
                             std::logic_error);
        CHECK_THROWS_AS(p.set_exception(failure("x")), std::logic_error);
        CHECK_FALSE(f.done());
    }(p, f));
    p.set_value(2);
    one.turns(2);
    CHECK(waiter.result() == 2);
    CHECK(other.run(value_of(f)) == 2);
}

TEST_CASE("of several futures and other waits select takes the one that is done") {
    on_every_engine([]() -> task<void> {
        promise<int> a;
        promise<std::string> b;
        auto of_a = a.get_future();
        event never;
        {
            const auto chosen = co_await select(a.get_future(), b.get_future(), never.wait(), sleep(1ms));
            CHECK(chosen.index() == 3);
        }
        auto set = [](promise<std::string>& b) -> task<void> {
            co_await settle();
            b.set_value("set");
        };
        auto setter = create_task(set(b));
        {
            const auto chosen = co_await select(a.get_future(), b.get_future(), never.wait());
            REQUIRE(chosen.index() == 1);
            CHECK(std::get<1>(chosen) == "set");
        }
        a.set_exception(failure("it broke"));
        const auto watched = co_await select(never.wait(), of_a.wait());
        CHECK(watched.index() == 1);
        const std::string told = co_await message_of(select(a.get_future(), b.get_future()));
        CHECK(told == "it broke");
        co_await setter;
    });
}
