// How many threads of this process can run at once.
#pragma once

#include <libasync/config.hpp>

namespace async::inline v0 {

// At least 1: the processors that this thread may run on (sched_getaffinity(2)), and no more than the control group's
// share of them, rounded up (cpu.max of cgroups(7), version 2; only that of the root it sees, as in a container).
// Elsewhere than on Linux std::thread::hardware_concurrency.
unsigned available_parallelism() noexcept;

}  // namespace async::inline v0
