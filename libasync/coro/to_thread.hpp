// to_thread: calls a function that blocks, or computes for long, in a thread, and waits for it.
//
//   image picture = co_await async::to_thread(decode, std::move(bytes));
//
//   auto query = [connection] { return connection->ask(); };      // a closure that owns something is given a name
//   rows found = co_await async::to_thread(query);
//
// The threads are those of the loop's own pool (loop_options::pool_threads), which files use, too: work
// that may fill it up belongs in an async::thread_pool. What waits for a thread stands in a queue as long as there are
// tasks that wait. The function sees the context variables of its task; what it changes of them ends with it.
#pragma once

#include <libasync/coro/thread_work.hpp>

namespace async::inline v0 {

// Calls `fn(args...)` in a thread of the loop's pool, with copies of both that are made at once and die with the await.
// Gives what it returns, or throws what it throws; std::system_error if no thread can be started.
//
// Cancel class: deferred. It does not begin if it is still in the queue when it is cancelled; if it runs, it is waited
// for, and its result is given. So a time-out around it is no bound.
template <class F, class... Args>
    requires detail::callable_in_thread<F, Args...>
auto to_thread(F&& fn, Args&&... args) {
    return detail::describe_call<detail::call_awaiter>({nullptr, "to_thread"}, std::forward<F>(fn),
                                                       std::forward<Args>(args)...);
}

// The same, but a cancellation does not wait: `co_await to_thread(abandon_on_cancel, fn, args...)`. A function that
// runs by then goes on with its copies, and what it gives is dropped, a failure too. Until it is done it stands among
// the loop's tasks: the end of run(), and of the loop, waits for it. Throws std::bad_alloc as well.
//
// Cancel class: lossless, save that a function that runs is not undone.
template <class F, class... Args>
    requires detail::callable_in_thread<F, Args...>
auto to_thread(abandon_on_cancel_t, F&& fn, Args&&... args) {
    return detail::describe_call<detail::abandoning_awaiter>({nullptr, "to_thread"}, std::forward<F>(fn),
                                                             std::forward<Args>(args)...);
}

}  // namespace async::inline v0
