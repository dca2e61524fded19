// What allocates nothing once the free lists are warm: yield, await, sleep, create_task and join.
#include <libasync/config.hpp>

#if !LIBASYNC_SANITIZED

#include <doctest/doctest.h>

#include <libasync/testing/allocations.hpp>
#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;
using async::testing::allocations;

namespace {

task<int> number(int n) { co_return n; }

task<int> number_later(int n) {
    co_await yield();
    co_return n;
}

task<int> nested(int depth) {
    if (depth == 0) co_return co_await number_later(1);
    co_return co_await nested(depth - 1) + 1;
}

// Allocations of a thousand rounds, after a hundred to warm up.
template <class Round>
task<std::uint64_t> count_allocations(Round round) {
    for (int i = 0; i < 100; ++i) co_await round();
    const std::uint64_t before = allocations();
    for (int i = 0; i < 1000; ++i) co_await round();
    co_return allocations() - before;
}

// On both engines, by the name of what is counted.
template <class Round>
void check_no_allocations(const char* what, Round round) {
    CAPTURE(what);
    {
        scripted_runner s;
        CHECK(s.run(count_allocations(round)) == 0);
    }
    CHECK(async::run(count_allocations(round)) == 0);
}

}  // namespace

TEST_CASE("the counter counts") {
    const std::uint64_t before = allocations();
    ::operator delete(::operator new(1));  // unlike those of an expression, no compiler may leave these calls out
    CHECK(allocations() == before + 1);
}

TEST_CASE("yield, await, sleep, create_task and join allocate nothing") {
    check_no_allocations("yield", []() -> task<void> { co_await yield(); });
    check_no_allocations("await of a task that finishes at once", []() -> task<void> {
        const int n = co_await number(1);
        CHECK(n == 1);
    });
    check_no_allocations("await of a task that suspends", []() -> task<void> {
        const int n = co_await number_later(1);
        CHECK(n == 1);
    });
    check_no_allocations("await of a deep chain", []() -> task<void> {
        const int n = co_await nested(100);
        CHECK(n == 101);
    });
    check_no_allocations("sleep", []() -> task<void> { co_await sleep(1us); });
    check_no_allocations("create_task and join", []() -> task<void> {
        auto handle = create_task(number_later(2));
        const int n = co_await handle;
        CHECK(n == 2);
    });
    check_no_allocations("create_task and drop", []() -> task<void> {
        create_task(number(2));
        co_await yield();
    });
    check_no_allocations("timeout", []() -> task<void> {
        const int n = co_await timeout(1s, number_later(3));
        CHECK(n == 3);
    });
    check_no_allocations("gather", []() -> task<void> {
        auto [a, b] = co_await gather(number_later(1), number(2));
        CHECK(a + b == 3);
    });
}

TEST_CASE("an operation of the engine allocates nothing above it") {
    scripted_runner s;
    s.engine.on_start = [](io::operation&) { return true; };
    auto round = []() -> task<void> { co_await scripted_operation(1); };
    CHECK(s.run(count_allocations(round)) == 0);
}

TEST_CASE("a cancellation allocates nothing of its own") {
    scripted_runner s;
    auto round = []() -> task<void> {
        auto sleeper = []() -> task<void> { co_await sleep(24h); };
        auto handle = create_task(sleeper());
        co_await yield();
        handle.cancel();
        co_await handle.wait();
    };
    CHECK(s.run(count_allocations(round)) == 0);
}

#else

#include <doctest/doctest.h>

TEST_CASE("allocations are not counted under a sanitizer") { MESSAGE("skipped: frames are not kept for reuse"); }

#endif
