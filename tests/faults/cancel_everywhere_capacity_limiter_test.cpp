// Borrowers of a capacity limiter, cancelled at every suspension: all tokens come back, and nobody is left in its table.
#include <doctest/doctest.h>

#include <vector>

#include <libasync/sync/capacity_limiter.hpp>

#include <tests/support/cancel.hpp>
#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

task<void> borrow(capacity_limiter& limiter, std::size_t& most) {
    for (int i = 0; i < 3; ++i) {
        const auto token = co_await limiter.scoped();
        most = std::max(most, limiter.borrowed_tokens());
        co_await yield();
    }
}

task<void> borrow_for(capacity_limiter& limiter, const int& object) {
    for (int i = 0; i < 3; ++i) {
        const auto token = co_await limiter.scoped_on_behalf_of(&object);
        co_await yield();
    }
}

}  // namespace

TEST_CASE("capacity limiter: all tokens come back") {
    const auto scenario = [](cancel_subject& subject) -> task<void> {
        capacity_limiter limiter(2);
        std::size_t most = 0;
        auto a = create_task(borrow(limiter, most));
        auto b = create_task(borrow(limiter, most));
        must_not_fail(co_await subject.run(borrow(limiter, most)));
        co_await gather(a.wait(), b.wait());
        must(most == 2, "as many are out as there are");
        must(limiter.available_tokens() == 2, "all are back");
        must(limiter.tasks_waiting() == 0, "nobody waits");
    };
    check_cancelled(cancel_everywhere(scenario, with_all_deliveries));
}

TEST_CASE("capacity limiter: an object whose borrower was cancelled may borrow again at once") {
    const auto scenario = [](cancel_subject& subject) -> task<void> {
        capacity_limiter limiter(1);
        const int contested = 0;
        const int other = 1;
        auto a = create_task(borrow_for(limiter, other));
        const auto ending = co_await subject.run(borrow_for(limiter, contested));
        must_not_fail(ending);
        co_await borrow_for(limiter, contested);
        co_await a;
        must(limiter.available_tokens() == 1, "all are back");
    };
    check_cancelled(cancel_everywhere(scenario, with_all_deliveries));
}

TEST_CASE("capacity limiter: tokens that are added reach those who are left") {
    const auto scenario = [](cancel_subject& subject) -> task<void> {
        capacity_limiter limiter(0);
        std::size_t most = 0;
        auto grow = [](capacity_limiter& limiter) -> task<void> {
            for (int i = 0; i < 4; ++i) co_await yield();
            limiter.set_total_tokens(1);
        };
        auto other = create_task(borrow(limiter, most));
        auto grower = create_task(grow(limiter));
        must_not_fail(co_await subject.run(borrow(limiter, most)));
        co_await gather(other.wait(), grower.wait());
        other.result();
        must(limiter.available_tokens() == 1, "all are back");
    };
    check_cancelled(cancel_everywhere(scenario, with_all_deliveries));
}
