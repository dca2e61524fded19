#include <libasync/coro/foreign.hpp>

#include <doctest/doctest.h>

#include <coroutine>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include <tests/support/expect.hpp>
#include <tests/support/foreign_coroutine.hpp>
#include <tests/support/scripted.hpp>
#include <tests/support/system.hpp>

using namespace async_tests;

namespace {

struct ready_value {
    int value;
    explicit ready_value(int v) : value(v) {}
    bool await_ready() const noexcept { return true; }
    void await_suspend(std::coroutine_handle<>) const noexcept {}
    int await_resume() const noexcept { return value; }
};

// Resumed by whoever holds `waiter`.
struct manual_event {
    std::coroutine_handle<> waiter;
    int result = 0;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> h) noexcept { waiter = h; }
    int await_resume() const noexcept { return result; }
};

enum class suspends { no, resumed_inside, by_transfer };

struct odd_suspend {
    suspends how;
    explicit odd_suspend(suspends h) : how(h) {}
    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> h) const {
        if (how == suspends::by_transfer) return h;
        h.resume();
        return std::noop_coroutine();
    }
    void await_resume() const noexcept {}
};

struct never_suspends {
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<>) const noexcept { return false; }
    int await_resume() const noexcept { return 3; }
};

struct on_thread {
    std::thread* thread;
    std::thread::id* seen;
    explicit on_thread(std::thread& t, std::thread::id& s) : thread(&t), seen(&s) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> h) const {
        *thread = std::thread([h, seen = seen] {
            *seen = std::this_thread::get_id();
            h.resume();
        });
    }
    void await_resume() const noexcept {}
};

struct throwing {
    bool in_suspend;
    explicit throwing(bool s) : in_suspend(s) {}
    bool await_ready() const noexcept { return !in_suspend; }
    void await_suspend(std::coroutine_handle<>) const { throw std::runtime_error("in await_suspend"); }
    void await_resume() const { throw std::runtime_error("in await_resume"); }
};

struct with_member {
    int value;
    explicit with_member(int v) : value(v) {}
    ready_value operator co_await() const noexcept { return ready_value(value); }
};

struct with_free {
    int value;
    explicit with_free(int v) : value(v) {}
};
ready_value operator co_await(with_free w) noexcept { return ready_value(w.value); }

struct gives_reference {
    int* target;
    explicit gives_reference(int& t) : target(&t) {}
    bool await_ready() const noexcept { return true; }
    void await_suspend(std::coroutine_handle<>) const noexcept {}
    int& await_resume() const noexcept { return *target; }
};

}  // namespace

TEST_CASE("awaitables of other libraries are awaited: awaiters, member and free operator co_await, references") {
    on_every_engine([]() -> task<void> {
        const auto turns = this_loop().statistics().turns;
        const int a = co_await ready_value(1);
        const int b = co_await with_member(2);
        const int c = co_await with_free(3);
        const int d = co_await never_suspends();
        ready_value named(5);
        const int e = co_await named;
        int target = 0;
        int& f = co_await gives_reference(target);
        co_await std::suspend_never();
        CHECK(a == 1);
        CHECK(b == 2);
        CHECK(c == 3);
        CHECK(d == 3);
        CHECK(e == 5);
        CHECK(&f == &target);
        CHECK(this_loop().statistics().turns == turns);
    });
}

TEST_CASE("however a foreign awaitable resumes, the task goes on in a step of its own loop") {
    on_every_engine([]() -> task<void> {
        for (const suspends how : {suspends::resumed_inside, suspends::by_transfer}) {
            const auto steps = this_loop().statistics().steps;
            co_await odd_suspend(how);
            CHECK(this_loop().statistics().steps > steps);
        }
        manual_event event;
        event.result = 9;
        this_loop().call_soon([&event] { event.waiter.resume(); });
        const int got = co_await event;
        CHECK(got == 9);
    });
}

TEST_CASE("a foreign awaitable may resume on another thread: the task goes on on its own") {
    on_every_engine([]() -> task<void> {
        for (int i = 0; i < 50; ++i) {
            std::thread thread;
            std::thread::id resumed_on;
            const outside_work resumes_soon(this_engine());
            co_await on_thread(thread, resumed_on);
            CHECK(std::this_thread::get_id() != resumed_on);
            CHECK(detail::this_core != nullptr);
            thread.join();
        }
    });
}

TEST_CASE("what a foreign awaitable throws goes to the task, which goes on") {
    on_every_engine([]() -> task<void> {
        const std::string resume = co_await message_of(throwing(false));
        CHECK(resume == "in await_resume");
        const std::string suspend = co_await message_of(throwing(true));
        CHECK(suspend == "in await_suspend");
        co_await sleep(10us);
    });
}

TEST_CASE("a foreign await is not cancelled but waited for; the cancellation is raised at the next await") {
    scripted_runner s;
    manual_event event;
    event.result = 4;
    std::optional<int> got;
    bool passed = false;
    auto body = [](manual_event& event, std::optional<int>& got, bool& passed) -> task<void> {
        got = co_await event;
        co_await yield();
        passed = true;
    };
    auto handle = s.runner.create_task(body(event, got, passed));
    s.turns(1);
    handle.cancel();
    s.turns(3);
    CHECK_FALSE(handle.done());
    s.loop().call_soon([&] { event.waiter.resume(); });
    s.turns(1);
    CHECK_FALSE(got.has_value());
    s.turns(3);
    CHECK(got == 4);
    CHECK(handle.cancelled());
    CHECK_FALSE(passed);
}

