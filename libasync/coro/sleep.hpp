// Letting time pass, or others run: sleep, sleep_until, yield.
#pragma once

#include <chrono>

#include <libasync/coro/leaf.hpp>
#include <libasync/loop/loop.hpp>

namespace async::inline v0 {

namespace detail {

class yield_awaiter : leaf {
public:
    yield_awaiter() noexcept : leaf([](leaf&) noexcept {}) {}
    ~yield_awaiter() { node_.unlink_if_linked(); }

    bool await_ready() const noexcept { return false; }

    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> h) {
        if (!enter(h, node_)) return;
        core().ready.push_back(node_);
    }

    void await_resume() { leave(); }

private:
    ready_node node_;
};

class sleep_awaiter : leaf {
public:
    explicit sleep_awaiter(time_point until) noexcept : leaf(&sleep_awaiter::stop), until_(until) {}
    ~sleep_awaiter() { give_up(); }

    bool await_ready() const noexcept { return false; }

    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> h) {
        if (!enter(h, timer_)) return true;
        core().timers.set(timer_, until_);
        wait();
        return true;
    }

    void await_resume() {
        leave();
        if (stopped_) cancelled_access::raise();
    }

    // For select: whether it was begun and the time has come, and how to go on without it.
    bool has_come() const noexcept { return context != nullptr && !timer_.armed(); }
    void give_up() noexcept {
        if (timer_.armed()) core().timers.cancel(timer_);
        timer_.unlink_if_linked();
    }

private:
    static void stop(leaf& l) noexcept {
        auto& self = static_cast<sleep_awaiter&>(l);
        if (!self.timer_.armed()) return;
        self.stopped_ = true;
        self.core().timers.cancel(self.timer_);
        self.core().ready.push_back(self.timer_);
    }

    const time_point until_;
    timer_node timer_;
    bool stopped_ = false;
};

struct [[nodiscard("a sleep happens when it is awaited")]] sleep_description {
    using async_native = void;
    time_point until;
    auto operator co_await() const noexcept { return sleep_awaiter(until); }
};

struct [[nodiscard("a yield happens when it is awaited")]] yield_description {
    using async_native = void;
    auto operator co_await() const noexcept { return yield_awaiter(); }
};

}  // namespace detail

// Goes on in a later turn, after everything that is ready now. Cancel class: lossless.
inline detail::yield_description yield() noexcept { return {}; }

// Goes on once `until` has come, never before. Throws std::bad_alloc. Cancel class: lossless.
inline detail::sleep_description sleep_until(time_point until) noexcept { return {until}; }

// Goes on after `delay`, counted from this call; zero or less means in a later turn.
// Throws std::invalid_argument if `delay` is not a number, errc::no_loop outside a loop. Cancel class: lossless.
template <class Rep, class Period>
detail::sleep_description sleep(std::chrono::duration<Rep, Period> delay) {
    return {this_loop().deadline_after(delay)};
}

}  // namespace async::inline v0
