// What an awaitable that is written as a coroutine does first: the check for cancellation that leaves make on entry.
#pragma once

#include <libasync/coro/leaf.hpp>

namespace async::inline v0::detail {

class entry_check_awaiter : leaf {
public:
    entry_check_awaiter() noexcept : leaf([](leaf&) noexcept {}) {}
    ~entry_check_awaiter() { node_.unlink_if_linked(); }

    bool await_ready() const noexcept { return false; }

    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> h) {
        return !enter(h, node_);
    }

    void await_resume() { leave(); }

private:
    ready_node node_;
};

// Goes on at once; in a cancelled scope, raises `cancelled` one pass later.
struct [[nodiscard("the check happens when it is awaited")]] entry_check {
    using async_native = void;
    auto operator co_await() const noexcept { return entry_check_awaiter(); }
};

}  // namespace async::inline v0::detail
