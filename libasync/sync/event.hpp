// Something that happens once, or now and then, and that tasks wait for: asyncio.Event.
#pragma once

#include <libasync/sync/waiter.hpp>

namespace async::inline v0 {

// Not copyable or movable. Whoever waits when it is destroyed is told so by std::logic_error.
class event {
    class awaiter;
    struct description;

public:
    event() noexcept = default;
    event(const event&) = delete;
    event& operator=(const event&) = delete;

    bool is_set() const noexcept { return set_; }

    // All who wait go on, even if the event is cleared again at once. On the thread of their loop; from others, and
    // from signal handlers, a notifier.
    void set() noexcept {
        set_ = true;
        waiters_.grant_all();
    }

    void clear() noexcept { set_ = false; }

    // Goes on once the event is set. Throws std::logic_error if tasks of another loop wait for it.
    // Cancel class: lossless.
    description wait() noexcept;

private:
    detail::wait_queue waiters_;
    bool set_ = false;
};

class event::awaiter : public detail::sync_awaiter<event::awaiter> {
public:
    explicit awaiter(event& e) noexcept : event_(&e) {}

    bool begin() const noexcept { return event_->is_set(); }
    void line_up() { event_->waiters_.add(*this, "event::wait"); }

    void await_resume() { settle("event::wait"); }

private:
    event* event_;
};

struct [[nodiscard("a wait happens when it is awaited")]] event::description {
    using async_native = void;
    event* awaited;
    auto operator co_await() const noexcept { return awaiter(*awaited); }
};

inline event::description event::wait() noexcept { return {this}; }

}  // namespace async::inline v0
