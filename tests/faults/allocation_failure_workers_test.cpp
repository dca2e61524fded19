// Memory runs out at each place where a submission to another loop asks for some.
#include <doctest/doctest.h>

#include <tests/support/allocation_failure.hpp>

using namespace async_tests;

namespace {

task<int> number(int n) {
    co_await yield();
    co_return n;
}

}  // namespace

TEST_CASE("a submission without memory is none, or tells why its task has not run") {
    survives([]() -> task<void> {
        const int n = co_await this_loop().submit(number(3), "a name that is too long for a small string");
        must_hold(n == 3, "the result comes");
    });
}
