// Tasks that wait for promises, cancelled at every suspension: the others have what was set, and so has the one itself
// once it asks again.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <libasync/sync/future.hpp>

#include <tests/support/cancel.hpp>
#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;
using async::future;
using async::promise;

namespace {

task<void> pause(int turns) {
    for (int i = 0; i < turns; ++i) co_await yield();
}

task<int> sum_of(future<int> a, future<int> b) {
    const int& first = co_await a;
    co_await b.wait();
    const int second = co_await future<int>(b);
    co_return first + second;
}

task<void> set_later(promise<int>& a, promise<int>& b) {
    co_await pause(3);
    a.set_value(1);
    co_await pause(3);
    b.set_value(2);
}

}  // namespace

TEST_CASE("future: whoever is cancelled misses nothing, and the others go on") {
    const auto scenario = [](cancel_subject& subject) -> task<void> {
        promise<int> a;
        promise<int> b;
        auto setter = create_task(set_later(a, b));
        auto other = create_task(sum_of(a.get_future(), b.get_future()));
        const auto ending = co_await subject.run(sum_of(a.get_future(), b.get_future()));
        must_not_fail(ending);
        const int of_other = co_await other;
        must(of_other == 3, "the other one is not disturbed");
        const int again = co_await sum_of(a.get_future(), b.get_future());
        must(again == 3, "the values are still there");
        co_await setter;
    };
    check_cancelled(cancel_everywhere(scenario, with_all_deliveries));
}

TEST_CASE("future: an exception that the cancelled one did not see is seen by the next") {
    const auto scenario = [](cancel_subject& subject) -> task<void> {
        promise<int> p;
        const auto f = p.get_future();
        auto fail = [](promise<int>& p) -> task<void> {
            co_await pause(3);
            p.set_exception(std::make_exception_ptr(std::runtime_error("it broke")));
        };
        auto setter = create_task(fail(p));
        const auto ending = co_await subject.run(message_of(f));
        must_not_fail(ending);
        const std::string told = co_await message_of(f);
        must(told == "it broke", "the exception is still there");
        co_await setter;
    };
    check_cancelled(cancel_everywhere(scenario, with_all_deliveries));
}

TEST_CASE("promise: who holds it is cancelled, and those who wait are told") {
    const auto scenario = [](cancel_subject& subject) -> task<void> {
        promise<int> p;
        const auto f = p.get_future();
        auto waiter = create_task(throws<broken_promise>(f));
        auto set = [](promise<int> p) -> task<void> {
            co_await pause(3);
            p.set_value(1);
        };
        const auto ending = co_await subject.run(set(std::move(p)));
        must_not_fail(ending);
        const bool broken = co_await waiter;
        must(broken != ending.completed(), "broken, unless it was set");
        must(f.done(), "it has come to an end");
    };
    check_cancelled(cancel_everywhere(scenario, with_all_deliveries));
}
