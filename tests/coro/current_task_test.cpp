#include <libasync/coro/current_task.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include <libasync/testing/allocations.hpp>
#include <tests/support/expect.hpp>
#include <tests/support/foreign_coroutine.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;
using async::all_tasks;
using async::current_task;
using async::task_ref;
using async::try_current_task;

static_assert(std::is_nothrow_copy_constructible_v<task_ref> && std::is_nothrow_move_assignable_v<task_ref>);

namespace {

task<task_ref> myself() { co_return current_task(); }

task<int> fail(const char* what) {
    co_await yield();
    throw std::runtime_error(what);
}

task<void> sleep_long() { co_await sleep(24h); }

task<void> settle() {
    for (int i = 0; i < 6; ++i) co_await yield();
}

std::vector<std::string> names_of(const std::vector<task_ref>& tasks) {
    std::vector<std::string> names;
    for (const task_ref& t : tasks) names.push_back(t.name());
    return names;
}

}  // namespace

TEST_CASE("the current task is the one that runs, before and after each await, and in what it awaits") {
    on_every_engine([]() -> task<void> {
        auto body = [](std::vector<task_ref>& seen) -> task<void> {
            seen.push_back(current_task());
            co_await yield();
            seen.push_back(current_task());
            seen.push_back(co_await myself());
            co_await sleep(1us);
            seen.push_back(current_task());
        };
        std::vector<task_ref> of_a;
        std::vector<task_ref> of_b;
        auto a = create_task(body(of_a), "a");
        auto b = create_task(body(of_b), "b");
        const task_ref before = current_task();
        co_await a;
        co_await b;
        CHECK(current_task() == before);
        CHECK(before.name() == "main");
        CHECK(of_a == std::vector<task_ref>(4, a.ref()));
        CHECK(of_b == std::vector<task_ref>(4, b.ref()));
        CHECK(a.ref() != b.ref());
    });
}

TEST_CASE("what runs beside a task is another one") {
    on_every_engine([]() -> task<void> {
        const auto [a, b] = co_await gather(myself(), myself());
        CHECK(a != b);
        CHECK(a != current_task());
    });
}

TEST_CASE("outside tasks there is no current one: in callbacks, in other coroutines, and where no loop runs") {
    CHECK_THROWS_WITH_AS(current_task(), "current_task: no task runs here", std::logic_error);
    CHECK_FALSE(static_cast<bool>(try_current_task()));
    on_every_engine([]() -> task<void> {
        int none = 0;
        this_loop().call_soon([&none] { none += !try_current_task(); });
        auto other = [](int& none) -> foreign_coroutine {
            co_await sleep(1us);
            none += !try_current_task();
        };
        const foreign_coroutine no_task = other(none);
        auto nap = []() -> task<void> { co_await yield(); };
        auto watched = create_task(nap());
        watched.add_done_callback([&none] { none += !try_current_task(); });
        co_await watched;
        while (!no_task.done()) co_await sleep(1us);
        co_await settle();
        CHECK(none == 3);
        CHECK(static_cast<bool>(try_current_task()));
    });
}

TEST_CASE("the parameters of a task are destroyed by that task, whether it ran or not") {
    struct witness {
        std::vector<task_ref>* seen;
        explicit witness(std::vector<task_ref>& to) : seen(&to) {}
        witness(witness&& other) noexcept : seen(std::exchange(other.seen, nullptr)) {}
        ~witness() {
            if (seen) seen->push_back(try_current_task());
        }
    };
    on_every_engine([]() -> task<void> {
        std::vector<task_ref> seen;
        auto body = [](witness) -> task<void> { co_await yield(); };
        auto ran = create_task(body(witness(seen)));
        auto did_not = create_task(body(witness(seen)));
        did_not.cancel();
        bool alone = false;
        this_loop().call_soon([&alone] { alone = !try_current_task(); });
        co_await gather(ran.wait(), did_not.wait());
        CHECK(seen == std::vector{did_not.ref(), ran.ref()});
        co_await settle();
        CHECK(alone);
    });
}

TEST_CASE("all tasks are those of this loop that have not ended, in the order of their creation") {
    scripted_runner other;
    auto of_other = other.runner.create_task(sleep_long(), "of another loop");
    other.turns(1);
    scripted_runner s;
    s.run([]() -> task<void> {
        CHECK(names_of(all_tasks()) == std::vector<std::string>{"main"});
        auto a = create_task(settle(), "a");
        auto b = create_task(sleep_long(), "b");
        { const auto detached = create_task(sleep_long(), "c"); }
        CHECK(names_of(all_tasks()) == std::vector<std::string>{"main", "a", "b", "c"});
        co_await a;
        create_task(settle(), "d");
        CHECK(names_of(all_tasks()) == std::vector<std::string>{"main", "b", "c", "d"});
        b.cancel();
        CHECK(all_tasks().size() == 4);  // it has not ended yet
        co_await b.wait();
        const auto left = all_tasks();
        CHECK(names_of(left) == std::vector<std::string>{"main", "c", "d"});
        CHECK(std::is_sorted(left.begin(), left.end(),
                             [](const task_ref& x, const task_ref& y) { return x.number() < y.number(); }));
    }());
}

