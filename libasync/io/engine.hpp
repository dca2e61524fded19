// The only door to the outside world. One engine serves one loop, on the loop's thread; what other threads may call
// says so. Nothing in here resumes a coroutine: finished operations are appended to `completed`, and the loop
// resumes them in its next step.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>

#include <libasync/detail/owned.hpp>
#include <libasync/detail/thread_identity.hpp>
#include <libasync/io/operation.hpp>

namespace async::inline v0 {

using time_point = std::chrono::steady_clock::time_point;

namespace io {

class name_book;
class name_source;
class system_calls;
class thread_pool;

// Counters that only grow. `enters` are the visits to the kernel that wait, submit or collect.
struct engine_statistics {
    std::uint64_t enters = 0;
    std::uint64_t submissions = 0;
    std::uint64_t completions = 0;
    std::uint64_t buffers_exhausted = 0;  // times that the provided buffers ran out
    std::uint64_t vain_reads = 0;         // calls that found nothing to receive
};

// What an engine may be told; trivially destructible, so that it can stand in loop_options.
struct engine_settings {
    std::uint32_t receive_buffers = 256;       // provided buffers to start with; they grow on demand
    std::uint32_t receive_buffer_size = 4096;  // bytes each
    std::uint32_t pool_threads = 4;
};

class engine {
public:
    engine(const engine&) = delete;
    engine& operator=(const engine&) = delete;
    virtual ~engine();

    // "uring", "asio", ...
    virtual const char* name() const noexcept = 0;

    virtual time_point clock() const noexcept { return std::chrono::steady_clock::now(); }

    // The calls that belong to the handles of this engine.
    virtual system_calls& calls() noexcept;

    // The names that this engine's loop looks up, see look_up.hpp. Throws std::bad_alloc.
    name_book& names();

    // Takes over an open socket. Throws std::bad_alloc or std::system_error, and closes it then.
    virtual socket_ptr adopt(native_handle handle, socket_role role) = 0;

    // Why nothing can ever happen any more, or null: a simulated world finds that out, a real one does not.
    const char* stalled() const noexcept { return stalled_; }
    // Lets the loop go on so that it can be wound up; from here on without limits of time.
    virtual void forget_stall() noexcept { stalled_ = nullptr; }

    // Stands in the turns of the loop, if the engine wants to.
    virtual detail::turn_hook* hook() noexcept { return nullptr; }

    // Begins `op`. True if it is already done: then it is not appended to `completed`.
    virtual bool start(operation& op) noexcept = 0;

    // Whether what an idle `op` would wait for is so already, and no error is in its way. Nothing is begun.
    virtual bool is_ready(const wait_op&) const noexcept { return false; }

    // Asks that a pending operation end soon. Its completion still comes, and may still be a success.
    virtual void cancel(operation& op) noexcept = 0;

    // Cancels a pending operation and returns when neither it nor its buffers are used any more. The operation is
    // not appended to `completed`; other operations may be.
    virtual void cancel_and_wait(operation& op) noexcept = 0;

    // Gives the handle up, which belongs to the caller then; the socket is closed. After a `pause`, and when everything
    // that was read ahead has been received. invalid_handle, and the handle is closed, where the system does not part a
    // handle from an engine (Windows before 8.1, Wine).
    virtual native_handle give_away(socket& s) noexcept = 0;

    // Whether a receive would be given what was read ahead, at once.
    virtual bool holds_read_ahead(const socket&) const noexcept { return false; }

    // Whether a send is under way, or something else that has the writing side for itself.
    virtual bool is_sending(const socket&) const noexcept { return false; }

    // Closes a socket in the background. Operations pending on it end with errc::closed.
    virtual void release(socket& s) noexcept = 0;

    // The loop ends, and no operation is pending: closes what is still open in the background and waits for it.
    virtual void shut_down() noexcept = 0;

    // Hands queued work to the system, and collects what finished. Waits until something did, `wake` was called or
    // `deadline` is reached; a deadline that has passed means no wait.
    virtual void visit(time_point deadline) noexcept = 0;

    // A descriptor that is readable when a visit would find something. Throws function_not_supported.
    virtual native_handle wait_handle() = 0;

    virtual engine_statistics statistics() const noexcept = 0;

