// See tests/support/task_tree.hpp.
#include <doctest/doctest.h>

#include <tests/sim/task_tree_run.hpp>

using namespace async_tests;

#if LIBASYNC_SANITIZED
constexpr std::uint64_t seeds = 2'000;
#else
constexpr std::uint64_t seeds = 10'000;
#endif

TEST_CASE("every task of a random tree ends, and nothing is lost, with thousands of seeds") { run_task_trees(seeds); }
