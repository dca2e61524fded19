#include <libasync/coro/to_thread.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include <doctest/doctest.h>

#include <libasync/coro/context_var.hpp>
#include <libasync/coro/race.hpp>
#include <libasync/coro/timeout.hpp>

#include <tests/support/expect.hpp>
#include <tests/support/foreign_coroutine.hpp>
#include <tests/support/scripted.hpp>
#include <tests/support/thread_gate.hpp>

using namespace async_tests;

namespace {

constexpr loop_options one_thread{.pool_threads = 1};

// As on_every_engine, with one thread for work.
template <class Body>
void with_one_thread(Body body) {
    {
        INFO("on the scripted engine");
        auto engine = std::make_unique<io::scripted_engine>();
        engine->set_pool_threads(1);
        runner r(std::move(engine), one_thread);
        r.run(body());
    }
    INFO("on the engine of the environment");
    async::run(body(), one_thread);
}

int add(int a, int b) { return a + b; }
std::size_t size_of(const std::string& s) { return s.size(); }
[[noreturn]] void fail() { throw std::invalid_argument("no"); }
std::unique_ptr<int> pass_on(std::unique_ptr<int> p) { return p; }
int& same(int& n) { return n; }

task<void> settle() {
    for (int i = 0; i < 6; ++i) co_await yield();
}

task<int> hold_up(held_up& h) { co_return co_await to_thread(std::ref(h)); }
task<int> hold_up_loosely(held_up& h) { co_return co_await to_thread(abandon_on_cancel, std::ref(h)); }

void set_flag(bool* flag) { *flag = true; }

}  // namespace

TEST_CASE("a function is called in another thread, and gives its result") {
    on_every_engine([]() -> task<void> {
        const int sum = co_await to_thread(add, 2, 3);
        CHECK(sum == 5);
        const std::size_t size = co_await to_thread(size_of, "four");
        CHECK(size == 4);
        const std::thread::id here = co_await to_thread([] { return std::this_thread::get_id(); });
        CHECK(here != std::this_thread::get_id());
        const int loose = co_await to_thread(abandon_on_cancel, add, 2, 3);
        CHECK(loose == 5);
    });
}

TEST_CASE("nothing, references, what can only be moved, and members travel too") {
    on_every_engine([]() -> task<void> {
        bool called = false;
        co_await to_thread(set_flag, &called);
        CHECK(called);
        co_await to_thread(abandon_on_cancel, set_flag, &called);
        int n = 3;
        int& same_n = co_await to_thread(same, std::ref(n));
        CHECK(&same_n == &n);
        int& loose_n = co_await to_thread(abandon_on_cancel, same, std::ref(n));
        CHECK(&loose_n == &n);
        auto p = std::make_unique<int>(7);
        p = co_await to_thread(pass_on, std::move(p));
        CHECK(*p == 7);
        p = co_await to_thread(abandon_on_cancel, pass_on, std::move(p));
        CHECK(*p == 7);
        const std::string text = "text";
        const std::size_t size = co_await to_thread(&std::string::size, text);
        CHECK(size == 4);
    });
}

TEST_CASE("what the function throws is thrown") {
    on_every_engine([]() -> task<void> {
        const std::string message = co_await message_of(to_thread(fail));
        CHECK(message == "no");
        const std::string loose = co_await message_of(to_thread(abandon_on_cancel, fail));
        CHECK(loose == "no");
    });
}

TEST_CASE("function and arguments are copied at the call, and die with the await") {
    counted::reset();
    on_every_engine([]() -> task<void> {
        std::string text = "before";
        auto call = to_thread(size_of, text);
        text = "after it";
        const std::size_t size = co_await std::move(call);
        CHECK(size == 6);
        const counted object(1);
        auto read = [](const counted& c) { return c.value; };
        const int value = co_await to_thread(read, object);
        CHECK(value == 1);
        CHECK(counted::alive() == 1);
        const int loose = co_await to_thread(abandon_on_cancel, read, object);
        CHECK(loose == 1);
        CHECK(counted::alive() == 1);
        static_cast<void>(to_thread(read, object));
        CHECK(counted::alive() == 1);
    });
    CHECK(counted::alive() == 0);
}

