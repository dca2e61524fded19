// A number of permits that tasks take and give back, first come, first served: what locks and semaphores are made of.
#pragma once

#include <cstddef>
#include <utility>

#include <libasync/sync/waiter.hpp>

namespace async::inline v0::detail {

class permits {
public:
    explicit permits(std::size_t count) noexcept : free_(count) {}

    std::size_t free() const noexcept { return free_; }

    // None are free while somebody waits.
    bool try_take() noexcept {
        if (free_ == 0) return false;
        --free_;
        return true;
    }

    // To the one that has waited longest, if there is one.
    void give_back() noexcept {
        if (!waiters_.grant_first()) ++free_;
    }

    void wait_in_line(sync_waiter& w, const char* operation) { waiters_.add(w, operation); }
    // One that waits already, elsewhere.
    void wait_in_line(sync_waiter& w) noexcept { waiters_.take_over(w); }

private:
    wait_queue waiters_;
    std::size_t free_;
};

// Takes a permit of `Owner`, and gives what Owner::taken makes of that.
template <class Owner, class Result>
class permit_awaiter : public sync_awaiter<permit_awaiter<Owner, Result>> {
    using state = sync_waiter::state;

public:
    explicit permit_awaiter(Owner& owner) noexcept : owner_(&owner) {}
    ~permit_awaiter() {
        if (this->state_ == state::granted) owner_->permits_.give_back();
    }

    bool begin() noexcept { return owner_->permits_.try_take(); }
    void line_up() { owner_->permits_.wait_in_line(*this, Owner::acquiring); }

    Result await_resume() {
        this->settle(Owner::acquiring);
        if constexpr (std::is_void_v<Result>) {
            owner_->taken();
        } else {
            return Result(*owner_, owner_->taken());
        }
    }

private:
    Owner* owner_;
};

template <class Owner, class Result>
struct [[nodiscard("nothing is acquired until it is awaited")]] permit_description {
    using async_native = void;
    Owner* owner;
    auto operator co_await() const noexcept { return permit_awaiter<Owner, Result>(*owner); }
};

}  // namespace async::inline v0::detail
