// What stands in a ready queue: a suspended coroutine, a callback, or a callback that decides whether the
// coroutine goes on. Lives inside its owner (an awaiter, a timer, a control block); queueing never allocates.
#pragma once

#include <coroutine>

#include <libasync/detail/list.hpp>

namespace async::inline v0::detail {

struct ready_node : list_node {
    std::coroutine_handle<> handle;               // resumed by the driver, if set
    bool (*run)(ready_node*) noexcept = nullptr;  // asked first, if set: true resumes `handle` afterwards
};

using ready_list = list<ready_node>;

// Sees the steps of each turn before they run, and may change their order. For simulation and tests.
class turn_hook {
public:
    virtual void before_steps(ready_list& steps) noexcept = 0;

protected:
    ~turn_hook() = default;
};

}  // namespace async::inline v0::detail
