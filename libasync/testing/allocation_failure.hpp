// Runs a scenario again and again, each time with another allocation that fails: does the library, and the program,
// survive that it runs out of memory anywhere? Needs libasync::testing, see allocations.hpp.
//
//   async::testing::fail_every_allocation([]() -> async::task<void> {
//       co_await async::sleep(1ms);
//   });
#pragma once

#include <chrono>
#include <concepts>
#include <type_traits>

#include <libasync/coro/run.hpp>
#include <libasync/testing/allocations.hpp>
#include <libasync/testing/check_failure.hpp>

namespace async::inline v0::testing {

struct allocation_failure_options {
    loop_options loop = {};                      // of the runners
    std::uint64_t most = 10'000;                 // allocations of one run; more are taken for endless
    std::chrono::milliseconds patience{20'000};  // a run that takes longer hangs
};

struct allocation_failure_report {
    std::uint64_t runs = 0;         // in which an allocation failed
    std::uint64_t failed_runs = 0;  // of these, those that ended with an exception; the others did without the memory
};

namespace internal {

using async::detail::frames_from_heap;

struct disarm_at_end {
    ~disarm_at_end() { fail_allocation::disarm_current(); }
};

// The end of what `from_here_on` means: what is left then is cancelled with memory at hand.
inline task<void> disarmed_after(task<void> main) {
    const disarm_at_end end;
    co_await std::move(main);
}

allocation_failure_report fail_every_allocation(unique_function<void(runner&)> scenario,
                                                const allocation_failure_options& options,
                                                const std::source_location& where);

}  // namespace internal

// For k = 0, 1, 2, ...: runs `scenario` on a new runner with allocation k of this thread failing, once, and then again
// with all that follow failing too, until it ends; goes on until a run does without a k-th allocation. The scenario is
// called with nothing and gives a task<void>, or is called with the runner, or with nothing and makes its own.
//
// Each run must end well, or with std::bad_alloc, a std::system_error that means a lack of memory (not_enough_memory,
// no_buffer_space), or an exception_group of such; so must what goes to the loop's exception handler. Afterwards the same loop must run another task,
// and the scenario again, with success; once the runner is gone, all memory must have been given back and all
// descriptors be closed. Frames come from the heap meanwhile, not from the free lists.
//
// Throws check_failure, with k in its message. Where a run crashes or cannot be ended, k is printed before the program
// aborts.
template <class Scenario>
    requires std::invocable<Scenario&> || std::invocable<Scenario&, runner&>
allocation_failure_report fail_every_allocation(Scenario&& scenario, const allocation_failure_options& options = {},
                                                std::source_location where = std::source_location::current()) {
    const auto run = [&scenario](runner& r) {
        if constexpr (std::invocable<Scenario&, runner&>) {
            scenario(r);
        } else if constexpr (std::is_void_v<std::invoke_result_t<Scenario&>>) {
            static_cast<void>(r);
            scenario();
        } else {
            r.run(internal::disarmed_after(scenario()));
        }
    };
    return internal::fail_every_allocation(run, options, where);
}

}  // namespace async::inline v0::testing
