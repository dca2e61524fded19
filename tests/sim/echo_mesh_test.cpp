// See echo_mesh.hpp. The many seeds are in echo_mesh_slow_test.cpp.
#include <doctest/doctest.h>

#include <tests/sim/echo_mesh.hpp>
#include <tests/support/expect.hpp>

using namespace async_tests;

TEST_CASE("an echo mesh without faults needs one connection per client") {
    sim::simulation s(1);
    echo_mesh mesh;
    s.run(mesh.main());
    CHECK(mesh.result.messages == echo_mesh::clients * echo_mesh::messages);
    CHECK(mesh.result.connections == echo_mesh::clients);
    CHECK(mesh.result.failures == 0);
    CHECK(mesh.result.cut_short > 0);
    CHECK(s.open_descriptors() == 0);
}

TEST_CASE("an echo mesh comes through the faults of 200 seeds") {
    const log_recorder quiet;
    std::uint64_t failures = 0;
    std::uint64_t struck = 0;
    sim::for_each_seed(200, [&](std::uint64_t seed) {
        CAPTURE(seed);
        sim::simulation s(seed, {.faults = sim::fault_mode::swarm, .faults_for = 2min});
        echo_mesh mesh;
        CHECK_NOTHROW(s.run(mesh.main()));
        CHECK(mesh.result.messages == echo_mesh::clients * echo_mesh::messages);
        CHECK(mesh.result.wrong == 0);
        CHECK(s.open_descriptors() == 0);
        failures += mesh.result.failures;
        struck += s.struck();
        if (seed % 50 != 0) return;
        sim::simulation again(seed, {.faults = sim::fault_mode::swarm, .faults_for = 2min});
        echo_mesh same;
        again.run(same.main());
        CHECK(again.trace_hash() == s.trace_hash());
    });
    CHECK(failures > 100);
    CHECK(struck > 10'000);
}
