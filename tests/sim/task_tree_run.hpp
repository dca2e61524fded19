// Runs random task trees with many seeds.
#pragma once

#include <doctest/doctest.h>

#include <libasync/sim/disk.hpp>
#include <libasync/sim/simulation.hpp>

#include <tests/support/expect.hpp>
#include <tests/support/task_tree.hpp>

namespace async_tests {

inline void check_accounts(task_tree& tree) {
    CHECK(tree.alive == 0);
    CHECK(tree.world.at_rest());
    CHECK(tree.world.wrong == 0);
    CHECK(tree.begun == tree.ended + tree.failed + tree.cancelled_);
    CHECK(tree.world.values.never_seen() == 0);
    CHECK(tree.world.values.seen_twice() == 0);
    CHECK(tree.world.failures.never_seen() == 0);
}

inline void run_task_trees(std::uint64_t seeds) {
    const log_recorder quiet;
    std::uint64_t begun = 0;
    std::uint64_t failed = 0;
    std::uint64_t cancelled = 0;
    std::uint64_t values = 0;
    sim::for_each_seed(seeds, [&](std::uint64_t seed) {
        CAPTURE(seed);
        const sim::options how{.order = static_cast<sim::order>(seed % 3)};
        auto main = [](task_tree& tree) -> task<void> {
            sim::store_file("/scene", "what is read");
            co_await tree.main();
        };
        sim::simulation s(seed, how);
        task_tree tree(seed, "/scene");
        CHECK_NOTHROW(s.run(main(tree)));
        check_accounts(tree);
        CHECK(s.open_descriptors() == 0);
        begun += tree.begun;
        failed += tree.failed;
        cancelled += tree.cancelled_;
        values += tree.world.values.made();
        if (seed % 50 != 0) return;
        sim::simulation again(seed, how);
        task_tree same(seed, "/scene");
        again.run(main(same));
        CHECK(again.trace_hash() == s.trace_hash());
    });
    CHECK(begun > 10 * seeds);
    CHECK(failed > seeds / 2);
    CHECK(cancelled > seeds / 2);
    CHECK(values > seeds);
    MESSAGE(begun << " tasks, " << failed << " failed, " << cancelled << " cancelled; " << values << " values");
}

}  // namespace async_tests
