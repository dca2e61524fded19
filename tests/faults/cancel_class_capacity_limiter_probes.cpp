// The cancel classes of the capacity limiter, derived.
#include <libasync/sync/capacity_limiter.hpp>

#include <tests/support/cancel_class_probes.hpp>

using namespace async_tests;

namespace {

const int object = 0;

std::string class_of_acquire(task<void> (*acquire)(capacity_limiter&)) {
    capacity_limiter limiter(0);
    return lossless_if_repeated(
        [&limiter, acquire] {
            limiter.set_total_tokens(0);
            return acquire(limiter);
        },
        [&limiter] {
            must(limiter.borrowed_tokens() == 0 && limiter.tasks_waiting() == 1, "one waits");
            limiter.set_total_tokens(1);
        });
}

task<void> take(capacity_limiter& limiter) {
    co_await limiter.acquire();
    limiter.release();
}

task<void> hold(capacity_limiter& limiter) { const auto token = co_await limiter.scoped(); }

task<void> take_for_object(capacity_limiter& limiter) {
    co_await limiter.acquire_on_behalf_of(&object);
    limiter.release_on_behalf_of(&object);
}

task<void> hold_for_object(capacity_limiter& limiter) {
    const auto token = co_await limiter.scoped_on_behalf_of(&object);
}

const cancel_class_probes of_limiters{
    {"capacity_limiter::acquire", [] { return class_of_acquire(take); }},
    {"capacity_limiter::scoped", [] { return class_of_acquire(hold); }},
    {"capacity_limiter::acquire_on_behalf_of", [] { return class_of_acquire(take_for_object); }},
    {"capacity_limiter::scoped_on_behalf_of", [] { return class_of_acquire(hold_for_object); }},
};

}  // namespace
