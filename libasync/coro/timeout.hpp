// Work with a limit of time: timeout, timeout_at and wait_for throw when it is over, move_on_after and move_on_at go on.
//
//   auto page = co_await async::timeout(5s, fetch(url));                 // or throws timeout_error
//   auto news = co_await async::move_on_after(100ms, fetch(other));      // std::optional
#pragma once

#include <chrono>

#include <libasync/coro/cancel_scope.hpp>
#include <libasync/coro/into_task.hpp>

namespace async::inline v0 {

namespace detail {

template <class T>
task<std::optional<optional_result<T>>> move_on_at(time_point deadline, task<T> t) {
    cancel_scope scope(deadline);
    co_return co_await scope.run(std::move(t));
}

template <class T>
task<T> timeout_at(time_point deadline, task<T> t) {
    cancel_scope scope(deadline);
    auto got = co_await scope.run(std::move(t));
    if (!got) throw timeout_error();
    co_return unwrap<T>(std::move(got));
}

}  // namespace detail

// Gives the result of `t`, a task or any operation, or nothing if it takes longer than until `deadline`.
// Cancel class: that of `t`.
template <detail::awaitable_operation A>
auto move_on_at(time_point deadline, A&& t) {
    return detail::move_on_at(deadline, detail::into_task(std::forward<A>(t)));
}

// The same with a delay, counted from this call. Cancel class: that of `t`.
template <class Rep, class Period, detail::awaitable_operation A>
auto move_on_after(std::chrono::duration<Rep, Period> delay, A&& t) {
    return detail::move_on_at(this_loop().deadline_after(delay), detail::into_task(std::forward<A>(t)));
}

// Gives the result of `t`, a task or any operation. Throws timeout_error if it is not done by `deadline`: it is
// cancelled then, and waited for. A result that is there at that very moment is given. Cancel class: that of `t`.
template <detail::awaitable_operation A>
auto timeout_at(time_point deadline, A&& t) {
    return detail::timeout_at(deadline, detail::into_task(std::forward<A>(t)));
}

// The same with a delay, counted from this call. Cancel class: that of `t`.
template <class Rep, class Period, detail::awaitable_operation A>
auto timeout(std::chrono::duration<Rep, Period> delay, A&& t) {
    return detail::timeout_at(this_loop().deadline_after(delay), detail::into_task(std::forward<A>(t)));
}

// The same with asyncio's name and order: `wait_for(task, delay)`. A handle is given away: it is joined, and its task
// cancelled if that takes too long. Cancel class: that of `t`.
template <detail::awaitable_operation A, class Rep, class Period>
auto wait_for(A&& t, std::chrono::duration<Rep, Period> delay) {
    return timeout(delay, std::forward<A>(t));
}

}  // namespace async::inline v0
