// However long a row of awaits, however deep a chain of tasks, however many stand side by side: the stack stays small,
// on every compiler, optimised or not.
#include <doctest/doctest.h>

#include <utility>
#include <vector>

#include <libasync/async.hpp>

#include <tests/support/scripted.hpp>
#include <tests/support/stack_use.hpp>

using namespace async_tests;

namespace {

constexpr std::size_t allowed = 64 * 1024;
// A million. Sanitizers make steps slow, and those that throw slower still: there fewer do, which still shows a growth
// of one byte, or of seven.
constexpr int many = LIBASYNC_SANITIZED ? 100'000 : 1'000'000;
constexpr int many_throwing = LIBASYNC_SANITIZED ? 10'000 : 1'000'000;

// What the work itself checks is kept, since it runs on a thread of its own.
void check_stack_use(int count, const std::function<bool()>& work, std::size_t limit = allowed) {
    bool right = false;
    const std::size_t used = stack_use_of([&] { right = work(); });
    MESSAGE(count << " steps used " << used / 1024 << " KiB of stack");
    CHECK(right);
    CHECK(used > 0);
    CHECK(used <= limit);
}

// A frame of at least 128 bytes: which of them is used is known at run time only.
int recurse(int n) {
    volatile char space[128];
    space[n % 128] = static_cast<char>(n);
    note_stack();
    const int below = n == 0 ? 1 : recurse(n - 1);
    return below + space[n % 128];  // read after the call, which is thus no loop in disguise
}

struct note_at_end {
    ~note_at_end() { note_stack(); }
};

task<int> one() {
    note_stack();
    co_return 1;
}

enum class bottom { value, exception, suspends, cancelled };

struct broke {};

task<int> descend(int n, bottom what) {
    note_stack();
    if (n != 0) {
        const int below = co_await descend(n - 1, what);
        co_return below + 1;
    }
    switch (what) {
        case bottom::value: break;
        case bottom::exception: throw broke();
        case bottom::suspends: co_await yield(); break;
        case bottom::cancelled: co_await sleep(24h); break;
    }
    co_return 0;
}

}  // namespace