TEST_CASE("all tasks of a loop can be cancelled but for the current one") {
    on_every_engine([]() -> task<void> {
        std::vector<task_handle<void>> handles;
        for (int i = 0; i < 5; ++i) handles.push_back(create_task(sleep_long()));
        co_await settle();
        const auto all = all_tasks();
        CHECK(all.size() == 6);
        for (const task_ref& t : all) {
            if (t != current_task()) t.cancel();
        }
        for (const task_ref& t : all) {
            if (t != current_task()) co_await t.wait();
        }
        for (const auto& h : handles) CHECK(h.cancelled());
        CHECK(all_tasks().size() == 1);
    });
}

TEST_CASE("where no loop runs all_tasks is an error") {
    std::error_code code;
    try {
        static_cast<void>(all_tasks());
    } catch (const std::system_error& e) {
        code = e.code();
    }
    CHECK(code == errc::no_loop);
}

TEST_CASE("a reference tells of a task what its handle tells, and where and as which it was created") {
    on_every_engine([]() -> task<void> {
        const unsigned line = __LINE__ + 1;
        auto a = create_task(sleep_long(), "a");
        auto b = create_task(settle());
        const task_ref of_a = a.ref();
        const task_ref of_b = b.ref();
        CHECK(of_a.name() == "a");
        CHECK(of_b.name() == b.name());
        CHECK(of_b.name() == "task-" + std::to_string(of_b.number()));
        CHECK(of_b.number() == of_a.number() + 1);
        CHECK(of_a.created().line() == line);
        CHECK(std::string(of_a.created().file_name()).find("current_task_test.cpp") != std::string::npos);
        co_await of_b.wait();
        CHECK(of_b.done());
        CHECK_FALSE(of_b.cancelled());
        CHECK_FALSE(of_a.done());
        of_a.cancel();
        CHECK_FALSE(of_a.cancelled());
        co_await of_a.wait();
        CHECK(of_a.done());
        CHECK(of_a.cancelled());
        of_a.cancel();
        of_b.cancel();
        CHECK_FALSE(of_b.cancelled());
    });
}

TEST_CASE("references are equal if their task is the same; an empty one refuses what it is asked") {
    on_every_engine([]() -> task<void> {
        const task_ref mine = current_task();
        task_ref copy = mine;
        CHECK(copy == mine);
        const task_ref moved = std::move(copy);
        CHECK(moved == mine);
        CHECK_FALSE(static_cast<bool>(copy));  // NOLINT(bugprone-use-after-move): empty
        CHECK(copy == task_ref());
        copy.cancel();
        CHECK_THROWS_WITH_AS(static_cast<void>(copy.name()), "the task_ref is empty", std::logic_error);
        CHECK_THROWS_AS(static_cast<void>(copy.done()), std::logic_error);
        CHECK_THROWS_AS(static_cast<void>(copy.cancelled()), std::logic_error);
        CHECK_THROWS_AS(static_cast<void>(copy.number()), std::logic_error);
        CHECK_THROWS_AS(static_cast<void>(copy.created()), std::logic_error);
        CHECK_THROWS_AS(copy.set_name("x"), std::logic_error);
        const bool refused = co_await throws<std::logic_error>(copy.wait());
        CHECK(refused);
        const task_handle<int> no_handle;
        CHECK_THROWS_WITH_AS(static_cast<void>(no_handle.ref()), "the task_handle is empty", std::logic_error);
    });
}

TEST_CASE("a task may be renamed: reports and messages use the new name") {
    scripted_runner s;
    report_recorder recorder(s.loop());
    s.run([]() -> task<void> {
        auto body = []() -> task<void> {
            current_task().set_name("worker of request 7");
            co_await yield();
            throw std::runtime_error("it broke");
        };
        create_task(body(), "worker");
        auto sleeper = create_task(sleep_long(), "sleeper");
        sleeper.ref().set_name("late sleeper");
        CHECK(sleeper.name() == "late sleeper");
        sleeper.cancel();
        const std::string told = co_await message_of(std::move(sleeper));
        CHECK(told.find("late sleeper") != std::string::npos);
        const task_ref mine = current_task();
        mine.set_name({});
        CHECK(mine.name() == "task-" + std::to_string(mine.number()));
    }());
    REQUIRE(recorder.reports.size() == 1);
    CHECK(recorder.reports[0].task_name == "worker of request 7");
}

TEST_CASE("the current task is known without memory") {
    on_every_engine([]() -> task<void> {
        const auto allocated = async::testing::allocations();
        const task_ref mine = current_task();
        const task_ref copy = mine;
        CHECK(copy.number() == mine.number());
        CHECK(async::testing::allocations() == allocated);
        co_return;
    });
}

