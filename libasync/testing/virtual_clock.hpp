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

// Lets the clock of this thread's simulated loop move on by `time`, and gives the instant that it then shows. Throws
// std::logic_error if the loop is not simulated, or its clock is not moved by hand.
time_point allow_time(std::chrono::nanoseconds time);

task<void> advance_until(time_point when);

}  // namespace detail

namespace testing {

// Moves the clock on by `time`, from one event to the next, and lets everybody run whose time has come; goes on when
// all others wait again. Throws std::logic_error, at once, if the clock is not one that is moved by hand.
// Cancel class: progress: the clock moves all the same.
template <class Rep, class Period>
task<void> advance(std::chrono::duration<Rep, Period> time) {
    return async::detail::advance_until(
        async::detail::allow_time(std::chrono::duration_cast<std::chrono::nanoseconds>(time)));
}

}  // namespace testing

}  // namespace async::inline v0
