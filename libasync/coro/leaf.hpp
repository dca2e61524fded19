// The part that all leaf awaitables share: the check for cancellation on entry, where their task waits, and how it
// is asked to stop.
//
// A leaf checks for cancellation once, on entry, before any effect. Entered in a cancelled scope it does nothing and
// raises `cancelled` one pass later, through the ready queue, so that a loop that swallows it cannot freeze the
// thread. Once an outcome is recorded, a later cancellation does not touch it.
#pragma once

#include <coroutine>
#include <type_traits>

#include <libasync/coro/promise_base.hpp>
#include <libasync/coro/scope.hpp>
#include <libasync/detail/exchange.hpp>
#include <libasync/loop/loop_core.hpp>

namespace async::inline v0::detail {

// The context for coroutines that are not libasync tasks: never cancelled. Throws errc::no_loop outside a loop.
task_context& context_outside_tasks();

template <class Promise>
constexpr bool is_task_promise = std::is_base_of_v<promise_base, Promise>;

template <class Promise>
task_context& context_of(std::coroutine_handle<Promise> h) {
    if constexpr (is_task_promise<Promise>) {
        return *h.promise().context;
    } else {
        return context_outside_tasks();
    }
}

struct leaf {
    using cancel_function = void (*)(leaf&) noexcept;

    explicit leaf(cancel_function f) noexcept : cancel(f) {}
    leaf(const leaf&) = delete;
    leaf& operator=(const leaf&) = delete;

    // Touches nothing of a task that has gone on. That one may have ended long ago: what a generator awaits in a co_yield
    // stays until the body goes on, for another task perhaps, or none.
    ~leaf() {
        if (registered) forget_where_it_waits();
    }

    // False if the scope is cancelled: `node` is in the ready queue then, and `leave` raises.
    template <class Promise>
    bool enter(std::coroutine_handle<Promise> h, ready_node& node) {
        enter_always(h, node);
        if (context->cancelled) [[unlikely]] {
            refuse(node);
            return false;
        }
        return true;
    }

    // For what takes effect even in a cancelled scope.
    template <class Promise>
    void enter_always(std::coroutine_handle<Promise> h, ready_node& node) {
        context = &context_of(h);
        foreign = !is_task_promise<Promise>;
        node.handle = h;
    }

    // The task waits here from now on, and at no other leaf.
    void wait() noexcept {
        if (foreign) return;
        forget_where_it_waits();
        context->waiting = this;
        registered = true;
    }

    // The task runs again. Raises if entry was refused.
    void leave() {
        forget_where_it_waits();
        context->loop->current = context;
        if (refused) [[unlikely]]
            cancelled_access::raise();
    }

    loop_core& core() const noexcept { return *context->loop; }

    task_context* context = nullptr;
    cancel_function cancel;
    bool refused = false;
    bool registered = false;  // as the leaf where its task waits
    bool foreign = false;     // in a coroutine that is no task: nobody cancels it, and it may outlive its context

private:
    void forget_where_it_waits() noexcept {
        if (leaf* l = detail::exchange(context->waiting, nullptr)) l->registered = false;
    }

    void refuse(ready_node& node) noexcept {
        refused = true;
        cancel = [](leaf&) noexcept {};
        wait();
        core().ready.push_back(node);
    }
};

}  // namespace async::inline v0::detail
