// Time by hand: in a simulation with clock_mode::by_hand the clock stands still, whatever waits, until it is told to
// move on.
//
//   co_await async::testing::advance(30s);  // sleeps and deadlines of the next 30 s have come, in their order
#pragma once

#include <chrono>

#include <libasync/coro/sleep.hpp>
#include <libasync/coro/task.hpp>

namespace async::inline v0 {

namespace detail {

// Throws std::logic_error if the loop of this thread is not simulated, or its clock is not moved by hand.
void require_clock_by_hand();

task<void> advance_by(std::chrono::nanoseconds time);

}  // namespace detail

namespace testing {

// Lets everybody run who is ready, then moves the clock on by `time`, from one event to the next, and lets everybody run
// whose time has come; goes on when all others wait again. Throws std::logic_error, at the call, if the clock is not one
// that is moved by hand. Cancel class: lossless: the clock stops where it has come.
template <class Rep, class Period>
task<void> advance(std::chrono::duration<Rep, Period> time) {
    async::detail::require_clock_by_hand();
    return async::detail::advance_by(std::chrono::duration_cast<std::chrono::nanoseconds>(time));
}

}  // namespace testing

}  // namespace async::inline v0
