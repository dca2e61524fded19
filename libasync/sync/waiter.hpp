// What stands in the queue of a lock, an event, a queue: a task that waits until another one hands over what it
// waits for. Handing over is the outcome: a cancellation that comes later does not touch it, and what was handed over
// to a task that is destroyed before it goes on is passed on.
#pragma once

#include <stdexcept>
#include <string>

#include <libasync/coro/leaf.hpp>
#include <libasync/detail/exchange.hpp>

namespace async::inline v0::detail {

class wait_queue;
struct selected_wait;

// Several waits of one task of which only one may be granted what it waits for: told when one is.
struct selection {
    void (*decided)(selection&) noexcept;
};

// The node stands in the queue of who waits, and then in the ready queue.
class sync_waiter : protected leaf, protected ready_node {
protected:
    enum class state : unsigned char {
        idle,      // has not waited, or goes on already
        waiting,   // in a queue
        granted,   // was given what it waited for
        stopped,   // was cancelled
        refused,   // is not given it, for a reason that its object knows
        orphaned,  // its object is gone
    };

    explicit sync_waiter(cancel_function f = &sync_waiter::stop) noexcept : leaf(f) {}
    ~sync_waiter() { leave_queue(); }

    // Goes on in a later step, or, if it was given what it wanted at once, maybe in this one: whether it has to wait.
    bool granted_at_once() noexcept {
        state_ = state::granted;
        if (core().may_continue_in_place()) return false;
        go_on(state::granted);
        return true;
    }
    void go_on(state s) noexcept {
        state_ = s;
        wait();
        core().ready.push_back(*this);
        if (selection_ && s != state::stopped) [[unlikely]]
            selection_->decided(*selection_);
    }

    // Out of the queue of who waits, or the ready queue.
    void leave_queue() noexcept;

    // Ends the wait: raises if it was cancelled. What was granted is taken.
    void settle(const char* awaited) {
        leave();
        const state ended = detail::exchange(state_, state::idle);
        if (ended == state::stopped) cancelled_access::raise();
        if (ended == state::orphaned) throw std::logic_error(std::string(awaited) + ": destroyed while a task waits");
    }

    static void stop(leaf& l) noexcept {
        auto& self = static_cast<sync_waiter&>(l);
        if (self.state_ != state::waiting) return;
        self.leave_queue();
        self.go_on(state::stopped);
    }

    state state_ = state::idle;

private:
    friend wait_queue;
    friend selected_wait;
    wait_queue* in_ = nullptr;
    selection* selection_ = nullptr;
};

// The common part of those that either have what they want at once, or line up for it:
//   bool begin();    // whether it was done at once
//   void line_up();  // if not
template <class Awaiter>
class sync_awaiter : public sync_waiter {
public:
    using sync_waiter::sync_waiter;
    bool await_ready() const noexcept { return false; }

    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> h) {
        if (!enter(h, *this)) return true;
        auto& self = static_cast<Awaiter&>(*this);
        if (self.begin()) return granted_at_once();
        self.line_up();
        return true;
    }
};

// First come, first served. The tasks of one loop.
class wait_queue {
public:
    wait_queue() = default;
    wait_queue(const wait_queue&) = delete;
    wait_queue& operator=(const wait_queue&) = delete;
    ~wait_queue() { end_all(sync_waiter::state::orphaned); }

    bool empty() const noexcept { return size_ == 0; }
    std::size_t size() const noexcept { return size_; }

    // Throws std::logic_error if tasks of another loop wait here.
    void add(sync_waiter& w, const char* operation) {
        if (!empty() && &first()->core() != &w.core()) {
            throw std::logic_error(std::string(operation) + ": tasks of another loop wait for the same object");
        }
        w.wait();
        take_over(w);
    }

    // One that waits already, elsewhere.
    void take_over(sync_waiter& w) noexcept {
        w.leave_queue();
        w.state_ = sync_waiter::state::waiting;
        w.in_ = this;
        waiters_.push_back(w);
        ++size_;
    }

    // The one that has waited longest, or null.
    sync_waiter* first() noexcept { return static_cast<sync_waiter*>(waiters_.first()); }

    // It is given what it waits for. Called by its own loop, or where none runs.
    static void grant(sync_waiter& w) noexcept {
        LIBASYNC_ASSERT(this_core == nullptr || this_core == &w.core(), "tasks are woken by tasks of their own loop");
        w.leave_queue();
        w.go_on(sync_waiter::state::granted);
    }
    bool grant_first() noexcept {
        if (empty()) return false;
        grant(*first());
        return true;
    }
    void grant_all() noexcept { end_all(sync_waiter::state::granted); }
    void refuse_all() noexcept { end_all(sync_waiter::state::refused); }

private:
    void end_all(sync_waiter::state s) noexcept {
        while (sync_waiter* w = first()) {
            w->leave_queue();
            w->go_on(s);
        }
    }

    friend sync_waiter;

    ready_list waiters_;
    std::size_t size_ = 0;
};

inline void sync_waiter::leave_queue() noexcept {
    unlink_if_linked();
    if (wait_queue* q = detail::exchange(in_, nullptr)) --q->size_;
}

}  // namespace async::inline v0::detail
