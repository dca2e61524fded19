// A block of work that can be cancelled from outside, or by a deadline: trio's CancelScope.
//
//   async::cancel_scope scope{loop.deadline_after(5s)};
//   co_await scope.run(fetch());
//   if (scope.cancelled_caught()) ...  // it took too long, or somebody called scope.cancel()
#pragma once

#include <functional>
#include <optional>
#include <stdexcept>
#include <utility>
#include <variant>

#include <libasync/coro/into_task.hpp>
#include <libasync/coro/sleep.hpp>
#include <libasync/coro/task.hpp>

namespace async::inline v0 {

namespace detail {

// Gives a coroutine its own context. Never suspends.
struct own_context {
    using async_native = void;
    struct awaiter {
        task_context* context = nullptr;
        bool await_ready() const noexcept { return false; }
        template <class Promise>
        bool await_suspend(std::coroutine_handle<Promise> h) {
            context = &context_of(h);
            return false;
        }
        task_context& await_resume() const noexcept { return *context; }
    };
    awaiter operator co_await() const noexcept { return {}; }
};

// Cancels a scope when its time has come.
struct deadline_timer : timer_node {
    explicit deadline_timer(scope& s) noexcept : target(s) { run = &deadline_timer::expire; }
    ~deadline_timer() { disarm(); }

    // A deadline that has passed already cancels at once.
    void arm(loop_core& core, time_point when) {
        disarm();
        if (when == time_point::max()) return;
        if (when <= core.engine->clock()) return target.cancel();
        core.timers.set(*this, when);
        armed_in = &core;
    }

    void disarm() noexcept {
        if (armed_in) armed_in->timers.cancel(*this);
        armed_in = nullptr;
        unlink_if_linked();
    }

    static bool expire(ready_node* node) noexcept {
        static_cast<deadline_timer*>(node)->target.cancel();
        return false;
    }

    scope& target;
    loop_core* armed_in = nullptr;
};

template <class T>
using optional_result = std::conditional_t<
    std::is_void_v<T>, std::monostate,
    std::conditional_t<std::is_reference_v<T>, std::reference_wrapper<std::remove_reference_t<T>>, T>>;

}  // namespace detail

enum class shielding : bool {
    none,
    shielded,  // cancellations from outside wait until the scope is left; its own deadline and cancel() still act
};

// One scope runs one task, once. Not copyable or movable; must outlive the run.
class cancel_scope {
public:
    explicit cancel_scope(time_point deadline = time_point::max(), shielding s = shielding::none) noexcept
        : deadline_(deadline),
          timer_(scope_) {
        scope_.shielded = s == shielding::shielded;
    }
    cancel_scope(const cancel_scope&) = delete;
    cancel_scope& operator=(const cancel_scope&) = delete;

    // Runs `t` inside the scope. Gives its result; nothing if the scope was cancelled and absorbed that. A cancellation
    // that comes from further out goes through, as do all exceptions.
    // Throws std::logic_error if the scope has run before. Cancel class: that of `t`.
    template <class T>
    task<std::optional<detail::optional_result<T>>> run(task<T> t) {
        if (std::exchange(used_, true)) throw std::logic_error("a cancel_scope runs once");
        detail::task_context& context = co_await detail::own_context{};
        timer_.arm(*context.loop, deadline_);
        const leave_at_end end{*this};
        const detail::scope_entry inside(context, scope_);
        try {
            if constexpr (std::is_void_v<T>) {
                co_await std::move(t);
                co_return std::monostate{};
            } else if constexpr (std::is_reference_v<T>) {
                co_return std::ref(co_await std::move(t));
            } else {
                co_return co_await std::move(t);
            }
        } catch (const cancelled&) {
            if (!scope_.absorbs()) throw;
            caught_ = true;
        }
        co_return std::nullopt;
    }

    // Cancels what runs inside, or will. May be repeated.
    void cancel() noexcept { scope_.cancel(); }

    // Whether it was cancelled, by `cancel` or by its deadline.
    bool cancel_called() const noexcept { return scope_.called; }

    // Whether the run ended by that cancellation.
    bool cancelled_caught() const noexcept { return caught_; }

    time_point deadline() const noexcept { return deadline_; }

    // Moves the deadline; time_point::max() takes it away. A deadline that has acted cannot be undone.
    // Throws std::bad_alloc.
    void set_deadline(time_point when) {
        deadline_ = when;
        if (running_in_) timer_.arm(*running_in_, when);
    }

private:
    struct leave_at_end {
        cancel_scope& scope;
        explicit leave_at_end(cancel_scope& s) noexcept : scope(s) { s.running_in_ = s.core_of_run(); }
        ~leave_at_end() {
            scope.running_in_ = nullptr;
            scope.timer_.disarm();
        }
    };
    static detail::loop_core* core_of_run() noexcept { return detail::this_core; }

    time_point deadline_;
    detail::scope scope_;
    detail::deadline_timer timer_;
    detail::loop_core* running_in_ = nullptr;
    bool used_ = false;
    bool caught_ = false;
};

namespace detail {

template <class T>
task<std::optional<optional_result<T>>> move_on_at(time_point deadline, task<T> t) {
    cancel_scope scope(deadline);
    co_return co_await scope.run(std::move(t));
}

template <class T>
task<T> timeout_at(time_point deadline, task<T> t) {
    cancel_scope scope(deadline);
    auto got = co_await scope.run(std::move(t));
    if (!got) throw timeout_error();
    if constexpr (std::is_reference_v<T>) {
        co_return got->get();
    } else if constexpr (!std::is_void_v<T>) {
        co_return std::move(*got);
    }
}

}  // namespace detail

// Gives the result of `t`, a task or any operation, or nothing if it takes longer than until `deadline`.
// Cancel class: that of `t`.
template <detail::awaitable_operation A>
auto move_on_at(time_point deadline, A&& t) {
    return detail::move_on_at(deadline, detail::into_task(std::forward<A>(t)));
}

// The same with a delay, counted from this call. Cancel class: that of `t`.
template <class Rep, class Period, detail::awaitable_operation A>
auto move_on_after(std::chrono::duration<Rep, Period> delay, A&& t) {
    return detail::move_on_at(this_loop().deadline_after(delay), detail::into_task(std::forward<A>(t)));
}

// Gives the result of `t`, a task or any operation. Throws timeout_error if it is not done by `deadline`: it is
// cancelled then, and waited for. A result that is there at that very moment is given. Cancel class: that of `t`.
template <detail::awaitable_operation A>
auto timeout_at(time_point deadline, A&& t) {
    return detail::timeout_at(deadline, detail::into_task(std::forward<A>(t)));
}

// The same with a delay, counted from this call. Cancel class: that of `t`.
template <class Rep, class Period, detail::awaitable_operation A>
auto timeout(std::chrono::duration<Rep, Period> delay, A&& t) {
    return detail::timeout_at(this_loop().deadline_after(delay), detail::into_task(std::forward<A>(t)));
}

}  // namespace async::inline v0