    // Queued work waits for a visit.
    bool has_queued() const noexcept { return queued_ != 0; }

    // Whether a visit would find something, without a system call; an engine that cannot tell says no.
    bool has_news() const noexcept {
        return *news_.tail != news_.seen || (*news_.flags & news_.flag_mask) != 0 ||
               incoming_.load(std::memory_order_relaxed) != nullptr;
    }
    bool can_tell_news() const noexcept { return news_.flag_mask != 0; }

    // Appends to the ready queue of the next turn. From any thread, and from signal handlers; wakes the loop.
    // False once the loop has closed.
    bool post(detail::ready_node& node) noexcept;

    // The same for work that the engine's own pool has done.
    void post_done(operation& op) noexcept { push(op); }

    // ... and that another pool has: the engine ends after this has returned.
    void post_from_other_pool(operation& op) noexcept {
        push(op);
        in_other_pools_.fetch_sub(1, std::memory_order_release);
    }

    // Moves what was posted to `completed`, in the order in which it was posted.
    void collect_posts() noexcept;

    // Who posted last may well post again at once: worth a short look before a sleep, since to be woken costs a thread
    // microseconds. Looks for a few of them, once after each post that came.
    void linger() noexcept;

    // From here on `post` fails. What was posted before is moved to `completed`.
    void close_posts() noexcept;

    // Operations that finished, and posts, in order. The loop empties it.
    detail::ready_list completed;

protected:
    engine();

    // Ends a wait of `visit`, now or the next one. From any thread and from signal handlers.
    virtual void wake() noexcept = 0;

    // Records the outcome that stands in `op`.
    void complete(operation& op) noexcept {
        op.state = op_state::done;
        completed.push_back(op);
    }

    // For `visit`: announces that a wait begins; false if there is a post already, so that it must not begin.
    bool begin_wait() noexcept;
    void end_wait() noexcept { waiting_.store(false, std::memory_order_relaxed); }

    // The blocking forms, in the thread pool: for `work`, which may name another one, and for files where the system
    // has nothing better.
    bool start_in_pool(operation& op) noexcept;
    void cancel_in_pool(operation& op) noexcept;
    void wait_for_pool(operation& op) noexcept;
    // Ends its threads, before what `wake` needs goes away. No operation is in it, or in another one. Look-ups of names
    // that are still under way are told nobody.
    void stop_pool() noexcept;

    // Where names are looked up: by threads of the process, unless it is another world. Throws std::bad_alloc.
    virtual std::unique_ptr<name_source> make_name_source();

    void stall(const char* reason) noexcept { stalled_ = reason; }

    // Whether another thread has posted, other than finished work, since this was asked last.
    bool others_have_posted() noexcept { return others_posted_.exchange(false, std::memory_order_relaxed); }

    // Where `has_news` looks: a counter that moves and flags that are raised by the system.
    struct news_probe {
        const volatile unsigned* tail = &zero;  // the system writes there while we look
        unsigned seen = 0;
        const volatile unsigned* flags = &zero;
        unsigned flag_mask = 0;
        static const unsigned zero;
    };
    news_probe news_;
    unsigned queued_ = 0;
    unsigned pool_threads_ = engine_settings{}.pool_threads;

private:
    bool push(detail::ready_node& node) noexcept;

    const char* stalled_ = nullptr;
    const detail::thread_identity owner_ = detail::this_thread_identity();
    std::atomic<bool> others_posted_{false};
    std::atomic<detail::list_node*> incoming_{nullptr};  // last in, first out, linked by `next`
    std::atomic<bool> waiting_{false};
    bool posts_came_ = false;  // since the last look
    thread_pool& pool_of(const operation& op) const noexcept;
    void taken_out_of_pool(operation& op) noexcept;
    std::atomic<unsigned> in_other_pools_{0};
    detail::owned<thread_pool> pool_;
    detail::owned<name_book> names_;
};

// Both return null, with the reason in `why`, if the engine cannot run here. Both throw std::bad_alloc.
std::unique_ptr<engine> make_uring_engine(const engine_settings& settings, std::string& why);
std::unique_ptr<engine> make_asio_engine(const engine_settings& settings, std::string& why);

}  // namespace io

}  // namespace async::inline v0
