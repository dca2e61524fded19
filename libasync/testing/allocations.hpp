// Counts what operator new gives, and makes it fail. Linking libasync::testing replaces the global operators of the
// program, all forms of them; this header is of no use without.
#pragma once

#include <cstdint>

#include <libasync/config.hpp>

namespace async::inline v0::testing {

// Calls of operator new on this thread so far, those that failed included.
std::uint64_t allocations() noexcept;

// What operator new gave to any thread of the program and operator delete has not taken back yet.
std::int64_t live_allocations() noexcept;

enum class how : std::uint8_t {
    once,          // one allocation fails
    from_here_on,  // that one and all later ones
};

// While it lives, allocation number `k` of this thread fails, counted from 0 from here on: operator new throws
// std::bad_alloc, or gives null in its nothrow forms. One made inside another stands in its place for a while.
class fail_allocation {
public:
    explicit fail_allocation(std::uint64_t k, how mode = how::once) noexcept;
    fail_allocation(const fail_allocation&) = delete;
    fail_allocation& operator=(const fail_allocation&) = delete;
    ~fail_allocation();

    // Whether there was an allocation number `k`.
    bool fired() const noexcept { return fired_; }

    // Nothing fails any more. May be repeated.
    void disarm() noexcept { armed_ = false; }

    // The same for the one that acts on this thread, if there is one.
    static void disarm_current() noexcept;

    // For operator new: whether this allocation is to fail.
    bool next_fails() noexcept;

private:
    fail_allocation* outer_;
    std::uint64_t left_;
    how mode_;
    bool armed_ = true;
    bool fired_ = false;
};

// While it lives, allocations of this thread do not fail, and do not count for fail_allocation: for what a test does
// on its own account.
class no_failures {
public:
    no_failures() noexcept;
    no_failures(const no_failures&) = delete;
    no_failures& operator=(const no_failures&) = delete;
    ~no_failures();

private:
    fail_allocation* suspended_;
};

}  // namespace async::inline v0::testing
