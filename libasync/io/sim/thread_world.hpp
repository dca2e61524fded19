// The simulated world of a thread: for programs that run on the simulated engine as they are, without a simulation of
// their own around them. Loops of the same thread that follow each other find the same network and files in it.
#pragma once

#include <memory>
#include <optional>

#include <libasync/io/sim/world.hpp>

namespace async::inline v0::io {

class engine;
struct engine_settings;

namespace sim {

// The seed in LIBASYNC_SEED, if it is set. Throws std::invalid_argument if it is no number.
std::optional<std::uint64_t> seed_of_environment();

// Made when it is first asked for, from seed_of_environment() or else 0; no faults, steps in the order of a real
// loop.
const std::shared_ptr<world>& world_of_thread();

// Descriptors that are open in it; 0 if it was never made.
std::size_t open_in_world_of_thread() noexcept;

// An engine on that world. Throws std::bad_alloc.
std::unique_ptr<engine> make_engine_of_thread(const engine_settings& settings);

}  // namespace sim

}  // namespace async::inline v0::io
