// Counts what operator new gives to this thread. Not available under sanitizers, which bring their own.
#pragma once

#include <cstdint>

namespace async_tests {

extern thread_local std::uint64_t allocations;

}  // namespace async_tests
