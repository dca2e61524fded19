// Threads for what has no asynchronous form: operations of kind `work`, and file operations where the system
// offers none. Threads start on demand, up to a bound, and end with the pool. All may be called from any thread.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include <libasync/io/operation.hpp>

namespace async::inline v0::io {

class engine;

class thread_pool {
public:
    // Posts to that engine, which outlives it.
    explicit thread_pool(engine& owner, unsigned max_threads = 4);
    // For work of any engine: posts to its `home`.
    explicit thread_pool(unsigned max_threads);
    thread_pool(const thread_pool&) = delete;
    thread_pool& operator=(const thread_pool&) = delete;
    ~thread_pool() { stop(); }  // once all has run

    unsigned max_threads() const noexcept { return max_threads_; }

    // Queues `op`; when it has run, it is posted to the engine. False if the pool is closed. Throws std::system_error
    // if no thread at all could be started.
    bool submit(operation& op);

    // Takes `op` out of the queue. False if it runs, or has run.
    bool remove(operation& op) noexcept;

    // Returns once `op` has run and been posted. It must not be in the queue.
    void wait_until_finished(operation& op) noexcept;

    // Nothing is taken from here on. What is queued ends with errc::closed; what runs is waited for. Not to be called
    // on a thread of the pool.
    void close() noexcept;

private:
    thread_pool(engine* owner, unsigned max_threads);

    void stop() noexcept;
    void run_thread() noexcept;
    void tell(operation& op) noexcept;

    engine* const owner_;
    const unsigned max_threads_;
    std::mutex mutex_;
    std::condition_variable work_to_do_;
    std::condition_variable work_finished_;
    detail::list<operation> queue_;
    std::vector<operation*> running_;
    std::vector<std::thread> threads_;
    std::size_t queued_ = 0;
    std::size_t idle_threads_ = 0;
    bool stopping_ = false;
};

}  // namespace async::inline v0::io
