// Waiting until nothing moves any more, so that a test may rely on where the other tasks stand.
#pragma once

#include <libasync/coro/leaf.hpp>

namespace async::inline v0 {

namespace testing {

namespace internal {

class idle_awaiter : async::detail::leaf {
public:
    idle_awaiter() noexcept : leaf(&idle_awaiter::stop) {}
    ~idle_awaiter() { node_.unlink_if_linked(); }

    bool await_ready() const noexcept { return false; }

    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> h) {
        if (!enter(h, node_)) return;
        entered_in_ = core().idle_rounds;
        core().when_idle.push_back(node_);
        wait();
    }

    void await_resume() {
        leave();
        if (stopped_) cancelled_access::raise();
    }

private:
    static void stop(leaf& l) noexcept {
        auto& self = static_cast<idle_awaiter&>(l);
        const bool recorded = self.core().idle_rounds != self.entered_in_;
        if (recorded || self.stopped_) return;
        self.stopped_ = true;
        self.node_.unlink();
        self.core().ready.push_back(self.node_);
    }

    async::detail::ready_node node_;
    std::uint64_t entered_in_ = 0;
    bool stopped_ = false;
};

struct [[nodiscard("it waits when it is awaited")]] idle_description {
    using async_native = void;
    auto operator co_await() const noexcept { return idle_awaiter(); }
};

}  // namespace internal

// Goes on when every other task of this loop is blocked: nothing is ready, and the engine, asked without waiting, has
// nothing that finished. A task that sleeps is blocked, however soon its time comes; one that yields again and again
// never is. Work in the thread pool and bytes on their way are not waited for: what they will bring is not there yet.
// Several that wait go on together. trio's function of the name.
//
// It also goes on in a turn that is driven by hand and may not wait (turn::no_wait), if that turn finds the loop so;
// runner::turn asks for a further turn as long as somebody waits here. Cancel class: lossless.
inline internal::idle_description wait_all_tasks_blocked() noexcept { return {}; }

}  // namespace testing

}  // namespace async::inline v0