TEST_CASE("in a cancelled scope a foreign awaitable is not even asked") {
    scripted_runner s;
    s.run([]() -> task<void> {
        manual_event event;
        auto body = [](manual_event& event) -> task<void> { co_await event; };
        cancel_scope scope;
        scope.cancel();
        co_await scope.run(body(event));
        CHECK(scope.cancelled_caught());
        CHECK(event.waiter == nullptr);
    }());
}

namespace {

foreign_coroutine sleep_in_foreign(std::chrono::nanoseconds delay, int& steps) {
    ++steps;
    co_await sleep(delay);
    ++steps;
    co_await yield();
    ++steps;
}

foreign_coroutine operate_in_foreign(int number, std::int64_t& result) { result = co_await scripted_operation(number); }

foreign_coroutine join_in_foreign(task_handle<int>& handle, int& result) { result = co_await handle; }

foreign_coroutine sleep_until_in_foreign(time_point when) { co_await sleep_until(when); }

}  // namespace

TEST_CASE("coroutines of other libraries await sleep, yield, operations and handles") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        int steps = 0;
        const foreign_coroutine sleeper = sleep_in_foreign(1s, steps);
        CHECK(steps == 1);
        std::int64_t operated = 0;
        const foreign_coroutine operating = operate_in_foreign(1, operated);
        s.finish_after(2s, 1, 6);
        auto number = []() -> task<int> {
            co_await sleep(3s);
            co_return 12;
        };
        auto handle = create_task(number());
        int joined = 0;
        const foreign_coroutine joining = join_in_foreign(handle, joined);
        co_await sleep(4s);
        CHECK(sleeper.done());
        CHECK(steps == 3);
        CHECK(operating.done());
        CHECK(operated == 6);
        CHECK(joining.done());
        CHECK(joined == 12);
    }(s));
}

TEST_CASE("a foreign coroutine is not cancelled with the tasks around it") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        int steps = 0;
        auto body = [](int& steps) -> task<void> {
            const foreign_coroutine f = sleep_in_foreign(1s, steps);
            co_await sleep(24h);
        };
        cancel_scope scope(s.engine.clock() + 5s);
        co_await scope.run(body(steps));
        CHECK(steps == 3);
    }(s));
}

TEST_CASE("a foreign coroutine may be destroyed wherever it is suspended") {
    scripted_runner s;
    s.run([](scripted_runner& s) -> task<void> {
        int steps = 0;
        foreign_coroutine sleeper = sleep_in_foreign(1s, steps);
        CHECK(s.loop().core().timers.size() == 1);
        sleeper.destroy();
        CHECK(s.loop().core().timers.empty());

        foreign_coroutine yielding = sleep_in_foreign(0s, steps);
        co_await yield();
        co_await sleep(0s);
        yielding.destroy();

        std::int64_t operated = 0;
        foreign_coroutine operating = operate_in_foreign(1, operated);
        CHECK(s.engine.pending().size() == 1);
        operating.destroy();
        CHECK(s.engine.pending().empty());
        CHECK(s.engine.waits_for_cancel() == 1);

        foreign_coroutine finished = operate_in_foreign(2, operated);
        s.finish(2, 1);  // recorded, not resumed yet
        finished.destroy();
        CHECK(s.engine.waits_for_cancel() == 1);

        auto number = []() -> task<int> {
            co_await sleep(1s);
            co_return 12;
        };
        auto handle = create_task(number());
        int joined = 0;
        foreign_coroutine joining = join_in_foreign(handle, joined);
        joining.destroy();
        const int n = co_await handle;
        CHECK(n == 12);
        CHECK(joined == 0);
        CHECK(operated == 0);
    }(s));
}

namespace {

// Lets exceptions out to whoever resumes it.
class leaky {
public:
    struct promise_type {
        leaky get_return_object() { return leaky(std::coroutine_handle<promise_type>::from_promise(*this)); }
        std::suspend_never initial_suspend() const noexcept { return {}; }
        std::suspend_always final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        void unhandled_exception() const { throw; }
    };
    explicit leaky(std::coroutine_handle<promise_type> h) : frame_(h) {}
    leaky(const leaky&) = delete;
    leaky& operator=(const leaky&) = delete;
    ~leaky() { frame_.destroy(); }

private:
    std::coroutine_handle<promise_type> frame_;
};

leaky yield_and_throw() {
    co_await yield();
    throw std::runtime_error("escaped");
}

}  // namespace

TEST_CASE("what escapes from a foreign coroutine leaves the turn; the next turn runs the others, in order") {
    scripted_runner s;
    std::vector<int> order;
    std::unique_ptr<leaky> coroutine;
    s.loop().call_soon([&] {
        coroutine.reset(new leaky(yield_and_throw()));
        s.loop().call_soon([&] { order.push_back(1); });
    });
    s.turns(1);
    CHECK_THROWS_WITH_AS(s.turns(1), "escaped", std::runtime_error);
    s.loop().call_soon([&] { order.push_back(2); });
    CHECK(order.empty());
    s.turns(1);
    CHECK(order == std::vector{1, 2});
}

TEST_CASE("outside a loop a foreign coroutine that awaits gets an error") {
    const foreign_coroutine f = sleep_until_in_foreign(time_point::max());
    REQUIRE(f.done());
    std::error_code code;
    try {
        std::rethrow_exception(f.failure());
    } catch (const std::system_error& e) {
        code = e.code();
    }
    CHECK(code == errc::no_loop);
}
