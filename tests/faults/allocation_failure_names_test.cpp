// Memory runs out while names are looked up.
#include <doctest/doctest.h>

#include <string>

#include <tests/support/allocation_failure.hpp>
#include <tests/support/names.hpp>

using namespace async_tests;

TEST_CASE("without memory a name is not looked up, or has its addresses") {
    test_names names;  // the system's own threads would keep what they need of memory
    survives([]() -> task<void> {
        if (on_sim()) sim::set_name("fast", "127.0.0.7");
        auto [a, b] = co_await gather(resolve("fast", 80), resolve("fast", "81"));
        must_hold(a.size() == 1 && b.size() == 1, "it has an address");
        const auto numbers = co_await resolve("::1", 80);
        must_hold(numbers.size() == 1, "so have numbers");
        static_cast<void>(co_await resolve("fast", 80, {.max_age = 0s}));
        forget_resolved();
    });
}
