// A coroutine type that knows nothing of libasync.
#pragma once

#include <coroutine>
#include <exception>
#include <utility>

namespace async_tests {

// Starts at once. Destroying the object destroys the frame, wherever it is suspended.
class foreign_coroutine {
public:
    struct promise_type {
        std::exception_ptr failure;
        foreign_coroutine get_return_object() {
            return foreign_coroutine(std::coroutine_handle<promise_type>::from_promise(*this));
        }
        std::suspend_never initial_suspend() const noexcept { return {}; }
        std::suspend_always final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        void unhandled_exception() noexcept { failure = std::current_exception(); }
    };

    explicit foreign_coroutine(std::coroutine_handle<promise_type> h) : frame_(h) {}
    foreign_coroutine(foreign_coroutine&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
    foreign_coroutine& operator=(foreign_coroutine&&) = delete;
    ~foreign_coroutine() { destroy(); }

    bool done() const { return frame_.done(); }
    std::exception_ptr failure() const { return frame_.promise().failure; }
    void destroy() {
        if (frame_) std::exchange(frame_, nullptr).destroy();
    }

private:
    std::coroutine_handle<promise_type> frame_;
};

}  // namespace async_tests
