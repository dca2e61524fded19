// A block of work that can be cancelled from outside, or by a deadline: trio's CancelScope.
//
//   async::cancel_scope scope{loop.deadline_after(5s)};
//   co_await scope.run(fetch());
//   if (scope.cancelled_caught()) ...  // it took too long, or somebody called scope.cancel()
#pragma once

#include <optional>
#include <stdexcept>
#include <utility>

#include <libasync/coro/outcome.hpp>
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

}  // namespace detail

enum class shielding : bool {
    none,
    shielded,  // cancellations from outside wait until the scope is left; its own deadline and cancel() still act
};

// One scope runs one task, once. Not copyable or movable; must outlive the run. Scopes nest as the tasks do that run in
// them: there is no way to leave them in another order, nor to hold one across a co_yield.
class cancel_scope {
public:
    explicit cancel_scope(time_point deadline = time_point::max(), shielding s = shielding::none) noexcept
        : deadline_(deadline),
          timer_(scope_) {
        scope_.shielded = s == shielding::shielded;
    }
    cancel_scope(const cancel_scope&) = delete;
    cancel_scope& operator=(const cancel_scope&) = delete;
    ~cancel_scope() { LIBASYNC_ASSERT(phase_ != phase::running, "a cancel_scope outlives what runs inside"); }

    // Runs `t` inside the scope. Gives its result; nothing if the scope was cancelled and absorbed that. A cancellation
    // that comes from further out goes through, as do all exceptions.
    // Throws std::logic_error if the scope has run before. Cancel class: that of `t`.
    template <class T>
    task<std::optional<detail::optional_result<T>>> run(task<T> t) {
        if (phase_ != phase::fresh) throw std::logic_error("cancel_scope::run: a scope runs once");
        detail::task_context& context = co_await detail::own_context{};
        timer_.arm(*context.loop, deadline_);
        const while_running running(*this, *context.loop);
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
    // Throws std::logic_error if the run is over, std::bad_alloc.
    void set_deadline(time_point when) {
        if (phase_ == phase::over) throw std::logic_error("cancel_scope::set_deadline: the scope has run already");
        if (core_) timer_.arm(*core_, when);
        deadline_ = when;
    }

    shielding shield() const noexcept { return scope_.shielded ? shielding::shielded : shielding::none; }

    // Begins or ends to keep cancellations from outside away; at once, if there is one. An await that was asked to stop by
    // then stops all the same.
    void set_shield(shielding s) noexcept { scope_.set_shielded(s == shielding::shielded); }

private:
    enum class phase : unsigned char { fresh, running, over };

    class while_running {
    public:
        while_running(cancel_scope& s, detail::loop_core& core) noexcept : scope_(s) {
            scope_.phase_ = phase::running;
            scope_.core_ = &core;
        }
        while_running(const while_running&) = delete;
        while_running& operator=(const while_running&) = delete;
        ~while_running() {
            scope_.phase_ = phase::over;
            scope_.core_ = nullptr;
            scope_.timer_.disarm();
        }

    private:
        cancel_scope& scope_;
    };

    time_point deadline_;
    detail::scope scope_;
    detail::deadline_timer timer_;
    detail::loop_core* core_ = nullptr;  // while it runs
    phase phase_ = phase::fresh;
    bool caught_ = false;
};

}  // namespace async::inline v0
