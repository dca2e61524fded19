// What the promises of all tasks share, and how tasks resume each other without growing the stack.
//
// Awaiting a child resumes it in place. If it finishes at once, the parent goes on in place. If it suspends, or if 32
// such levels stand on the stack, the parent is suspended too and all levels fall back to the driver, the loop of
// `loop_core::resume`. A child that finishes later hands its parent to the driver through the one `next` slot. So the
// stack never holds more than 32 levels, on any compiler, optimised or not, whatever the depth of the chain.
#pragma once

#include <coroutine>
#include <cstdint>
#include <source_location>

#include <libasync/coro/frame_allocator.hpp>
#include <libasync/coro/scope.hpp>
#include <libasync/loop/loop_core.hpp>

namespace async::inline v0::detail {

enum class task_state : std::uint8_t {
    fresh,             // not started
    running_in_place,  // its parent's await stands on the stack below it
    parent_suspended,  // its parent waits for the driver
    spawned,           // has no parent but a control block
    finished,
};

struct promise_base {
    promise_base() = default;
    promise_base(const promise_base&) = delete;
    promise_base& operator=(const promise_base&) = delete;

    static void* operator new(std::size_t size) { return allocate_frame(size); }
    static void operator delete(void* frame, std::size_t size) noexcept { free_frame(frame, size); }

    task_context* context = nullptr;
    promise_base* parent = nullptr;
    promise_base* child = nullptr;             // whom this task awaits
    std::coroutine_handle<>* owner = nullptr;  // the handle through which the parent owns this frame
    std::coroutine_handle<> self;
    std::source_location where;  // of the current await
    task_state state = task_state::fresh;
};

struct final_awaiter {
    bool await_ready() const noexcept { return false; }
    void await_resume() const noexcept {}

    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> h) const noexcept {
        promise_base& p = h.promise();
        const task_state state = p.state;
        p.state = task_state::finished;
        if (state == task_state::running_in_place) return;
        hand_over(p, state);
    }

private:
    static void hand_over(promise_base& p, task_state state) noexcept;
};

// Destroys a suspended task and the chain of tasks it awaits, innermost first, without recursion.
void destroy_chain(promise_base& p) noexcept;

}  // namespace async::inline v0::detail