TEST_CASE("the measure of stack use sees a recursion") {
    int sum = 0;
    const std::size_t used = stack_use_of([&] { sum = recurse(4'000); });
    CHECK(sum != 0);
    CHECK(used > allowed);
}

TEST_CASE("a million awaits in a row that finish at once") {
    check_stack_use(many, [] {
        scripted_runner s;
        auto body = []() -> task<int> {
            int sum = 0;
            for (int i = 0; i < many; ++i) sum += co_await one();
            co_return sum;
        };
        return s.run(body()) == many;
    });
}

TEST_CASE("a million operations in a row that the engine does in place") {
    check_stack_use(many, [] {
        scripted_runner s;
        s.engine.on_start = [](io::operation& op) {
            note_stack();
            op.result = 1;
            return true;
        };
        auto body = []() -> task<std::int64_t> {
            std::int64_t sum = 0;
            for (int i = 0; i < many; ++i) sum += co_await scripted_operation(i);
            co_return sum;
        };
        return s.run(body()) == many;
    });
}

TEST_CASE("a million awaits in a row that suspend") {
    check_stack_use(many, [] {
        scripted_runner s;
        auto body = []() -> task<int> {
            int sum = 0;
            for (int i = 0; i < many; ++i) sum += co_await descend(1, bottom::suspends);
            co_return sum;
        };
        return s.run(body()) == many;
    });
}

TEST_CASE("a chain a million deep that ends with a value, suspended at its end or not") {
    for (const bottom what : {bottom::value, bottom::suspends}) {
        check_stack_use(many, [what] {
            scripted_runner s;
            return s.run(descend(many, what)) == many;
        });
    }
}

TEST_CASE("a chain a million deep that ends with an exception") {
    check_stack_use(many_throwing, [] {
        scripted_runner s;
        try {
            s.run(descend(many_throwing, bottom::exception));
        } catch (const broke&) {
            return true;
        }
        return false;
    });
}

TEST_CASE("a chain a million deep that is cancelled") {
    check_stack_use(many_throwing, [] {
        scripted_runner s;
        auto handle = s.runner.create_task(descend(many_throwing, bottom::cancelled));
        s.turns(1);
        handle.cancel();
        while (!handle.done()) s.turns(1);
        return handle.cancelled();
    });
}

TEST_CASE("a suspended chain a million deep that is dropped with its runner") {
    check_stack_use(many_throwing, [] {
        task_handle<int> handle;
        {
            scripted_runner s;
            handle = s.runner.create_task(descend(many_throwing, bottom::cancelled));
            s.turns(1);
        }
        return handle.cancelled();
    });
}

TEST_CASE("a suspended chain a million deep whose frames are destroyed") {
    check_stack_use(many, [] {
        scripted_runner s;
        detail::scope scope;
        detail::task_context context;
        context.loop = &s.loop().core();
        context.current_scope = &scope;
        detail::promise_base& outermost = descend(many, bottom::cancelled).release().promise();
        outermost.context = &context;
        outermost.state = detail::task_state::spawned;
        s.loop().call_soon([&] { s.loop().core().resume(outermost.self); });
        s.turns(1);
        const bool suspended = s.loop().core().timers.size() == 1;
        detail::destroy_chain(outermost);
        return suspended && s.loop().core().timers.empty();
    });
}

TEST_CASE("a million suspended tasks side by side that are dropped with their runner") {
    check_stack_use(many_throwing, [] {
        int ended = 0;
        {
            scripted_runner s;
            auto body = [](int& ended) -> task<void> {
                try {
                    co_await sleep(24h);
                } catch (const cancelled&) {
                    note_stack();
                    ++ended;
                    throw;
                }
            };
            for (int i = 0; i < many_throwing; ++i) s.runner.create_task(body(ended));
            s.turns(1);
            if (std::cmp_not_equal(s.loop().core().timers.size(), many_throwing)) return false;
        }
        return ended == many_throwing;
    });
}

TEST_CASE("a million tasks, each of which joins the one before, that are cancelled from the end") {
    check_stack_use(many_throwing, [] {
        scripted_runner s;
        auto sleeper = []() -> task<void> { co_await sleep(24h); };
        auto joiner = [](task_handle<void> before) -> task<void> {
            const note_at_end end;
            co_await before;
        };
        task_handle<void> last = s.runner.create_task(sleeper());
        for (int i = 1; i < many_throwing; ++i) last = s.runner.create_task(joiner(std::move(last)));
        s.turns(1);
        last.cancel();
        while (!last.done()) s.turns(1);
        return last.cancelled();
    });
}

TEST_CASE("a million tasks, each of which creates and joins the next, that are dropped with their runner") {
    check_stack_use(many_throwing, [] {
        task_handle<void> outermost;
        {
            scripted_runner s;
            auto nest = [](auto& self, int n) -> task<void> {
                const note_at_end end;
                if (n == 0) {
                    co_await sleep(24h);
                } else {
                    co_await create_task(self(self, n - 1));
                }
            };
            outermost = s.runner.create_task(nest(nest, many_throwing));
            while (s.loop().core().timers.empty()) s.turns(1);
        }
        return outermost.cancelled();
    });
}

TEST_CASE("a hundred thousand cancel scopes, one inside another, whose outermost is cancelled") {
    constexpr int deep = 100'000;
    check_stack_use(deep, [] {
        scripted_runner s;
        auto nest = [](auto& self, int n) -> task<void> {
            note_stack();
            if (n == 0) {
                co_await sleep(24h);
                co_return;
            }
            cancel_scope scope;
            co_await scope.run(self(self, n - 1));
        };
        cancel_scope outermost;
        s.loop().call_later(1s, [&] { outermost.cancel(); });
        const auto got = s.run(outermost.run(nest(nest, deep)));
        return !got.has_value() && outermost.cancelled_caught();
    });
}

namespace {

generator<int> count_to(int n, bool waits) {
    for (int i = 1; i <= n; ++i) {
        note_stack();
        if (waits) co_await yield();
        co_yield i;
    }
}

// Gives `items` items through so many generators, each of which asks the next; then it ends, in one of the ways.
generator<int> relay(int levels, int items, bottom what) {
    note_stack();
    if (levels != 0) {
        auto gen = relay(levels - 1, items, what);
        while (auto n = co_await gen.next()) co_yield *n;
        co_return;
    }
    for (int i = 1; i <= items; ++i) {
        if (what == bottom::suspends) co_await yield();
        co_yield i;
    }
    if (what == bottom::exception) throw broke();
    if (what == bottom::cancelled) co_await sleep(24h);
}

task<int> last_of(generator<int> gen) {
    int last = 0;
    while (auto n = co_await gen.next()) last = *n;
    co_return last;
}

}  // namespace

TEST_CASE("a million items of a generator in a row, which are there at once or waited for") {
    for (const bool waits : {false, true}) {
        check_stack_use(many, [waits] {
            scripted_runner s;
            return s.run(last_of(count_to(many, waits))) == many;
        });
    }
}

TEST_CASE("a million generators in a row, which are closed after their first item") {
    check_stack_use(many_throwing, [] {
        scripted_runner s;
        auto body = []() -> task<int> {
            int sum = 0;
            for (int i = 0; i < many_throwing; ++i) {
                auto gen = count_to(2, false);
                sum += (co_await gen.next()).value_or(0);
                co_await gen.close();
            }
            co_return sum;
        };
        return s.run(body()) == many_throwing;
    });
}

TEST_CASE("items through a thousand generators, which are there at once or waited for") {
    for (const bottom what : {bottom::value, bottom::suspends}) {
        check_stack_use(1000 * 1000, [what] {
            scripted_runner s;
            return s.run(last_of(relay(1000, 1000, what))) == 1000;
        });
    }
}

TEST_CASE("generators a hundred thousand deep that end, with an exception or not, or are cancelled") {
    constexpr int deep = 100'000;
    for (const bottom what : {bottom::value, bottom::suspends}) {
        check_stack_use(deep, [what] {
            scripted_runner s;
            return s.run(last_of(relay(deep, 3, what))) == 3;
        });
    }
    constexpr int deep_throwing = LIBASYNC_SANITIZED ? 10'000 : deep;
    check_stack_use(deep_throwing, [] {
        scripted_runner s;
        try {
            s.run(last_of(relay(deep_throwing, 3, bottom::exception)));
        } catch (const broke&) {
            return true;
        }
        return false;
    });
    check_stack_use(deep_throwing, [] {
        scripted_runner s;
        auto handle = s.runner.create_task(last_of(relay(deep_throwing, 1, bottom::cancelled)));
        while (s.loop().core().timers.empty()) s.turns(1);
        handle.cancel();
        while (!handle.done()) s.turns(1);
        return handle.cancelled();
    });
}

TEST_CASE("generators that hold each other are dropped as nested objects are: each takes a little of the stack") {
    constexpr int deep = 1'000;
    // Measured: 528 bytes for each with clang at -O0, 430 with g++.
    constexpr std::size_t for_each = LIBASYNC_SANITIZED ? 2048 : 640;
    const auto work = [] {
        scripted_runner s;
        auto body = []() -> task<bool> {
            auto gen = relay(deep, 3, bottom::value);
            const auto first = co_await gen.next();
            co_return first == 1;
        };
        return s.run(body());
    };
    check_stack_use(deep, work, allowed + deep * for_each);
}
