// Awaitables of other libraries, awaited from a task. Whoever resumes them, on whatever thread, resumes a small
// bridge that posts the task to its loop; so the task always goes on in a step of its own loop. A foreign await
// cannot be cancelled: it is waited for.
#pragma once

#include <coroutine>
#include <exception>
#include <type_traits>
#include <utility>

#include <libasync/coro/leaf.hpp>
#include <libasync/detail/exchange.hpp>

namespace async::inline v0::detail {

// A coroutine that does nothing but post `node` when it is resumed.
class bridge {
public:
    struct promise_type {
        bridge get_return_object() noexcept { return bridge(std::coroutine_handle<promise_type>::from_promise(*this)); }
        std::suspend_always initial_suspend() const noexcept { return {}; }
        std::suspend_always final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        void unhandled_exception() const noexcept { std::terminate(); }
    };

    bridge() = default;
    bridge(bridge&& other) noexcept : frame_(detail::exchange(other.frame_, nullptr)) {}
    bridge& operator=(bridge&& other) noexcept {
        std::swap(frame_, other.frame_);
        return *this;
    }
    ~bridge() {
        if (frame_) frame_.destroy();
    }

    static bridge to(io::engine& engine, ready_node& node) {
        co_await post_when_resumed{engine, node};
    }

    std::coroutine_handle<> handle() const noexcept { return frame_; }

private:
    // A member, as g++ 12 ends with an internal error where a precompiled header holds a coroutine's local class.
    struct post_when_resumed {
        io::engine& engine;
        ready_node& node;
        bool await_ready() const noexcept { return false; }
        // Suspended for good before the post: the task may go on, and destroy this frame, at once.
        void await_suspend(std::coroutine_handle<>) const noexcept {
            io::engine& e = engine;
            ready_node& n = node;
            e.post(n);
        }
        void await_resume() const noexcept {}
    };

    explicit bridge(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}
    std::coroutine_handle<promise_type> frame_;
};

template <class A>
decltype(auto) awaiter_of(A&& awaitable) {
    if constexpr (requires { std::forward<A>(awaitable).operator co_await(); }) {
        return std::forward<A>(awaitable).operator co_await();
    } else if constexpr (requires { operator co_await(std::forward<A>(awaitable)); }) {
        return operator co_await(std::forward<A>(awaitable));
    } else {
        return static_cast<A&&>(awaitable);
    }
}

template <class A>
class foreign_awaiter : leaf {
    using awaiter = decltype(awaiter_of(std::declval<A>()));

public:
    explicit foreign_awaiter(A awaitable)
        : leaf([](leaf&) noexcept {}),
          awaiter_(awaiter_of(std::forward<A>(awaitable))) {}

    bool await_ready() const noexcept { return false; }

    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> h) {
        if (!enter(h, node_)) return true;
        if (awaiter_.await_ready()) return false;
        bridge_ = bridge::to(*core().engine, node_);
        wait();
        using result = decltype(awaiter_.await_suspend(bridge_.handle()));
        if constexpr (std::is_void_v<result>) {
            awaiter_.await_suspend(bridge_.handle());
            return true;
        } else if constexpr (std::is_same_v<result, bool>) {
            return awaiter_.await_suspend(bridge_.handle());
        } else {
            awaiter_.await_suspend(bridge_.handle()).resume();
            return true;
        }
    }

    decltype(auto) await_resume() {
        leave();
        return awaiter_.await_resume();
    }

private:
    ready_node node_;
    awaiter awaiter_;
    bridge bridge_;
};

}  // namespace async::inline v0::detail
