// A number of tokens that are borrowed, each by somebody in particular, and that may be changed while they are out:
// trio's CapacityLimiter.
//
//   async::capacity_limiter connections(10);
//   {
//       auto token = co_await connections.scoped();   // this task has one of ten
//       ...
//   }
//   connections.set_total_tokens(20);
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

#include <libasync/detail/exchange.hpp>
#include <libasync/sync/borrowers.hpp>
#include <libasync/sync/waiter.hpp>

namespace async::inline v0 {

class capacity_limiter;

// Holds one token and gives it back when it goes. Move-only.
class [[nodiscard]] capacity_guard {
public:
    capacity_guard(capacity_limiter& from, const detail::borrower& who, std::uint64_t acquisition) noexcept
        : from_(&from),
          who_(who),
          acquisition_(acquisition) {}
    capacity_guard(capacity_guard&& other) noexcept
        : from_(detail::exchange(other.from_, nullptr)),
          who_(other.who_),
          acquisition_(other.acquisition_) {}
    capacity_guard& operator=(capacity_guard&&) = delete;
    ~capacity_guard() { release(); }

    // Gives the token back before its time. May be repeated; does nothing if the token was given back already.
    void release() noexcept;

private:
    capacity_limiter* from_;
    detail::borrower who_;
    std::uint64_t acquisition_;
};

// In numbers of tokens and tasks.
struct capacity_statistics {
    std::size_t borrowed_tokens = 0;
    std::size_t total_tokens = 0;
    std::size_t tasks_waiting = 0;
};

// Not copyable or movable. Whoever waits when it is destroyed is told so by std::logic_error. First come, first served:
// a token that comes back while tasks wait belongs to the first of them at once. A borrower has one token at a time: one
// that asks for a second, or gives back what it does not have, gets std::logic_error. A task is its own borrower; the
// tasks that it starts, those of gather among them, are others. A token of a task that has ended without giving it back
// stays borrowed.
class capacity_limiter {
    class awaiter;
    class guard_awaiter;
    struct description;
    struct scoped_description;

public:
    static constexpr std::size_t unlimited = static_cast<std::size_t>(-1);

    explicit capacity_limiter(std::size_t total_tokens) noexcept : total_(total_tokens) {}
    capacity_limiter(const capacity_limiter&) = delete;
    capacity_limiter& operator=(const capacity_limiter&) = delete;

    // Goes on once the task has a token. Throws std::logic_error if it has one already, if the caller is no task, or if
    // tasks of another loop wait; std::bad_alloc. Cancel class: lossless.
    description acquire() noexcept;

    // The same, and gives a guard that gives the token back. Cancel class: lossless.
    scoped_description scoped() noexcept;

    // The same for any object as the borrower, known by its address until it has given the token back; the caller need
    // not be a task. Throws std::invalid_argument if it is null. Cancel class: lossless.
    description acquire_on_behalf_of(const void* borrower);

    // The same, with a guard. Cancel class: lossless.
    scoped_description scoped_on_behalf_of(const void* borrower);

    // Takes a token if one is there: whether it did. Throws as `acquire`.
    bool try_acquire() { return try_take(current_task("capacity_limiter::try_acquire")) != 0; }
    bool try_acquire_on_behalf_of(const void* borrower) { return try_take(object(borrower)) != 0; }

    // Throws std::logic_error if the current task, or the borrower, holds no token.
    void release() {
        constexpr const char* operation = "capacity_limiter::release";
        release_of(current_task(operation), operation);
    }
    void release_on_behalf_of(const void* borrower) {
        release_of(detail::borrower(borrower), "capacity_limiter::release_on_behalf_of");
    }

    std::size_t total_tokens() const noexcept { return total_; }

    // With more, those who wait are served, on the thread of their loop; with fewer, nobody loses a token, but none is
    // given out until enough came back. 0 stops all.
    void set_total_tokens(std::size_t total_tokens) noexcept {
        total_ = total_tokens;
        serve();
    }

    std::size_t borrowed_tokens() const noexcept { return borrowed_; }
    std::size_t available_tokens() const noexcept { return total_ > borrowed_ ? total_ - borrowed_ : 0; }
    std::size_t tasks_waiting() const noexcept { return waiters_.size(); }
    capacity_statistics statistics() const noexcept { return {borrowed_, total_, waiters_.size()}; }

private:
    friend capacity_guard;
    using entry = detail::borrower_set::entry;

    static detail::borrower object(const void* borrower) {
        if (!borrower) throw std::invalid_argument("capacity_limiter: the borrower is null");
        return detail::borrower(borrower);
    }

    static detail::borrower of_task(const detail::task_context* context, const char* operation) {
        if (!context) throw std::logic_error(std::string(operation) + ": no task runs here to borrow a token");
        return detail::borrower(*context);
    }
    static detail::borrower current_task(const char* operation) {
        return of_task(detail::this_core ? detail::running_task(*detail::this_core) : nullptr, operation);
    }

