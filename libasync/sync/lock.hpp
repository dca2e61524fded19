// Mutual exclusion between the tasks of one loop: asyncio.Lock.
//
//   async::lock door;
//   {
//       auto guard = co_await door.scoped();
//       ...  // one task at a time, whatever is awaited here
//   }
#pragma once

#include <cstdint>
#include <stdexcept>

#include <libasync/detail/exchange.hpp>
#include <libasync/sync/permits.hpp>

namespace async::inline v0 {

class condition;
class lock;

// Holds a lock and gives it back when it goes. Move-only.
class [[nodiscard]] lock_guard {
public:
    lock_guard(lock& held, std::uint64_t acquisition) noexcept : lock_(&held), acquisition_(acquisition) {}
    lock_guard(lock_guard&& other) noexcept
        : lock_(detail::exchange(other.lock_, nullptr)),
          acquisition_(other.acquisition_) {}
    lock_guard& operator=(lock_guard&&) = delete;
    ~lock_guard() { release(); }

    // Gives the lock back before its time. May be repeated.
    void release() noexcept;

private:
    lock* lock_;
    std::uint64_t acquisition_;
};

// Not copyable or movable. Whoever waits when it is destroyed is told so by std::logic_error. It does not know its
// holder: a task that acquires twice waits for itself. First come, first served: a lock that is given back while tasks
// wait belongs to the first of them at once.
class lock {
    using acquire_description = detail::permit_description<lock, void>;
    using scoped_description = detail::permit_description<lock, lock_guard>;

public:
    lock() noexcept = default;
    lock(const lock&) = delete;
    lock& operator=(const lock&) = delete;

    bool locked() const noexcept { return permits_.free() == 0; }

    // Goes on once the caller holds the lock. Throws std::logic_error if tasks of another loop wait for it.
    // Cancel class: lossless.
    acquire_description acquire() noexcept { return {this}; }

    // The same, and gives a guard that releases it. Cancel class: lossless.
    scoped_description scoped() noexcept { return {this}; }

    // Takes the lock if it is free: whether it did.
    bool try_acquire() noexcept {
        if (!permits_.try_take()) return false;
        taken();
        return true;
    }

    // Throws std::logic_error if the lock is not held.
    void release() {
        if (!locked()) throw std::logic_error("lock::release: the lock is not held");
        give_back();
    }

private:
    template <class, class>
    friend class detail::permit_awaiter;
    friend condition;
    friend lock_guard;

    static constexpr const char* acquiring = "lock::acquire";

    std::uint64_t taken() noexcept { return holder_ = ++acquisitions_; }
    void give_back() noexcept {
        holder_ = 0;
        permits_.give_back();
    }

    detail::permits permits_{1};
    // Which acquisition holds the lock, so that a guard does not release what it has lost: a task that is destroyed
    // in condition::wait unwinds without the lock.
    std::uint64_t holder_ = 0;
    std::uint64_t acquisitions_ = 0;
};

inline void lock_guard::release() noexcept {
    lock* held = detail::exchange(lock_, nullptr);
    if (held && held->holder_ == acquisition_) held->give_back();
}

}  // namespace async::inline v0
