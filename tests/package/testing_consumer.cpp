#include <libasync/async.hpp>
#include <libasync/testing/allocation_failure.hpp>

namespace {

async::task<void> scenario() { co_await async::yield(); }

}  // namespace

int main() { return async::testing::fail_every_allocation(scenario).runs != 0 ? 0 : 1; }
