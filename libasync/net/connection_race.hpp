// Attempts to connect, one after the other and side by side, of which the first success is wanted. For connect.cpp.
#pragma once

#include <exception>
#include <vector>

#include <libasync/coro/child_group.hpp>
#include <libasync/coro/task_handle.hpp>
#include <libasync/net/connect.hpp>

namespace async::inline v0::detail {

class connection_race : public child_group {
public:
    class pause_awaiter;
    struct pause_description;

    // Of so many attempts at most. Throws std::bad_alloc.
    connection_race(task_context& context, std::size_t most) : child_group(context) {
        attempts_.reserve(most);
        failures_.reserve(most);
    }

    // Throws std::bad_alloc.
    void start(const endpoint& to, task<tcp_stream> attempt);

    // Waits until `until`, or until an attempt has ended.
    pause_description pause(time_point until) noexcept;

    // There are to be no more attempts, for that reason, and those that are under way are to end.
    void fail(std::exception_ptr why) noexcept {
        if (!failure_) failure_ = std::move(why);
        children_scope().cancel();
    }
    bool decided() const noexcept { return winner_ != nullptr || failure_; }

    // Once all have ended. Throws why there is no stream; `what` was to be done.
    tcp_stream take_winner(const std::string& what);

private:
    using block = control_block_of<tcp_stream>;
    struct attempt {
        endpoint to;
        block_ptr<block> task;
    };

    static void child_done(control_block& child) noexcept;
    void note_failure(const control_block& child) noexcept;

    std::vector<attempt> attempts_;
    std::vector<connect_failure> failures_;
    block* winner_ = nullptr;
    std::exception_ptr failure_;
    pause_awaiter* paused_ = nullptr;
};

class connection_race::pause_awaiter : leaf {
public:
    pause_awaiter(connection_race& race, time_point until) noexcept
        : leaf(&pause_awaiter::stop),
          race_(race),
          until_(until) {}
    ~pause_awaiter() {
        if (timer_.armed()) core().timers.cancel(timer_);
        timer_.unlink_if_linked();
        race_.paused_ = nullptr;
    }

    bool await_ready() const noexcept { return false; }

    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> h) {
        if (!enter(h, timer_)) return true;
        core().timers.set(timer_, until_);
        race_.paused_ = this;
        wait();
        return true;
    }

    void await_resume() {
        leave();
        if (stopped_) cancelled_access::raise();
    }

    // The time is over, or has come.
    bool wake() noexcept {
        if (!timer_.armed()) return false;
        core().timers.cancel(timer_);
        core().ready.push_back(timer_);
        return true;
    }

private:
    static void stop(leaf& l) noexcept {
        auto& self = static_cast<pause_awaiter&>(l);
        if (self.wake()) self.stopped_ = true;
    }

    connection_race& race_;
    const time_point until_;
    timer_node timer_;
    bool stopped_ = false;
};

struct connection_race::pause_description {
    using async_native = void;
    connection_race* race;
    time_point until;
    auto operator co_await() const noexcept { return pause_awaiter(*race, until); }
};

inline connection_race::pause_description connection_race::pause(time_point until) noexcept { return {this, until}; }

}  // namespace async::inline v0::detail
