// What tells whether a copy leaves its bytes in the kernel.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <string_view>

#include <doctest/doctest.h>

#include <libasync/testing/open_descriptors.hpp>

#include <tests/support/system.hpp>

namespace async_tests {

// Of a read in the ordinary way.
inline constexpr std::size_t largest_read = std::size_t{64} * 1024;

// Nor is it taken for certain where reads are disturbed: it is for large pieces.
inline bool has_no_short_way() {
#ifdef __linux__
    const char* const faults = std::getenv("LIBASYNC_FAULTS");
    const bool disturbed = faults && std::string_view(faults).find("read") != std::string_view::npos;
    if (on_sim() || disturbed) MESSAGE("skipped: a simulated world has no short way, and small reads take another one");
    return on_sim() || disturbed;
#else
    MESSAGE("skipped: this system has no splice(2), so copies go the ordinary way");
    return true;
#endif
}

// For as long as a copy goes the short way, two descriptors are open.
class short_way_watch {
public:
    void look() noexcept { seen_ = seen_ || async::testing::open_descriptors() >= before_ + 2; }
    bool seen() const noexcept { return seen_; }

private:
    const int before_ = async::testing::open_descriptors();
    bool seen_ = false;
};

}  // namespace async_tests
