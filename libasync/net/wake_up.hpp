// Waiting until something about a shared object may have changed: all who wait go on, and look again.
#pragma once

#include <libasync/coro/leaf.hpp>

namespace async::inline v0::detail {

// Must outlive those who wait; the tasks of one loop.
class wake_up {
public:
    wake_up() = default;
    wake_up(const wake_up&) = delete;
    wake_up& operator=(const wake_up&) = delete;

    class awaiter : leaf, ready_node {
    public:
        explicit awaiter(wake_up& w) noexcept : leaf(&awaiter::stop), wake_up_(&w) {}
        ~awaiter() { unlink_if_linked(); }

        bool await_ready() const noexcept { return false; }

        template <class Promise>
        bool await_suspend(std::coroutine_handle<Promise> h) {
            if (!enter(h, *this)) return true;
            waits_ = true;
            wake_up_->waiting_.push_back(*this);
            wait();
            return true;
        }

        void await_resume() {
            leave();
            if (stopped_) cancelled_access::raise();
        }

    private:
        friend wake_up;

        void go_on() noexcept {
            waits_ = false;
            unlink();
            core().ready.push_back(*this);
        }

        static void stop(leaf& l) noexcept {
            auto& self = static_cast<awaiter&>(l);
            if (!self.waits_) return;
            self.stopped_ = true;
            self.go_on();
        }

        wake_up* wake_up_;
        bool waits_ = false;
        bool stopped_ = false;
    };

    struct [[nodiscard("a wait happens when it is awaited")]] description {
        using async_native = void;
        wake_up* awaited;
        auto operator co_await() const noexcept { return awaiter(*awaited); }
    };

    description wait() noexcept { return {this}; }

    void all() noexcept {
        while (ready_node* first = waiting_.first()) static_cast<awaiter*>(first)->go_on();
    }

private:
    ready_list waiting_;
};

}  // namespace async::inline v0::detail
