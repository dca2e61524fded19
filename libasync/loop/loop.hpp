// The event loop: callbacks now, later, and from other threads. Coroutines are started by coro/run.hpp.
//
// Not thread-safe: only `post` (and `notifier::notify`) may be called from other threads.
#pragma once

#include <exception>
#include <source_location>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <libasync/detail/exchange.hpp>
#include <libasync/detail/unique_function.hpp>
#include <libasync/loop/loop_core.hpp>
#include <libasync/loop/options.hpp>

namespace async::inline v0 {

template <class T>
class task;

// A failure that has no caller to go to.
struct exception_context {
    std::string_view message;      // what went wrong
    std::string_view task_name;    // empty for a callback
    std::source_location created;  // where the task or callback was created
    std::exception_ptr exception;
};

using exception_handler = unique_function<void(const exception_context&)>;

// Counters that only grow, of one loop.
struct loop_statistics {
    std::uint64_t turns = 0;
    std::uint64_t steps = 0;  // resumed coroutines and callbacks
    io::engine_statistics engine;
};

namespace detail {

struct callback;

// One line in the log: what a failure comes to that no loop hears of.
void log_report(const exception_context& context) noexcept;

}  // namespace detail

// A callback that waits to be called. Dropping the handle does not cancel it.
class callback_handle {
public:
    callback_handle() = default;
    explicit callback_handle(detail::callback& c) noexcept;
    callback_handle(callback_handle&& other) noexcept : callback_(detail::exchange(other.callback_, nullptr)) {}
    callback_handle& operator=(callback_handle&& other) noexcept;
    ~callback_handle();

    // The callback will not be called, if it was not yet. May be repeated.
    void cancel() noexcept;

    // Whether it still waits.
    bool pending() const noexcept;

private:
    detail::callback* callback_ = nullptr;
};

class loop {
public:
    explicit loop(const loop_options& options = {});
    // Runs on an engine of the caller's choice; for tests of the engines themselves.
    loop(std::unique_ptr<io::engine> engine, const loop_options& options);
    loop(const loop&) = delete;
    loop& operator=(const loop&) = delete;
    ~loop();

    // Calls `fn` in the next turn; callbacks are called in the order they were given.
    callback_handle call_soon(unique_function<void()> fn,
                              std::source_location created = std::source_location::current());

    // Calls `fn` at `when`, never earlier; at the same instant in the order they were given.
    callback_handle call_at(time_point when, unique_function<void()> fn,
                            std::source_location created = std::source_location::current());

    // Calls `fn` after `delay`, counted from this call. Zero or less means in a later turn.
    template <class Rep, class Period>
    callback_handle call_later(std::chrono::duration<Rep, Period> delay, unique_function<void()> fn,
                               std::source_location created = std::source_location::current()) {
        return call_at(deadline_after(delay), std::move(fn), created);
    }

    // Calls `fn` in a turn of this loop, which is woken. From any thread, in the order given by each thread.
    // Throws std::system_error (errc::closed) once the loop has closed, std::bad_alloc.
    void post(unique_function<void()> fn, std::source_location created = std::source_location::current());

    // Runs `t` on this loop, for a task of another one, which awaits it there: gives its result, or throws what it throws.
    // If the waiter is cancelled, it cancels the task, and waits until that has ended; a result that there is after all is
    // given. The task is handed over when this is awaited, with the context variables that hold then.
    //
    // Throws task_cancelled if the task was cancelled and the waiter was not, for example since this loop has ended;
    // std::system_error (errc::closed) if this loop has closed, or goes before the task has begun; std::bad_alloc,
    // std::logic_error for an empty task. The loop must not go while this is called. Where nobody drives it any more, the
    // waiter waits until it goes. Cancel class: deferred.
    template <class T>
    task<T> submit(task<T> t, std::string_view name = {},
                   std::source_location created = std::source_location::current());

    // The time of this turn; the same until the next.
    time_point now() noexcept { return core_.now(); }

    // A fresh reading of the clock plus `delay`, of which less than nothing counts as nothing, and what is too long to
    // count as for ever. Throws std::invalid_argument if `delay` is not a number.
    template <class Rep, class Period>
    time_point deadline_after(std::chrono::duration<Rep, Period> delay) const {
        return deadline_after_ns(std::chrono::duration<long double, std::nano>(delay).count());
    }
    time_point deadline_after(std::chrono::nanoseconds delay) const noexcept;

    // Receives failures that have no caller. The default, and an empty handler, logs one line. What the handler throws
    // is logged too. It may replace itself. Throws std::bad_alloc.
    void set_exception_handler(exception_handler handler);
    void report(const exception_context& context) noexcept;

    // "uring" or "asio".
    const char* engine_name() const noexcept { return core_.engine->name(); }
    loop_statistics statistics() const noexcept;

    // See runner::wait_handle.
    native_handle wait_handle() { return core_.engine->wait_handle(); }

    detail::loop_core& core() noexcept { return core_; }

private:
    void set_up(const loop_options& options);
    time_point deadline_after_ns(long double nanoseconds) const;

    detail::loop_core core_;
    std::shared_ptr<exception_handler> exception_handler_;  // shared with the call that it may be replaced in
};

// The loop that runs on this thread. Throws std::system_error (errc::no_loop).
loop& this_loop();

}  // namespace async::inline v0
