// Work that a cancellation from outside must not cut short, and clean-up that awaits: C++ cannot await in a destructor
// or in a catch handler.
//
//   co_await async::shield(commit(transaction), 5s);
//   co_await async::finally(serve(client), say_goodbye(client), 1s);
#pragma once

#include <chrono>
#include <exception>

#include <libasync/coro/timeout.hpp>

namespace async::inline v0 {

namespace detail {

// When work must be over that has not begun yet.
class time_limit {
public:
    using nanoseconds = std::chrono::duration<long double, std::nano>;  // infinite ones too

    static time_limit at(time_point deadline) noexcept { return {deadline, nanoseconds(0), false}; }
    static time_limit after(nanoseconds delay) noexcept { return {time_point::max(), delay, true}; }

    // Throws std::invalid_argument if the delay is not a number.
    time_point from_now_on(loop& l) const { return relative_ ? l.deadline_after(delay_) : deadline_; }

private:
    time_limit(time_point deadline, nanoseconds delay, bool relative) noexcept
        : deadline_(deadline),
          delay_(delay),
          relative_(relative) {}
    time_point deadline_;
    nanoseconds delay_;
    bool relative_;
};

template <class T>
task<T> shield(time_point deadline, task<T> t) {
    const task_context& context = co_await own_context{};
    cancel_scope scope(deadline, shielding::shielded);
    auto got = co_await scope.run(std::move(t));
    if (got) co_return unwrap<T>(std::move(got));
    if (context.cancelled) cancelled_access::raise();
    throw timeout_error();
}

// Null if it came to its end.
template <class T>
task<std::exception_ptr> clean_up(time_limit limit, task<T> t) {
    cancel_scope scope(limit.from_now_on(this_loop()), shielding::shielded);
    try {
        const auto got = co_await scope.run(std::move(t));
        if (!got) throw timeout_error();
    } catch (...) {
        co_return std::current_exception();
    }
    co_return nullptr;
}

inline bool is_cancellation(const std::exception_ptr& failure) noexcept {
    try {
        std::rethrow_exception(failure);
    } catch (const cancelled&) {
        return true;
    } catch (...) {
        return false;
    }
}

template <class T, class U>
task<T> finally(task<T> t, task<U> cleanup, time_limit limit, std::source_location created) {
    std::optional<optional_result<T>> got;
    std::exception_ptr failure;
    try {
        if constexpr (std::is_void_v<T>) {
            co_await std::move(t);
            got.emplace();
        } else {
            got.emplace(co_await std::move(t));
        }
    } catch (...) {
        failure = std::current_exception();
    }
    const std::exception_ptr second = co_await clean_up(limit, std::move(cleanup));
    if (second && (!failure || is_cancellation(failure))) std::rethrow_exception(second);
    if (second) this_loop().report({"a clean-up failed after the failure of its task", {}, created, second});
    if (failure) std::rethrow_exception(failure);
    co_return unwrap<T>(std::move(got));
}

}  // namespace detail

// Runs `t`, a task or any operation, to its end, or until its own deadline, though the caller be cancelled meanwhile: that
// is raised at the next point. Gives the result of `t`. Throws timeout_error if the deadline cut it short; if the caller
// was cancelled by then, `cancelled` is raised. Cancel class: deferred.
template <detail::awaitable_operation A>
auto shield(A&& t, time_point deadline = time_point::max()) {
    return detail::shield(deadline, detail::into_task(std::forward<A>(t)));
}

// The same with a delay, counted from this call. Cancel class: deferred.
template <detail::awaitable_operation A, class Rep, class Period>
auto shield(A&& t, std::chrono::duration<Rep, Period> delay) {
    return detail::shield(this_loop().deadline_after(delay), detail::into_task(std::forward<A>(t)));
}

// Runs `t`, and when it has ended in whatever way, `cleanup`, shielded. Gives what `t` gave, or throws what it threw. A
// failure of the clean-up is thrown in place of a result or a cancellation; if `t` has failed too, it goes to the loop's
// exception handler. A clean-up that is not over by `deadline` is cancelled, and has failed with timeout_error.
// Neither runs if this is never awaited. Cancel class: that of `t`.
template <detail::awaitable_operation A, detail::awaitable_operation B>
auto finally(A&& t, B&& cleanup, time_point deadline = time_point::max(),
             std::source_location created = std::source_location::current()) {
    return detail::finally(detail::into_task(std::forward<A>(t)), detail::into_task(std::forward<B>(cleanup)),
                           detail::time_limit::at(deadline), created);
}

// The same with a delay, counted from when `cleanup` begins. Throws std::invalid_argument, at once, if it is not a number.
// Cancel class: that of `t`.
template <detail::awaitable_operation A, detail::awaitable_operation B, class Rep, class Period>
auto finally(A&& t, B&& cleanup, std::chrono::duration<Rep, Period> delay,
             std::source_location created = std::source_location::current()) {
    const auto limit = detail::time_limit::after(delay);
    static_cast<void>(limit.from_now_on(this_loop()));
    return detail::finally(detail::into_task(std::forward<A>(t)), detail::into_task(std::forward<B>(cleanup)), limit,
                           created);
}

}  // namespace async::inline v0
