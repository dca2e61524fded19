#include <libasync/io/sim/sim_engine.hpp>

#include <doctest/doctest.h>

#include <memory>

#include <libasync/io/sim/world.hpp>

#include <tests/io/engine_harness.hpp>

using namespace engine_tests;

TEST_CASE("a read that is destroyed before it was told its bytes leaves them to the next") {
    const auto world = std::make_shared<io::sim::world>(1);
    driver d(make_sim_engine(world, {}, 0ms));
    const socket_pair pair = d.connected();
    const auto destroy_untold = [&](operation& op) {
        world->faults.set_rate(io::sim::fault::late_completion, 1'000'000);
        CHECK_FALSE(d.start(op));
        world->faults.set_rate(io::sim::fault::late_completion, 0);
        d->cancel_and_wait(op);
    };
    // Once the first byte has arrived the others have.
    REQUIRE(!d.send(*pair.client, "1bytes"));
    CHECK(d.receive(*pair.server, 1) == "1");
    char text[5];
    receive_op into_memory(pair.server.get(), text, sizeof text);
    destroy_untold(into_memory);
    CHECK(d.receive(*pair.server) == "bytes");

    REQUIRE(!d.send(*pair.client, "2chunk"));
    CHECK(d.receive(*pair.server, 1) == "2");
    receive_chunk_op as_chunk(pair.server.get());
    destroy_untold(as_chunk);
    CHECK(d.receive(*pair.server) == "chunk");
}
