// A place where a number of tasks meet: asyncio.Barrier.
#pragma once

#include <cstddef>
#include <stdexcept>

#include <libasync/sync/waiter.hpp>

namespace async::inline v0 {

// Thrown by barrier::wait when the barrier was reset or aborted.
class LIBASYNC_EXPORT broken_barrier : public std::runtime_error {
public:
    broken_barrier();
    ~broken_barrier() override;
};

// Not copyable or movable. Whoever waits when it is destroyed is told so by std::logic_error.
class barrier {
    class awaiter;
    struct description;

public:
    // Throws std::invalid_argument if there are no parties.
    explicit barrier(std::size_t parties) : parties_(parties) {
        if (parties == 0) throw std::invalid_argument("barrier: at least one party is needed");
    }
    barrier(const barrier&) = delete;
    barrier& operator=(const barrier&) = delete;

    // Goes on when all parties wait, and gives each another number below `parties()`: the last to come the highest. One
    // that is cancelled before has not come. Throws broken_barrier if the barrier is aborted, or reset meanwhile,
    // std::logic_error if tasks of another loop wait. Cancel class: lossless.
    description wait() noexcept;

    // Those who wait get broken_barrier; who comes later begins a new round.
    void reset() noexcept {
        broken_ = false;
        waiters_.refuse_all();
    }

    // Those who wait, and all who come until the next reset, get broken_barrier.
    void abort() noexcept {
        broken_ = true;
        waiters_.refuse_all();
    }

    std::size_t parties() const noexcept { return parties_; }
    std::size_t n_waiting() const noexcept { return waiters_.size(); }
    bool broken() const noexcept { return broken_; }

private:
    const std::size_t parties_;
    detail::wait_queue waiters_;
    bool broken_ = false;
};

class barrier::awaiter : detail::sync_waiter {
public:
    explicit awaiter(barrier& b) noexcept : barrier_(&b) {}

    bool await_ready() const noexcept { return false; }

    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> h) {
        if (!enter(h, *this)) return true;
        if (barrier_->broken_) throw broken_barrier();
        if (barrier_->waiters_.size() + 1 < barrier_->parties_) {
            barrier_->waiters_.add(*this, "barrier::wait");
            return true;
        }
        while (detail::sync_waiter* first = barrier_->waiters_.first()) {
            static_cast<awaiter*>(first)->number_ = number_++;
            detail::wait_queue::grant(*first);
        }
        return granted_at_once();
    }

    std::size_t await_resume() {
        const bool broken = state_ == state::refused;
        settle("barrier::wait");
        if (broken) throw broken_barrier();
        return number_;
    }

private:
    barrier* barrier_;
    std::size_t number_ = 0;
};

struct [[nodiscard("a wait happens when it is awaited")]] barrier::description {
    using async_native = void;
    barrier* awaited;
    auto operator co_await() const noexcept { return awaiter(*awaited); }
};

inline barrier::description barrier::wait() noexcept { return {this}; }

}  // namespace async::inline v0