TEST_CASE("a reference cannot read a failure: that is reported as if there was none") {
    scripted_runner s;
    report_recorder recorder(s.loop());
    std::optional handle = s.runner.create_task(fail("unheard"), "kept");
    const task_ref ref = handle->ref();
    const task_ref copy = ref;
    s.turns(4);
    CHECK(ref.done());
    CHECK(recorder.reports.empty());
    handle.reset();
    REQUIRE(recorder.reports.size() == 1);
    CHECK(recorder.reports[0].what == "unheard");

    const task_ref detached = s.runner.create_task(fail("detached")).ref();
    s.turns(4);
    REQUIRE(recorder.reports.size() == 2);
    CHECK(detached.done());
    CHECK(recorder.reports[1].task_name == detached.name());
}

TEST_CASE("who is told of a failure may drop the last reference to its task") {
    scripted_runner s;
    std::optional<task_ref> ref;
    std::string told;
    s.loop().set_exception_handler([&](const exception_context& c) {
        ref.reset();
        told = c.task_name;
    });
    ref = s.runner.create_task(fail("unheard"), "dropped").ref();
    s.turns(4);
    CHECK(told == "dropped");
    CHECK_FALSE(ref.has_value());
}

TEST_CASE("who is told of a failure at the end of the loop may drop the last handle to its task") {
    std::optional<task_handle<int>> handle;
    std::string told;
    {
        scripted_runner s;
        s.loop().set_exception_handler([&](const exception_context& c) {
            told = what_of(c.exception);
            handle.reset();
        });
        handle = s.runner.create_task(fail("unheard"));
        s.turns(4);
        CHECK(told.empty());
    }
    CHECK(told == "unheard");
    CHECK_FALSE(handle.has_value());
}

TEST_CASE("a failure with very many references is reported once, and not while a handle may read it") {
    scripted_runner s;
    report_recorder recorder(s.loop());
    std::optional handle = s.runner.create_task(fail("unheard"));
    std::vector<task_ref> refs(300, handle->ref());
    s.turns(4);
    refs.resize(100);
    CHECK(recorder.reports.empty());
    CHECK(what_of(handle->exception()) == "unheard");
    handle = s.runner.create_task(fail("unheard"));
    refs.assign(300, handle->ref());
    s.turns(4);
    handle.reset();
    refs.resize(1);
    refs.clear();
    CHECK(recorder.reports.size() == 1);
}

TEST_CASE("a reference may outlive its loop") {
    task_ref ended;
    task_ref cancelled_at_end;
    {
        scripted_runner s;
        ended = s.runner.create_task(settle(), "ended").ref();
        s.turns(10);
        cancelled_at_end = s.runner.create_task(sleep_long(), "cancelled").ref();
        s.turns(1);
    }
    CHECK(ended.done());
    CHECK(ended.name() == "ended");
    CHECK(cancelled_at_end.cancelled());
    cancelled_at_end.cancel();
    scripted_runner s;
    s.run([](task_ref t) -> task<void> { co_await t.wait(); }(ended));
}

TEST_CASE("a task cannot wait for itself by a reference") {
    on_every_engine([]() -> task<void> {
        const std::string told = co_await message_of(current_task().wait());
        CHECK(told.find("'main' cannot wait for itself") != std::string::npos);
    });
}

TEST_CASE("a task of another loop cannot be awaited, ended or not; one whose loop is gone gives its result") {
    auto number = [](int n) -> task<int> {
        co_await yield();
        co_return n;
    };
    auto join = [](task_handle<int>& handle) -> task<int> { co_return co_await handle; };
    auto message_of_join = [](task_handle<int>& handle) -> task<std::string> {
        try {
            co_await handle;
        } catch (const std::logic_error& e) {
            co_return e.what();
        }
        co_return "";
    };
    auto message_of_watch = [](task_handle<int>& handle) -> task<std::string> {
        try {
            co_await handle.wait();
        } catch (const std::logic_error& e) {
            co_return e.what();
        }
        co_return "";
    };
    const std::string refusal = "task 'stranger' belongs to another loop and cannot be awaited here";
    scripted_runner here;
    task_handle<int> stranger;
    {
        scripted_runner there;
        stranger = there.runner.create_task(number(5), "stranger");
        there.turns(1);
        CHECK(here.run(message_of_join(stranger)) == refusal);
        CHECK(here.run(message_of_watch(stranger)) == refusal);
        there.turns(2);
        REQUIRE(stranger.done());
        CHECK(here.run(message_of_join(stranger)) == refusal);
        CHECK(here.run(message_of_watch(stranger)) == refusal);
        CHECK(there.run(message_of_watch(stranger)).empty());
    }
    CHECK(here.run(message_of_watch(stranger)).empty());
    CHECK(here.run(join(stranger)) == 5);
}
