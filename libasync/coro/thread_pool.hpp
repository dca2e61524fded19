// thread_pool: threads of one's own, for work that must not stand in the way of the loop's files.
//
//   async::thread_pool heavy{8};
//   co_await async::gather(heavy.run(compress, a), heavy.run(compress, b));
//
// One pool may serve the loops of several threads.
#pragma once

#include <libasync/coro/thread_work.hpp>

namespace async::inline v0 {

class thread_pool {
public:
    // Of at most so many threads, which are started as they are needed. Throws std::invalid_argument if that is none.
    explicit thread_pool(unsigned threads);
    thread_pool(const thread_pool&) = delete;
    thread_pool& operator=(const thread_pool&) = delete;
    // Waits for the functions that run, whose tasks get their results. Those in the queue are not called: their tasks
    // are told so by std::logic_error. Best after all of them; never by a function in the pool itself.
    ~thread_pool();

    unsigned threads() const noexcept { return threads_; }

    // Calls `fn(args...)` in a thread of the pool; see to_thread, which is the same with the loop's pool. The queue is
    // as long as there are tasks that wait here. Throws std::logic_error if the pool is destroyed before the function
    // is called.
    //
    // Cancel class: deferred. It does not begin if it is still in the queue when it is cancelled; if it runs, it is
    // waited for, and its result is given.
    template <class F, class... Args>
        requires detail::callable_in_thread<F, Args...>
    auto run(F&& fn, Args&&... args) {
        return detail::describe_call<detail::call_awaiter>({pool_, "thread_pool::run"}, std::forward<F>(fn),
                                                           std::forward<Args>(args)...);
    }

    // The same, but a cancellation does not wait: `co_await pool.run(abandon_on_cancel, fn, args...)`. A function that
    // runs by then goes on with its copies, and what it gives is dropped, a failure too. The end of run(), of the loop,
    // and of the pool waits for it.
    //
    // Cancel class: lossless, save that a function that runs is not undone.
    template <class F, class... Args>
        requires detail::callable_in_thread<F, Args...>
    auto run(abandon_on_cancel_t, F&& fn, Args&&... args) {
        return detail::describe_call<detail::abandoning_awaiter>({pool_, "thread_pool::run"}, std::forward<F>(fn),
                                                                 std::forward<Args>(args)...);
    }

private:
    std::shared_ptr<io::thread_pool> pool_;  // those who wait hold it, too
    unsigned threads_;
};

}  // namespace async::inline v0
