// A point of cancellation for coroutines that may find at hand all they need.
#pragma once

#include <libasync/coro/leaf.hpp>

namespace async::inline v0::detail {

enum class step_length : unsigned char { as_counted, long_enough };

// Raises in a cancelled scope, as every leaf does. Otherwise goes on at once, except where a step has been long enough:
// then in a later turn.
class checkpoint_awaiter : leaf {
public:
    explicit checkpoint_awaiter(step_length l) noexcept : leaf([](leaf&) noexcept {}), length_(l) {}
    ~checkpoint_awaiter() { node_.unlink_if_linked(); }

    bool await_ready() const noexcept { return false; }

    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> h) {
        if (!enter(h, node_)) return true;
        if (length_ == step_length::long_enough) {
            core().count_long_step();
        } else if (core().may_continue_in_place()) {
            return false;
        }
        core().ready.push_back(node_);
        return true;
    }

    void await_resume() { leave(); }

private:
    ready_node node_;
    const step_length length_;
};

template <step_length Length>
struct [[nodiscard]] checkpoint_description {
    using async_native = void;
    auto operator co_await() const noexcept { return checkpoint_awaiter(Length); }
};

// Counts what was done in place since the last visit of the engine.
inline checkpoint_description<step_length::as_counted> checkpoint() noexcept { return {}; }

// The same after work that has been long enough by the caller's own measure.
inline checkpoint_description<step_length::long_enough> end_long_step() noexcept { return {}; }

}  // namespace async::inline v0::detail
