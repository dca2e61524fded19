// Random task trees (tests/support/task_tree.hpp) on the engine of the environment. Thousands of seeds run in
// tests/sim/task_tree_slow_test.cpp.
#include <doctest/doctest.h>

#include <tests/sim/task_tree_run.hpp>
#include <tests/support/files.hpp>

using namespace async_tests;

TEST_CASE("every task of a random tree ends, and nothing is lost, with 100 seeds on every engine") {
    const log_recorder quiet;
    const temporary_directory directory;
    const std::string file = directory / "scene";
    async::run(write_file(file, "what is read"));
    std::uint64_t begun = 0;
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        CAPTURE(seed);
        task_tree tree(seed, file);
        CHECK_NOTHROW(async::run(tree.main()));
        check_accounts(tree);
        begun += tree.begun;
    }
    CHECK(begun > 1000);
}