    void require_new(const detail::borrower& who) {
        const entry* e = borrowers_.find(who);
        if (!e) return;
        throw std::logic_error(e->acquisition != 0
                                   ? "capacity_limiter::acquire: the borrower has a token already"
                                   : "capacity_limiter::acquire: the borrower waits for a token already");
    }

    // The number of this acquisition, or 0 if no token is there.
    std::uint64_t try_take(const detail::borrower& who) {
        require_new(who);
        return available_tokens() == 0 ? 0 : lend(borrowers_.add(who));
    }
    std::uint64_t lend(entry& e) noexcept {
        ++borrowed_;
        return e.acquisition = ++acquisitions_;
    }

    void release_of(const detail::borrower& who, const char* operation) {
        const entry* e = borrowers_.find(who);
        if (!e || e->acquisition == 0) throw std::logic_error(std::string(operation) + ": the borrower has no token");
        give_back(who);
    }
    void give_back(const detail::borrower& who) noexcept {
        borrowers_.remove(who);
        --borrowed_;
        serve();
    }
    // Unless that was done already.
    void give_back(const detail::borrower& who, std::uint64_t acquisition) noexcept {
        const entry* e = borrowers_.find(who);
        if (e && e->acquisition == acquisition) give_back(who);
    }

    // Tokens that are there go to the first who wait.
    void serve() noexcept;

    detail::borrower_set borrowers_;  // those who have a token, and those who wait
    detail::wait_queue waiters_;
    std::size_t total_;
    std::size_t borrowed_ = 0;
    std::uint64_t acquisitions_ = 0;
};

class capacity_limiter::awaiter : public detail::sync_awaiter<capacity_limiter::awaiter> {
    using state = detail::sync_waiter::state;

public:
    // Of the task that waits, if `object` is null.
    awaiter(capacity_limiter& l, const void* object) noexcept
        : sync_awaiter(&awaiter::stop),
          limiter_(&l),
          who_(object),
          is_task_(!object) {}
    ~awaiter() {
        if (state_ == state::granted) {
            limiter_->give_back(who_, acquisition_);
        } else if (state_ != state::orphaned) {
            stand_back();
        }
    }

    bool begin() {
        if (is_task_) who_ = of_task(foreign ? nullptr : context, "capacity_limiter::acquire");
        acquisition_ = limiter_->try_take(who_);
        return acquisition_ != 0;
    }

    void line_up() {
        limiter_->borrowers_.add(who_);
        lined_up_ = true;
        limiter_->waiters_.add(*this, "capacity_limiter::acquire");
    }

    void await_resume() {
        if (state_ == state::orphaned) lined_up_ = false;
        settle("capacity_limiter::acquire");
    }

protected:
    capacity_guard guard() const noexcept { return {*limiter_, who_, acquisition_}; }

private:
    friend capacity_limiter;

    void stand_back() noexcept {
        if (detail::exchange(lined_up_, false)) limiter_->borrowers_.remove(who_);
    }

    static void stop(leaf& l) noexcept {
        auto& self = static_cast<awaiter&>(static_cast<sync_waiter&>(l));
        if (self.state_ != state::waiting) return;
        self.stand_back();
        sync_waiter::stop(l);
    }

    capacity_limiter* limiter_;
    detail::borrower who_;
    std::uint64_t acquisition_ = 0;
    const bool is_task_;
    bool lined_up_ = false;  // stands among the borrowers, though it has no token
};

class capacity_limiter::guard_awaiter final : public awaiter {
public:
    using awaiter::awaiter;

    capacity_guard await_resume() {
        awaiter::await_resume();
        return guard();
    }
};

struct [[nodiscard("nothing is acquired until it is awaited")]] capacity_limiter::description {
    using async_native = void;
    capacity_limiter* limiter;
    const void* borrower;
    auto operator co_await() const noexcept { return awaiter(*limiter, borrower); }
};

struct [[nodiscard("nothing is acquired until it is awaited")]] capacity_limiter::scoped_description {
    using async_native = void;
    capacity_limiter* limiter;
    const void* borrower;
    auto operator co_await() const noexcept { return guard_awaiter(*limiter, borrower); }
};

inline capacity_limiter::description capacity_limiter::acquire() noexcept { return {this, nullptr}; }
inline capacity_limiter::scoped_description capacity_limiter::scoped() noexcept { return {this, nullptr}; }

inline capacity_limiter::description capacity_limiter::acquire_on_behalf_of(const void* borrower) {
    static_cast<void>(object(borrower));
    return {this, borrower};
}
inline capacity_limiter::scoped_description capacity_limiter::scoped_on_behalf_of(const void* borrower) {
    static_cast<void>(object(borrower));
    return {this, borrower};
}

inline void capacity_limiter::serve() noexcept {
    while (borrowed_ < total_ && !waiters_.empty()) {
        auto& first = static_cast<awaiter&>(*waiters_.first());
        first.acquisition_ = lend(*borrowers_.find(first.who_));
        first.lined_up_ = false;
        detail::wait_queue::grant(first);
    }
}

inline void capacity_guard::release() noexcept {
    if (capacity_limiter* from = detail::exchange(from_, nullptr)) from->give_back(who_, acquisition_);
}

}  // namespace async::inline v0
