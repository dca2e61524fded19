#include <libasync/testing/virtual_clock.hpp>

#include <algorithm>
#include <stdexcept>

#include <libasync/io/sim/sim_engine.hpp>
#include <libasync/sim/simulation.hpp>
#include <libasync/testing/wait_all_tasks_blocked.hpp>

namespace async::inline v0::detail {

void require_clock_by_hand() {
    if (require_sim("testing::advance").clock_limit() == time_point::max()) {
        throw std::logic_error("testing::advance: the clock moves by itself; see sim::clock_mode::by_hand");
    }
}

namespace {

// The clock may go up to `until`; without `keep()`, no further than it has come.
class longer_leash {
public:
    longer_leash(io::sim_engine& engine, time_point until) noexcept : engine_(engine), until_(until) {
        engine_.hold_clock_at(until);
    }
    longer_leash(const longer_leash&) = delete;
    longer_leash& operator=(const longer_leash&) = delete;
    ~longer_leash() {
        if (!kept_ && engine_.clock_limit() == until_) engine_.hold_clock_at(engine_.world().now());
    }
    void keep() noexcept { kept_ = true; }

private:
    io::sim_engine& engine_;
    const time_point until_;
    bool kept_ = false;
};

}  // namespace

task<void> advance_by(std::chrono::nanoseconds time) {
    co_await testing::wait_all_tasks_blocked();
    io::sim_engine& engine = require_sim("testing::advance");
    // Never without a limit, which would be a clock that moves by itself.
    constexpr auto longest = std::chrono::hours(24 * 365 * 100);
    const auto step = std::clamp<std::chrono::nanoseconds>(time, std::chrono::nanoseconds::zero(), longest);
    const time_point until = engine.clock_limit() + step;
    longer_leash leash(engine, until);
    co_await sleep_until(until);
    leash.keep();
    co_await testing::wait_all_tasks_blocked();
}

}  // namespace async::inline v0::detail
