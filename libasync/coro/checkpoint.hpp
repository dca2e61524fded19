// A point of cancellation for coroutines that may find at hand all they need.
#pragma once

#include <libasync/coro/leaf.hpp>

namespace async::inline v0::detail {

// Raises in a cancelled scope, as every leaf does. Otherwise goes on at once, except where a step has been long enough:
// then in a later turn.
class checkpoint_awaiter : leaf {
public:
    checkpoint_awaiter() noexcept : leaf([](leaf&) noexcept {}) {}
    ~checkpoint_awaiter() { node_.unlink_if_linked(); }

    bool await_ready() const noexcept { return false; }

    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> h) {
        if (!enter(h, node_)) return true;
        if (core().may_continue_in_place()) return false;
        core().ready.push_back(node_);
        return true;
    }

    void await_resume() { leave(); }

private:
    ready_node node_;
};

struct [[nodiscard]] checkpoint_description {
    using async_native = void;
    auto operator co_await() const noexcept { return checkpoint_awaiter(); }
};

// The end of a step that has been long enough, by whatever measure: goes on in a later turn.
class long_step_awaiter : leaf {
public:
    long_step_awaiter() noexcept : leaf([](leaf&) noexcept {}) {}
    ~long_step_awaiter() { node_.unlink_if_linked(); }

    bool await_ready() const noexcept { return false; }

    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> h) {
        if (!enter(h, node_)) return;
        core().count_long_step();
        core().ready.push_back(node_);
    }

    void await_resume() { leave(); }

private:
    ready_node node_;
};

struct [[nodiscard]] long_step_description {
    using async_native = void;
    auto operator co_await() const noexcept { return long_step_awaiter(); }
};

inline long_step_description end_long_step() noexcept { return {}; }

inline checkpoint_description checkpoint() noexcept { return {}; }

}  // namespace async::inline v0::detail
