// What a simulated world is like. Trivially destructible, so that it can be written in place with designated
// initialisers.
#pragma once

#include <chrono>
#include <cstdint>
#include <type_traits>

#include <libasync/io/sim/fault.hpp>
#include <libasync/io/sim/settings.hpp>
#include <libasync/loop/options.hpp>

namespace async::inline v0::sim {

enum class fault_mode : std::uint8_t {
    none,   // but for the one in `options::only`, if there is one
    swarm,  // the seed draws which faults there are, and how often each strikes
};

enum class clock_mode : std::uint8_t {
    jumps,    // to what comes next, when everything waits
    by_hand,  // stands still but for testing::advance
};

struct options {
    sim::order order = sim::order::shuffle;

    fault_mode faults = fault_mode::none;
    // The one fault that strikes, at its k-th opportunity; then no others do.
    fault_at only = {};
    // Faults, and what they have cut, end after this much virtual time, and everything must have ended `finish_within`
    // later: else `run` throws stalled_error.
    std::chrono::nanoseconds faults_for = std::chrono::minutes(10);
    std::chrono::nanoseconds finish_within = std::chrono::hours(24);

    clock_mode clock = clock_mode::jumps;

    // How machines reach each other, and themselves.
    link_options link = {std::chrono::microseconds(200), std::chrono::milliseconds(2), 0, 0};
    link_options loopback = {std::chrono::microseconds(1), std::chrono::microseconds(100), 0, 0};

    std::uint32_t max_descriptors = 1024;
    std::uint64_t disk_size = std::uint64_t{1} << 30;  // bytes

    // For the loop; its `engine` does not matter.
    loop_options loop = {};
};
static_assert(std::is_trivially_destructible_v<options>);

}  // namespace async::inline v0::sim

namespace async::inline v0 {

using sim_options = sim::options;

}  // namespace async::inline v0