TEST_CASE("a closure that owns something has a name") {
    on_every_engine([]() -> task<void> {
        const std::string text = "captured";
        auto size = [text] { return text.size(); };
        const std::size_t here = co_await to_thread(size);
        CHECK(here == 8);
        CHECK(text.size() == 8);
    });
}

TEST_CASE("it may be combined like any other operation") {
    on_every_engine([]() -> task<void> {
        auto [a, b] = co_await gather(to_thread(add, 1, 2), to_thread(abandon_on_cancel, size_of, "three"));
        CHECK(a == 3);
        CHECK(b == 5);
        const int sum = co_await timeout(1h, to_thread(add, 3, 4));
        CHECK(sum == 7);
        const auto first = co_await race(to_thread(add, 3, 4), sleep(1h));
        CHECK(std::get<0>(first) == 7);
    });
}

TEST_CASE("in a cancelled scope the function is not called") {
    on_every_engine([]() -> task<void> {
        bool called = false;
        cancel_scope scope;
        auto part = [](bool* called) -> task<void> { co_await to_thread(set_flag, called); };
        auto loose = [](bool* called) -> task<void> { co_await to_thread(abandon_on_cancel, set_flag, called); };
        auto both = [&](bool* called) -> task<void> {
            scope.cancel();
            try {
                co_await part(called);
            } catch (const cancelled&) {
            }
            co_await loose(called);
        };
        co_await scope.run(both(&called));
        CHECK(scope.cancelled_caught());
        CHECK_FALSE(called);
    });
}

TEST_CASE("what is still in the queue is taken out when it is cancelled") {
    with_one_thread([]() -> task<void> {
        held_up first, second, third;
        auto runs = create_task(hold_up(first));
        co_await first.begun.opened();
        auto waits = create_task(hold_up(second));
        auto waits_loosely = create_task(hold_up_loosely(third));
        co_await settle();
        waits.cancel();
        waits_loosely.cancel();
        co_await gather(waits.wait(), waits_loosely.wait());
        CHECK(waits.cancelled());
        CHECK(waits_loosely.cancelled());
        first.release.open();
        const int result = co_await runs;
        CHECK(result == 5);
        CHECK_FALSE(second.begun.is_open());
        CHECK_FALSE(third.begun.is_open());
    });
}

TEST_CASE("what runs is waited for when it is cancelled, and gives its result") {
    on_every_engine([]() -> task<void> {
        held_up h;
        cancel_scope scope;
        int got = 0;
        auto part = [](held_up& h, int& got) -> task<void> {
            got = co_await to_thread(std::ref(h));
            co_await yield();
        };
        auto outer = [&]() -> task<void> { co_await scope.run(part(h, got)); };
        auto handle = create_task(outer());
        co_await h.begun.opened();
        scope.cancel();
        co_await settle();
        CHECK_FALSE(handle.done());
        h.release.open();
        co_await handle;
        CHECK(got == 5);
        CHECK(scope.cancelled_caught());
    });
}

TEST_CASE("who loses a race does not wait for what may be abandoned") {
    on_every_engine([]() -> task<void> {
        held_up loose;
        auto until_begun = [](held_up& h) -> task<void> { co_await h.begun.opened(); };
        const auto first = co_await race(to_thread(abandon_on_cancel, std::ref(loose)), until_begun(loose));
        CHECK(first.index() == 1);
        CHECK_FALSE(loose.ended.is_open());
        loose.release.open();
        co_await loose.ended.opened();
    });
}

