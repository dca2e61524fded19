// wait: until one, or all, of several tasks have ended: asyncio.wait. It only watches.
//
//   auto [done, pending] = co_await async::wait(handles, async::when::first_completed, 5s);
//   for (std::size_t i : done) use(handles[i].result());
//   for (std::size_t i : pending) handles[i].cancel();
#pragma once

#include <chrono>
#include <iterator>
#include <stdexcept>
#include <vector>

#include <libasync/coro/task_handle.hpp>

namespace async::inline v0 {

// What a wait waits for.
enum class when : unsigned char {
    first_completed,  // a task has ended, in whatever way
    first_exception,  // one has failed, or all have ended
    all_completed,    // all have ended
};

// The places of the tasks among the handles, in their order.
struct wait_result {
    std::vector<std::size_t> done;
    std::vector<std::size_t> pending;
};

namespace detail {

using watched_tasks = std::vector<block_ptr<control_block>>;

class wait_awaiter : leaf {
public:
    wait_awaiter(watched_tasks tasks, when until, time_point deadline) noexcept;
    ~wait_awaiter();

    bool await_ready() const noexcept { return false; }

    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> h) {
        if (!enter(h, timer_)) return true;
        if (!satisfied()) {
            watch_all(h);
        } else if (core().may_continue_in_place()) {
            return false;
        } else {
            core().ready.push_back(timer_);
        }
        wait();
        return true;
    }

    wait_result await_resume();

private:
    // Stands among the joiners of its task, and resumes the waiter if the task's end is what that waits for.
    struct watcher : ready_node {
        wait_awaiter* waiter = nullptr;
        const control_block* task = nullptr;
    };

    bool satisfied() const noexcept;
    bool satisfied_by(const control_block& ended) noexcept {
        return --pending_ == 0 || until_ == when::first_completed ||
               (until_ == when::first_exception && ended.outcome_kind == task_outcome::exception);
    }
    bool time_is_over() const noexcept { return deadline_ != time_point::max() && !timer_.armed(); }
    void watch_all(std::coroutine_handle<> h);
    void give_up() noexcept;

    static void stop(leaf& l) noexcept;

    const watched_tasks tasks_;
    const when until_;
    const time_point deadline_;
    watcher* watchers_ = nullptr;  // one for each task; owned
    std::size_t pending_ = 0;
    timer_node timer_;
    bool stopped_ = false;
};

// A class with a constructor: what g++ 12 does to aggregates in an await would release the tasks twice.
class [[nodiscard("a wait happens when it is awaited")]] wait_description {
public:
    using async_native = void;
    wait_description(watched_tasks tasks, when until, time_point deadline) noexcept
        : tasks_(std::move(tasks)),
          until_(until),
          deadline_(deadline) {}
    auto operator co_await() noexcept { return wait_awaiter(std::move(tasks_), until_, deadline_); }

private:
    watched_tasks tasks_;
    when until_;
    time_point deadline_;
};

template <class Handles>
concept handle_range = requires(const Handles& handles) {
    { std::begin(handles)->block() } -> std::convertible_to<control_block*>;
    std::end(handles);
};

// Throws std::invalid_argument if there are none, or one is empty.
template <handle_range Handles>
watched_tasks tasks_of(const Handles& handles) {
    watched_tasks tasks;
    for (const auto& handle : handles) {
        if (!handle.block()) throw std::invalid_argument("wait: a task_handle is empty");
        tasks.emplace_back(handle.block());
    }
    if (tasks.empty()) throw std::invalid_argument("wait: at least one task is needed");
    return tasks;
}

}  // namespace detail

// Waits until the tasks of a range of handles have ended, as far as `until` wants it. Tells which have, and which have not;
// more may have ended than was waited for. Cancels nothing and reads no result, so failures are still reported if nobody
// reads them. Throws std::invalid_argument, at once, for no or empty handles; std::logic_error if one of the tasks is of
// another loop, or waits for the caller itself; std::bad_alloc. Cancel class: lossless.
template <detail::handle_range Handles>
detail::wait_description wait(const Handles& handles, when until = when::all_completed) {
    return {detail::tasks_of(handles), until, time_point::max()};
}

// The same, and at most for `timeout`, counted from this call; that it has passed is no error. Cancel class: lossless.
template <detail::handle_range Handles, class Rep, class Period>
detail::wait_description wait(const Handles& handles, when until, std::chrono::duration<Rep, Period> timeout) {
    return {detail::tasks_of(handles), until, this_loop().deadline_after(timeout)};
}

}  // namespace async::inline v0
