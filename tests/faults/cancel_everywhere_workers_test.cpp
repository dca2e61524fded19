// What is submitted to another loop, cancelled at every suspension: no task is left there, and no result is lost.
#include <doctest/doctest.h>

#include <atomic>

#include <tests/support/cancel.hpp>
#include <tests/support/other_loop.hpp>
#include <tests/support/scripted.hpp>
#include <tests/support/system.hpp>

using namespace async_tests;

namespace {

// How many run at this moment, on the other loop.
std::atomic<int> running{0};

struct runs {
    runs() { ++running; }
    runs(const runs&) = delete;
    runs& operator=(const runs&) = delete;
    ~runs() { --running; }
};

task<int> work(int n) {
    const runs here;
    co_await yield();
    co_await sleep(100us);
    co_return n;
}

task<int> submit_twice(loop& other) {
    const int first = co_await other.submit(work(1));
    const int second = co_await other.submit(work(2));
    co_return first + second;
}

task<void> nothing() { co_return; }

}  // namespace

TEST_CASE("a submission that is cancelled anywhere leaves no task behind") {
    other_loop other;
    const auto scenario = [&other](cancel_subject& subject) -> task<void> {
        const outside_work at_work(this_engine());
        auto ending = co_await subject.run(submit_twice(*other));
        must_not_fail(ending);
        must(!ending.completed() || ending.value() == 3, "the results are right");
        if (!ending.destroyed()) must(running == 0, "who was waited for has ended");
        while (running != 0) co_await other->submit(nothing());
    };
    check_cancelled(cancel_everywhere(scenario));
    CHECK(running == 0);
}
