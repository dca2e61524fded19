// The scheduler without its public face: ready queue, timers, the driver that resumes coroutines, and the turn.
//
// One turn:
//   1. Visit the engine: hand it what was queued, and wait, unless something is ready. While something is ready the
//      visit is skipped if the engine has nothing queued and no news, but never for more than 256 steps.
//   2. Read the clock, if there are timers: the loop's `now` until the next visit.
//   3. Append to the ready queue: finished operations and posts, then timers that came due.
//   4. Run what is in the ready queue now. What these steps make ready runs in the next turn, so a chatty task
//      cannot starve input and output.
// The order matters: an operation that finished is recorded before a deadline of the same instant, so completion
// beats the time-out; and a post is seen before the loop sleeps.
#pragma once

#include <coroutine>
#include <memory>

#include <libasync/detail/exchange.hpp>
#include <libasync/detail/owned.hpp>
#include <libasync/detail/thread_identity.hpp>
#include <libasync/detail/unique_function.hpp>
#include <libasync/io/engine.hpp>
#include <libasync/loop/timer_queue.hpp>

namespace async::inline v0 {

class loop;

namespace detail {

struct task_context;
struct task_registry;

enum class wait : bool { no, yes };

struct loop_core {
    // A chain of tasks is resumed in place down to this depth, and through `next` beyond.
    static constexpr unsigned max_depth = 32;
    // After this many operations that were done at once a step goes to the end of the ready queue.
    static constexpr unsigned max_done_in_place = 128;
    // A visit to the engine is put off for at most this many steps.
    static constexpr unsigned max_steps_between_visits = 256;

    // Where the driver goes on: at most one coroutine, set by what it has just resumed.
    std::coroutine_handle<> next;
    unsigned depth = 0;
    unsigned done_in_place = 0;
    task_context* current = nullptr;
    // Run by the driver once the step is over: the end of a spawned task.
    ready_node* epilogue = nullptr;

    ready_list ready;
    ready_list when_idle;       // made ready when nothing else is, and nothing finishes without a wait
    turn_hook* hook = nullptr;  // asked before the steps of each turn
    timer_queue timers;
    owned<io::engine> engine;
    task_registry* tasks = nullptr;
    unique_function<void()> interrupt;  // what SIGINT does while `run` is under way
    loop* face = nullptr;

    thread_identity owner = this_thread_identity();
    std::chrono::nanoseconds slow_step{0};  // 0: steps are not timed
    std::chrono::nanoseconds spin{0};
    unsigned spin_credit = 0;
    unsigned steps_since_visit = 0;
    std::uint64_t steps = 0;
    std::uint64_t turns = 0;
    std::uint64_t idle_rounds = 0;  // times that `when_idle` was made ready
    bool debug = false;
    bool running = false;

    // The time of this turn: the clock is read once, when somebody asks.
    time_point now() noexcept {
        if (!now_known_) read_clock();
        return now_;
    }

    // One turn. Waits only if nothing is ready and `may_wait` allows it.
    void turn(wait may_wait);

    // In debug mode throws std::logic_error naming `operation` on every thread but the loop's.
    void check_thread(const char* operation) const;

    // Resumes `h` and all that follows from it in the same step.
    void resume(std::coroutine_handle<> h) {
        depth = 0;
        done_in_place = 0;
        do {
            h.resume();
            h = detail::exchange(next, nullptr);
        } while (h);
        current = nullptr;
        if (epilogue) {
            ready_node* node = detail::exchange(epilogue, nullptr);
            node->run(node);
        }
    }

    // An operation was done at once: true if the step may go on in place. A step that was as long as it may be counts
    // as many when it comes to the next visit, so that timers and others are not kept waiting.
    bool may_continue_in_place() noexcept {
        if (++done_in_place < max_done_in_place) return true;
        count_long_step();
        return false;
    }
    void count_long_step() noexcept { steps_since_visit += max_steps_between_visits / 8; }

    // Within a step: `node` is the next one.
    void run_next(ready_node& node) noexcept { batch_.push_front(node); }

    void run_step(ready_node& node) {
        if (node.run == nullptr || node.run(&node)) resume(node.handle);
    }

private:
    void visit(wait may_wait);
    void wait_for_engine();
    void wait_with_spin(time_point deadline);
    void run_ready();
    void run_step_timed(ready_node& node);
    void read_clock() noexcept {
        now_ = engine->clock();
        now_known_ = true;
    }

    time_point now_{};
    bool now_known_ = false;
    ready_list batch_;  // what this turn runs; nodes may leave it while it is run
};

// The core of the loop that runs on this thread, or null.
extern constinit thread_local loop_core* this_core;

// Same, but throws std::system_error (errc::no_loop) naming `operation`.
loop_core& require_core(const char* operation);

}  // namespace detail

}  // namespace async::inline v0