TEST_CASE("what is abandoned goes on, and what it gives is dropped") {
    on_every_engine([]() -> task<void> {
        const report_recorder recorder(this_loop());
        held_up gives, fails;
        auto give = [](held_up& h, std::shared_ptr<int> p) {
            h();
            return p;
        };
        auto fail_late = [](held_up& h) {
            h();
            throw std::runtime_error("late");
        };
        const auto object = std::make_shared<int>(1);
        auto giving = [&]() -> task<void> { co_await to_thread(abandon_on_cancel, give, std::ref(gives), object); };
        auto failing = [&]() -> task<void> { co_await to_thread(abandon_on_cancel, fail_late, std::ref(fails)); };
        auto a = create_task(giving());
        auto b = create_task(failing());
        co_await gives.begun.opened();
        co_await fails.begun.opened();
        a.cancel();
        b.cancel();
        co_await gather(a.wait(), b.wait());
        CHECK(a.cancelled());
        CHECK(b.cancelled());
        CHECK_FALSE(gives.ended.is_open());
        CHECK(object.use_count() == 2);
        gives.release.open();
        fails.release.open();
        while (object.use_count() != 1) co_await yield();
        auto& tasks = *this_loop().core().tasks;
        while (tasks.all.after(tasks.all.first()) != nullptr) co_await yield();
        CHECK(fails.ended.is_open());
        CHECK(recorder.reports.empty());
    });
}

TEST_CASE("the end of run waits for what was abandoned") {
    held_up h;
    bool at_end = false;
    auto main = [](held_up& h, bool& at_end) -> task<void> {
        auto handle = create_task(hold_up_loosely(h));
        co_await h.begun.opened();
        handle.cancel();
        co_await handle.wait();
        this_loop().call_soon([&h, &at_end] {
            at_end = !h.ended.is_open();
            h.release.open();
        });
    };
    async::run(main(h, at_end));
    CHECK(at_end);
    CHECK(h.ended.is_open());
}

TEST_CASE("a loop that ends waits for what runs, abandoned or not") {
    held_up strict, loose;
    {
        runner r;
        r.create_task(hold_up(strict));
        r.create_task(hold_up_loosely(loose));
        while (!strict.begun.is_open() || !loose.begun.is_open()) r.turn(turn::no_wait);
        r.loop().call_soon([&] {
            strict.release.open();
            loose.release.open();
        });
    }
    CHECK(strict.ended.is_open());
    CHECK(loose.ended.is_open());
}

TEST_CASE("a shielded await in a loop that ends has its work done") {
    with_one_thread([]() -> task<void> {
        auto stubborn = [](bool& done) -> task<void> {
            cancel_scope scope(time_point::max(), shielding::shielded);
            auto part = [](bool& done) -> task<void> { co_await to_thread(abandon_on_cancel, set_flag, &done); };
            co_await scope.run(part(done));
        };
        static bool done;
        done = false;
        auto handle = create_task(stubborn(done));
        co_await yield();
        handle.cancel();
        co_await handle.wait();
        CHECK(done);
    });
}

TEST_CASE("the function sees the context variables of its task, and changes none of them") {
    static const context_var<std::string> name{"name"};
    on_every_engine([]() -> task<void> {
        auto look = [] {
            const std::string before = name.get_or("-");
            static_cast<void>(name.set("thread"));
            return before + name.get();
        };
        const std::string none = co_await to_thread(look);
        CHECK(none == "-thread");
        static_cast<void>(name.set("task"));
        const std::string seen = co_await to_thread(look);
        CHECK(seen == "taskthread");
        const std::string loose = co_await to_thread(abandon_on_cancel, look);
        CHECK(loose == "taskthread");
        CHECK(name.get() == "task");
    });
}

TEST_CASE("it may be awaited in a coroutine that is no task") {
    scripted_runner s;
    int got = 0;
    auto foreign = [](int& got) -> foreign_coroutine {
        const int a = co_await to_thread(add, 1, 2);
        const int b = co_await to_thread(abandon_on_cancel, add, 3, 4);
        got = a + b;
    };
    std::optional<foreign_coroutine> started;
    s.loop().call_soon([&] { started.emplace(foreign(got)); });
    while (got == 0) s.runner.turn(turn::wait);
    CHECK(got == 10);
}
