// For tests that nothing is left open.
#pragma once

#include <libasync/config.hpp>

namespace async::inline v0::testing {

// How many descriptors the process has open (0 where nobody tells, elsewhere than on Linux), and those of the simulated
// world of this thread.
int open_descriptors() noexcept;

}  // namespace async::inline v0::testing
