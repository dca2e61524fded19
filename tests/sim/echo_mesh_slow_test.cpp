// See echo_mesh.hpp.
#include <doctest/doctest.h>

#include <tests/sim/echo_mesh.hpp>
#include <tests/support/expect.hpp>

using namespace async_tests;

#if LIBASYNC_SANITIZED
constexpr std::uint64_t seeds = 2'000;
#else
constexpr std::uint64_t seeds = 10'000;
#endif

TEST_CASE("an echo mesh comes through the faults of thousands of seeds, in every order of its steps") {
    const log_recorder quiet;
    mesh_result all;
    std::uint64_t struck = 0;
    sim::for_each_seed(seeds, [&](std::uint64_t seed) {
        CAPTURE(seed);
        const auto order = static_cast<sim::order>(seed % 3);
        const sim::options how{.order = order, .faults = sim::fault_mode::swarm, .faults_for = 2min};
        sim::simulation s(seed, how);
        echo_mesh mesh;
        CHECK_NOTHROW(s.run(mesh.main()));
        CHECK(mesh.result.messages == echo_mesh::clients * echo_mesh::messages);
        CHECK(mesh.result.wrong == 0);
        CHECK(s.open_descriptors() == 0);
        struck += s.struck();
        all.connections += mesh.result.connections;
        all.failures += mesh.result.failures;
        all.timeouts += mesh.result.timeouts;
        all.cut_short += mesh.result.cut_short;
        if (seed % 50 != 0) return;
        sim::simulation again(seed, how);
        echo_mesh same;
        again.run(same.main());
        CHECK(again.trace_hash() == s.trace_hash());
    });
    MESSAGE(struck << " faults struck; " << all.connections << " connections, " << all.failures << " failed, "
                   << all.timeouts << " timed out; " << all.cut_short << " reads cut short");
    CHECK(all.failures > seeds);
    CHECK(all.timeouts > seeds / 100);
    CHECK(all.cut_short > seeds);
}
