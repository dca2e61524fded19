// At most so many at a time: asyncio.Semaphore and asyncio.BoundedSemaphore.
//
//   async::semaphore connections(10);
//   {
//       auto permit = co_await connections.scoped();
//       ...
//   }
#pragma once

#include <cstddef>
#include <stdexcept>

#include <libasync/detail/exchange.hpp>
#include <libasync/sync/permits.hpp>

namespace async::inline v0 {

class semaphore;

// Holds one permit and gives it back when it goes. Move-only.
class [[nodiscard]] semaphore_guard {
public:
    semaphore_guard(semaphore& from, std::size_t) noexcept : from_(&from) {}
    semaphore_guard(semaphore_guard&& other) noexcept : from_(detail::exchange(other.from_, nullptr)) {}
    semaphore_guard& operator=(semaphore_guard&&) = delete;
    ~semaphore_guard() { release(); }

    // Gives the permit back before its time. May be repeated.
    void release() noexcept;

private:
    semaphore* from_;
};

// Not copyable or movable. Whoever waits when it is destroyed is told so by std::logic_error. First come, first
// served: permits that come back while tasks wait belong to the first of them at once.
class semaphore {
    using acquire_description = detail::permit_description<semaphore, void>;
    using scoped_description = detail::permit_description<semaphore, semaphore_guard>;

public:
    explicit semaphore(std::size_t permits = 1) noexcept : permits_(permits) {}
    semaphore(const semaphore&) = delete;
    semaphore& operator=(const semaphore&) = delete;

    // Whether an acquire would have to wait.
    bool locked() const noexcept { return permits_.free() == 0; }
    std::size_t value() const noexcept { return permits_.free(); }

    // Goes on once the caller has one permit. Throws std::logic_error if tasks of another loop wait for one.
    // Cancel class: lossless.
    acquire_description acquire() noexcept { return {this}; }

    // The same, and gives a guard that releases it. Cancel class: lossless.
    scoped_description scoped() noexcept { return {this}; }

    // Takes a permit if one is free: whether it did.
    bool try_acquire() noexcept { return permits_.try_take(); }

    // Gives back one permit, or adds one that was never taken.
    void release() noexcept { permits_.give_back(); }

private:
    template <class, class>
    friend class detail::permit_awaiter;

    static constexpr const char* acquiring = "semaphore::acquire";

    std::size_t taken() const noexcept { return permits_.free(); }

    detail::permits permits_;
};

inline void semaphore_guard::release() noexcept {
    if (semaphore* from = detail::exchange(from_, nullptr)) from->release();
}

// A semaphore that counts: more than it began with do not come back.
class bounded_semaphore : public semaphore {
public:
    explicit bounded_semaphore(std::size_t permits = 1) noexcept : semaphore(permits), bound_(permits) {}

    // Throws std::logic_error if all permits are back already.
    void release() {
        if (value() == bound_) throw std::logic_error("bounded_semaphore::release: more often than it was acquired");
        semaphore::release();
    }

private:
    const std::size_t bound_;
};

}  // namespace async::inline v0
