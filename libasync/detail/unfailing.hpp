// Parts of the library that stand in for a system, and so must not meet the failures that tests inject into it.
#pragma once

#include <libasync/config.hpp>

namespace async::inline v0::detail {

// How many `unfailing` live on this thread; asked by the allocation functions of libasync/testing.
extern constinit thread_local unsigned unfailing_depth;

class unfailing {
public:
    unfailing() noexcept { ++unfailing_depth; }
    unfailing(const unfailing&) = delete;
    unfailing& operator=(const unfailing&) = delete;
    ~unfailing() { --unfailing_depth; }
};

}  // namespace async::inline v0::detail
