// loop::post: calls from other threads.
#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

#include <libasync/loop/loop.hpp>

#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

TEST_CASE("posts of many threads all arrive, those of one thread in order, and wake the loop") {
    constexpr int threads = 8;
    constexpr int posts = 2000;
    runner r;
    std::vector<int> next(threads, 0);
    int arrived = 0;
    bool in_order = true;
    std::vector<std::thread> posters;
    for (int t = 0; t < threads; ++t) {
        posters.emplace_back([&, t] {
            for (int i = 0; i < posts; ++i) {
                r.loop().post([&, t, i] {
                    in_order = in_order && next[static_cast<std::size_t>(t)]++ == i;
                    ++arrived;
                });
            }
        });
    }
    while (arrived < threads * posts) r.turn(turn::wait);
    for (std::thread& thread : posters) thread.join();
    CHECK(in_order);
    CHECK(arrived == threads * posts);
}

TEST_CASE("a post wakes a loop that sleeps without any timer") {
    runner r;
    for (int i = 0; i < 50; ++i) {
        std::atomic<bool> called = false;
        std::thread poster([&] {
            if (i % 2 == 0) std::this_thread::yield();
            r.loop().post([&] { called = true; });
        });
        while (!called) r.turn(turn::wait);
        poster.join();
    }
}

TEST_CASE("a post from the loop's own thread is taken in a later turn") {
    scripted_runner s;
    int calls = 0;
    s.loop().call_soon([&] {
        s.loop().post([&] { ++calls; });
        CHECK(calls == 0);
    });
    s.turns(1);
    CHECK(calls == 0);
    s.turns(1);
    CHECK(calls == 1);
}

namespace {

// Posts when it is destroyed, and keeps what came of it.
struct posts_at_the_end {
    async::loop* loop;
    std::error_code* outcome;
    bool armed = true;

    posts_at_the_end(async::loop* l, std::error_code* o) : loop(l), outcome(o) {}
    posts_at_the_end(posts_at_the_end&& other) noexcept
        : loop(other.loop),
          outcome(other.outcome),
          armed(std::exchange(other.armed, false)) {}
    ~posts_at_the_end() {
        if (!armed) return;
        try {
            loop->post([] {});
        } catch (const std::system_error& e) {
            *outcome = e.code();
        }
    }
};

}  // namespace

TEST_CASE("a post to a loop that has closed fails") {
    std::error_code outcome;
    {
        runner r;
        r.loop().call_later(1h, [p = posts_at_the_end(&r.loop(), &outcome)] { static_cast<void>(p); });
    }
    CHECK(outcome == errc::closed);
}

TEST_CASE("what was posted and never ran is destroyed with its loop") {
    counted::reset();
    {
        runner r;
        r.loop().post([c = counted(1)] { static_cast<void>(c); });
        r.loop().call_soon([c = counted(1)] { static_cast<void>(c); });
        CHECK(counted::alive() == 2);
    }
    CHECK(counted::alive() == 0);
}
