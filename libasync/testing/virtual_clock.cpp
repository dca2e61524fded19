#include <libasync/testing/virtual_clock.hpp>

#include <stdexcept>

#include <libasync/io/sim/sim_engine.hpp>
#include <libasync/sim/simulation.hpp>
#include <libasync/testing/wait_all_tasks_blocked.hpp>

namespace async::inline v0::detail {

time_point allow_time(std::chrono::nanoseconds time) {
    io::sim_engine& engine = require_sim("testing::advance");
    if (engine.clock_limit() == time_point::max()) {
        throw std::logic_error("testing::advance: the clock moves by itself; see sim::clock_mode::by_hand");
    }
    const time_point until = engine.clock_limit() + std::max(time, std::chrono::nanoseconds::zero());
    engine.hold_clock_at(until);
    return until;
}

task<void> advance_until(time_point when) {
    co_await sleep_until(when);
    co_await testing::wait_all_tasks_blocked();
}

}  // namespace async::inline v0::detail
