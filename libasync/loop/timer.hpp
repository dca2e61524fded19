// A timer that calls back, set and moved as often as one likes without allocating: libuv's uv_timer_t.
// Coroutines rather use sleep, sleep_until and timeout.
#pragma once

#include <libasync/loop/context.hpp>
#include <libasync/loop/loop.hpp>

namespace async::inline v0 {

class alignas(64) timer : detail::timer_node {
public:
    // `fn` is called on the loop each time the timer comes due.
    timer(loop& owner, unique_function<void()> fn, std::source_location created = std::source_location::current())
        : owner_(&owner),
          function_(std::move(fn)),
          created_(created) {
        if (!function_) throw std::invalid_argument("a callback must not be empty");
        run = &timer::call;
    }
    ~timer() { cancel(); }

    // Comes due at `when`, once; moves the timer if it is set already. Throws std::bad_alloc.
    void set(time_point when) {
        owner_->core().check_thread("timer::set");
        unlink_if_linked();
        owner_->core().timers.set(*this, when);
    }

    // Comes due after `delay`, counted from this call.
    template <class Rep, class Period>
    void set_after(std::chrono::duration<Rep, Period> delay) {
        set(owner_->deadline_after(delay));
    }

    // The callback will not be called until the timer is set again.
    void cancel() noexcept {
        owner_->core().timers.cancel(*this);
        unlink_if_linked();
    }

    bool pending() const noexcept { return armed() || linked(); }

private:
    static bool call(detail::ready_node* node) noexcept {
        auto* self = static_cast<timer*>(node);
        loop* owner = self->owner_;
        const std::source_location created = self->created_;
        const detail::context_entry inside(self->context_);
        try {
            self->function_();
        } catch (...) {
            owner->report({"a timer's callback threw", {}, created, std::current_exception()});
        }
        return false;
    }

    loop* owner_;
    unique_function<void()> function_;
    std::source_location created_;
    const detail::context_values context_ = detail::copy_of_values_here();  // in which it is called
};

}  // namespace async::inline v0
