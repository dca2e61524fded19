// The threads that wait for servers of names, for all loops of the process: apart from those for files, so that slow
// names delay nobody else.
#pragma once

#include <condition_variable>
#include <mutex>

#include <libasync/io/look_up.hpp>

namespace async::inline v0::io {

// Threads start when they are needed and stay. A look-up cannot be interrupted, so they are never joined: at the end
// of the process they end with it, wherever they are, and what they use is never destroyed.
class look_up_threads {
public:
    static constexpr std::size_t most_threads = 4;
    static constexpr std::size_t most_queued = 4096;

    // Made anew in a process that was forked, where the threads are not. Throws std::bad_alloc.
    static look_up_threads& of_process();

    // Throws std::system_error, resource_unavailable_try_again, if as many wait as may, or there can be no thread.
    void submit(look_up& l, engine& home);
    // True if it was still in the queue, and is not any more.
    bool withdraw(look_up& l) noexcept;
    // Its engine is not told any more, from the return of this on.
    void forget(look_up& l) noexcept;

    // Returns when no thread is in the middle of telling: who was told already may go on before the teller has left the
    // engine.
    void wait_for_tellers() noexcept;

    std::size_t queued() const noexcept;

    // For tests: what the threads call in place of look_up_natively. Gives what it was.
    using function = name_answer (*)(const name_query&) noexcept;
    static function replace_call(function f) noexcept;

private:
    look_up_threads() = default;
    ~look_up_threads() = default;

    void start_thread();
    void run_thread() noexcept;

    mutable std::mutex mutex_;
    std::condition_variable work_to_do_;
    detail::list<look_up> queue_;
    std::size_t queued_ = 0;
    std::size_t threads_ = 0;
    std::size_t idle_ = 0;
};

// A source that uses them. Throws std::bad_alloc.
std::unique_ptr<name_source> make_threaded_name_source(engine& home);

}  // namespace async::inline v0::io
