// Waiting, with a lock held, until another task says that something may have changed: asyncio.Condition.
//
//   auto guard = co_await changed.scoped();
//   while (items.empty()) co_await changed.wait();  // the lock is free meanwhile
#pragma once

#include <stdexcept>

#include <libasync/coro/task.hpp>
#include <libasync/detail/exchange.hpp>
#include <libasync/sync/lock.hpp>

namespace async::inline v0 {

// Not copyable or movable. Whoever waits when it is destroyed is told so by std::logic_error.
class condition {
    class awaiter;
    struct description;

public:
    // With a lock of its own, or one that it shares with others and that outlives it.
    condition() noexcept : lock_(own_) {}
    explicit condition(lock& shared) noexcept : lock_(shared) {}
    condition(const condition&) = delete;
    condition& operator=(const condition&) = delete;

    // The members of its lock. Cancel class: lossless.
    auto acquire() noexcept { return lock_.acquire(); }
    // Cancel class: lossless.
    auto scoped() noexcept { return lock_.scoped(); }
    bool try_acquire() noexcept { return lock_.try_acquire(); }
    void release() { lock_.release(); }
    bool locked() const noexcept { return lock_.locked(); }

    // Gives the lock back, waits until it is notified, and goes on once it holds the lock again: also if it is cancelled
    // meanwhile. Throws std::logic_error if the lock is not held. Cancel class: lossless: a notification that came
    // before the cancellation counts, one to a task that is destroyed goes to the next.
    description wait() noexcept;

    // Waits until `holds()` is true, which it is asked with the lock held. Cancel class: lossless.
    template <class Predicate>
    task<void> wait_for(Predicate holds);

    // Wakes the first `count` who wait. Throws std::logic_error if the lock is not held.
    void notify(std::size_t count = 1);
    void notify_all();

private:
    void require_lock(const char* operation) const {
        if (!lock_.locked()) throw std::logic_error(std::string(operation) + ": the lock is not held");
    }
    void wake_first() noexcept;

    lock own_;  // unless it shares another
    lock& lock_;
    detail::wait_queue waiters_;
};

// Waits here, and then in the line for the lock.
class condition::awaiter : detail::sync_waiter {
public:
    explicit awaiter(condition& c) noexcept : sync_waiter(&awaiter::stop), condition_(&c) {}
    ~awaiter() {
        const bool holds_lock = state_ == state::granted && reason_ != reason::none;
        leave_queue();
        if (reason_ == reason::notified) condition_->wake_first();
        if (holds_lock) condition_->lock_.give_back();
    }

    bool await_ready() const noexcept { return false; }

    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> h) {
        if (!enter(h, *this)) return true;
        condition_->require_lock("condition::wait");
        condition_->waiters_.add(*this, "condition::wait");
        acquisition_ = condition_->lock_.holder_;
        condition_->lock_.give_back();
        return true;
    }

    void await_resume() {
        const reason why = detail::exchange(reason_, reason::none);
        if (why != reason::none && state_ == state::granted) condition_->lock_.holder_ = acquisition_;
        settle("condition::wait");
        if (why == reason::cancelled) cancelled_access::raise();
    }

private:
    friend condition;
    enum class reason : unsigned char { none, notified, cancelled };

    // From the condition's queue to the lock's.
    void return_to_lock(reason why) noexcept {
        leave_queue();
        reason_ = why;
        if (condition_->lock_.permits_.try_take()) {
            go_on(state::granted);
        } else {
            condition_->lock_.permits_.wait_in_line(*this);
        }
    }

    static void stop(leaf& l) noexcept {
        auto& self = static_cast<awaiter&>(static_cast<sync_waiter&>(l));
        if (self.state_ == state::waiting && self.reason_ == reason::none) self.return_to_lock(reason::cancelled);
    }

    condition* condition_;
    std::uint64_t acquisition_ = 0;
    reason reason_ = reason::none;
};

struct [[nodiscard("a wait happens when it is awaited")]] condition::description {
    using async_native = void;
    condition* awaited;
    auto operator co_await() const noexcept { return awaiter(*awaited); }
};

inline condition::description condition::wait() noexcept { return {this}; }

template <class Predicate>
task<void> condition::wait_for(Predicate holds) {
    while (!holds()) co_await wait();
}

inline void condition::wake_first() noexcept {
    if (detail::sync_waiter* first = waiters_.first()) static_cast<awaiter*>(first)->return_to_lock(awaiter::reason::notified);
}

inline void condition::notify(std::size_t count) {
    require_lock("condition::notify");
    for (; count > 0 && !waiters_.empty(); --count) wake_first();
}

inline void condition::notify_all() {
    require_lock("condition::notify_all");
    while (!waiters_.empty()) wake_first();
}

}  // namespace async::inline v0
