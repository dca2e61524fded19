// See tests/support/task_tree.hpp. The many seeds are in task_tree_slow_test.cpp.
#include <doctest/doctest.h>

#include <tests/sim/task_tree_run.hpp>

using namespace async_tests;

TEST_CASE("every task of a random tree ends, and nothing is lost, with 300 seeds") { run_task_trees(300); }
