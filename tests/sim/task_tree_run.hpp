// Runs random task trees with many seeds.
#pragma once

#include <doctest/doctest.h>

#include <libasync/sim/disk.hpp>

#include <tests/sim/task_tree.hpp>
#include <tests/support/expect.hpp>

namespace async_tests {

inline void run_task_trees(std::uint64_t seeds) {
    const log_recorder quiet;
    std::uint64_t begun = 0;
    std::uint64_t failed = 0;
    std::uint64_t cancelled = 0;
    sim::for_each_seed(seeds, [&](std::uint64_t seed) {
        CAPTURE(seed);
        const sim::options how{.order = static_cast<sim::order>(seed % 3)};
        auto main = [](task_tree& tree) -> task<void> {
            sim::store_file("/scene", "what is read");
            co_await tree.main();
        };
        sim::simulation s(seed, how);
        task_tree tree;
        CHECK_NOTHROW(s.run(main(tree)));
        CHECK(tree.alive == 0);
        CHECK(tree.wrong == 0);
        CHECK(tree.begun == tree.ended + tree.failed + tree.cancelled_);
        CHECK(s.open_descriptors() == 0);
        begun += tree.begun;
        failed += tree.failed;
        cancelled += tree.cancelled_;
        if (seed % 50 != 0) return;
        sim::simulation again(seed, how);
        task_tree same;
        again.run(main(same));
        CHECK(again.trace_hash() == s.trace_hash());
    });
    CHECK(begun > 10 * seeds);
    CHECK(failed > seeds / 2);
    CHECK(cancelled > seeds / 2);
    MESSAGE(begun << " tasks, " << failed << " failed, " << cancelled << " cancelled");
}

}  // namespace async_tests
