// Memory runs out while tokens are borrowed: no token is lost, whoever could not be noted.
#include <libasync/testing/allocation_failure.hpp>

#include <doctest/doctest.h>

#include <vector>

#include <libasync/async.hpp>
#include <libasync/sync/capacity_limiter.hpp>

#include <tests/support/allocation_failure.hpp>

using namespace async_tests;

TEST_CASE("without memory a token is lent or not, and those that are lent come back") {
    survives([]() -> task<void> {
        capacity_limiter limiter(3);
        auto borrow = [](capacity_limiter& limiter) -> task<void> {
            const auto token = co_await limiter.scoped();
            co_await yield();
        };
        std::vector<task_handle<void>> borrowers;
        std::exception_ptr failure;
        try {
            borrowers.reserve(40);
            for (int i = 0; i < 40; ++i) borrowers.push_back(create_task(borrow(limiter)));
        } catch (...) {
            failure = std::current_exception();
        }
        for (auto& b : borrowers) {
            co_await b.wait();
            if (auto e = b.exception()) failure = e;
        }
        must_hold(limiter.available_tokens() == 3 && limiter.tasks_waiting() == 0, "all tokens are back");
        if (failure) std::rethrow_exception(failure);
    });
}

TEST_CASE("without memory tokens for objects are lent or not") {
    survives([]() -> task<void> {
        capacity_limiter limiter(capacity_limiter::unlimited);
        const std::vector<int> objects(20);
        std::size_t lent = 0;
        try {
            for (const int& o : objects) {
                if (lent % 2 == 0) {
                    co_await limiter.acquire_on_behalf_of(&o);
                } else {
                    must_hold(limiter.try_acquire_on_behalf_of(&o), "there is no limit");
                }
                ++lent;
            }
        } catch (const std::bad_alloc&) {
        }
        must_hold(limiter.borrowed_tokens() == lent, "those that were had are counted, no others");
        for (std::size_t i = 0; i < lent; ++i) limiter.release_on_behalf_of(&objects[i]);
        must_hold(limiter.borrowed_tokens() == 0, "all are back");
        if (lent != objects.size()) throw std::bad_alloc();
    });
}
