// A coroutine that is no task but awaits one, with a scope of its own, and may be destroyed wherever it is suspended:
// the frames go innermost first.
#pragma once

#include <exception>
#include <optional>

#include <libasync/coro/cancel_scope.hpp>
#include <libasync/coro/control_block.hpp>
#include <libasync/testing/test_gate.hpp>

namespace async::inline v0::detail {

class destroyable {
public:
    struct promise_type : promise_common {
        promise_type() = default;
        destroyable get_return_object() noexcept;

        struct final_awaiter {
            bool await_ready() const noexcept { return false; }
            void await_suspend(std::coroutine_handle<promise_type> h) const noexcept { h.promise().end(); }
            void await_resume() const noexcept {}
        };
        final_awaiter final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        void unhandled_exception() noexcept { failure = std::current_exception(); }

        void end() noexcept {
            top.detach();
            done = true;
            over->open(own.loop->ready);
        }

        struct first_step : ready_node {
            promise_type* promise = nullptr;
        };

        task_context own;
        scope top;
        first_step first;
        test_gate* over = nullptr;
        std::exception_ptr failure;
        bool done = false;
    };

    explicit destroyable(promise_type& p) noexcept : promise_(&p) {}
    destroyable(destroyable&& other) noexcept : promise_(std::exchange(other.promise_, nullptr)) {}
    destroyable& operator=(destroyable&&) = delete;
    ~destroyable() { destroy(); }

    // Runs from the next turn on. Opens `over` at its end.
    void start(loop_core& core, test_gate& over) noexcept {
        promise_type& p = *promise_;
        p.over = &over;
        p.context = &p.own;
        p.own.loop = &core;
        p.own.current_scope = &p.top;
        p.top.attach(core.tasks->root, &p.own);
        p.own.cancelled = p.top.effective;
        p.state = task_state::spawned;
        p.first.promise = &p;
        p.first.handle = p.self;
        p.first.run = [](ready_node* node) noexcept {
            promise_type& starting = *static_cast<promise_type::first_step*>(node)->promise;
            starting.own.loop->current = &starting.own;
            return true;
        };
        core.ready.push_back(p.first);
    }

    promise_type& promise() const noexcept { return *promise_; }

    bool done() const noexcept { return promise_ != nullptr && promise_->done; }

    void destroy() noexcept {
        if (promise_type* p = std::exchange(promise_, nullptr)) {
            p->first.unlink_if_linked();
            destroy_chain(*p);
        }
    }

private:
    promise_type* promise_;
};

inline destroyable destroyable::promise_type::get_return_object() noexcept {
    self = std::coroutine_handle<promise_type>::from_promise(*this);
    return destroyable(*this);
}

template <class T>
destroyable await_destroyably(task<T> part, std::optional<optional_result<T>>& value) {
    if constexpr (std::is_void_v<T>) {
        co_await std::move(part);
        value.emplace();
    } else if constexpr (std::is_reference_v<T>) {
        value.emplace(std::ref(co_await std::move(part)));
    } else {
        value.emplace(co_await std::move(part));
    }
}

}  // namespace async::inline v0::detail
