// The plain types that describe a simulated world, public as part of libasync/sim.
#pragma once

#include <chrono>
#include <cstdint>

#include <libasync/config.hpp>

namespace async::inline v0 {

namespace sim {

// In which order the steps of a turn run. Callbacks keep the order they were given in.
enum class order : std::uint8_t {
    fifo,         // as on the real engines
    shuffle,      // by chance
    adversarial,  // the last comes first
};

// How a link carries what is sent. Latencies are drawn between the two bounds; they are one way.
struct link_options {
    std::chrono::nanoseconds least_latency{0};
    std::chrono::nanoseconds most_latency{0};
    std::uint64_t bandwidth = 0;  // bytes per second, of each connection; 0: without limit
    std::uint32_t loss = 0;       // packets of a million that are lost: TCP sends them again, later
};

// What becomes of what was written and not synced when power fails.
enum class crash_loss : std::uint8_t {
    all,   // it is lost
    some,  // a part of it has made it to the disk, by chance, page by page
};

}  // namespace sim

namespace io::sim {

using async::sim::crash_loss;
using async::sim::link_options;
using async::sim::order;

class world;

// A machine, by its number. 0 is the one where everything runs that does not say otherwise.
using host_id = std::uint32_t;

}  // namespace io::sim

}  // namespace async::inline v0
