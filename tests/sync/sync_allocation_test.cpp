// Waiting for locks, events, semaphores and channels, and for one of them, allocates nothing.
#include <libasync/config.hpp>

#if !LIBASYNC_SANITIZED

#include <doctest/doctest.h>

#include <libasync/testing/allocations.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;
using async::testing::allocations;

namespace {

constexpr int rounds = 1000;
constexpr int to_warm_up = 100;

// Allocations of `rounds` rounds of both tasks, which wait for each other in each.
template <class One, class Other>
void check_no_allocations(const char* what, One one, Other other) {
    CAPTURE(what);
    const auto count = [one, other]() -> task<std::uint64_t> {
        std::uint64_t before = 0;
        auto repeat = [](auto round, std::uint64_t* warm) -> task<void> {
            for (int i = 0; i < to_warm_up + rounds; ++i) {
                if (warm && i == to_warm_up) *warm = allocations();
                co_await round();
            }
        };
        auto partner = create_task(repeat(other, nullptr));
        co_await repeat(one, &before);
        const std::uint64_t after = allocations();
        co_await partner;
        co_return after - before;
    };
    {
        scripted_runner s;
        CHECK(s.run(count()) == 0);
    }
    CHECK(async::run(count()) == 0);
}

}  // namespace

TEST_CASE("a lock that two tasks want, a semaphore, and an event") {
    lock door;
    const auto hold = [&door]() -> task<void> {
        const auto guard = co_await door.scoped();
        co_await yield();
    };
    check_no_allocations("lock", hold, hold);

    semaphore permits(0);
    check_no_allocations("semaphore", [&permits]() -> task<void> { co_await permits.acquire(); },
                         [&permits]() -> task<void> {
                             permits.release();
                             co_await yield();
                         });

    event there;
    event back;
    check_no_allocations("event",
                         [&]() -> task<void> {
                             there.set();
                             co_await back.wait();
                             back.clear();
                         },
                         [&]() -> task<void> {
                             co_await there.wait();
                             there.clear();
                             back.set();
                         });
}

TEST_CASE("channels of no place, and of some") {
    for (const std::size_t capacity : {0u, 1u, 10u}) {
        channel<int> there(capacity);
        channel<int> back(capacity);
        check_no_allocations("channel",
                             [&]() -> task<void> {
                                 co_await there.sender.send(1);
                                 static_cast<void>(co_await back.receiver.receive());
                             },
                             [&]() -> task<void> {
                                 static_cast<void>(co_await there.receiver.receive());
                                 co_await back.sender.send(2);
                             });
    }
}

TEST_CASE("a selection of what another task sends") {
    channel<int> c(0);
    event never;
    check_no_allocations("select",
                         [&]() -> task<void> {
                             static_cast<void>(co_await select(never.wait(), c.receiver.receive(), sleep(1h)));
                         },
                         [&]() -> task<void> { co_await c.sender.send(1); });
}

#else

#include <doctest/doctest.h>

TEST_CASE("allocations of locks, events and channels are not counted under a sanitizer") {
    MESSAGE("skipped: frames are not kept for reuse");
}

#endif
