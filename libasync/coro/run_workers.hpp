// run_workers: the same program on several loops, one thread each.
//
//   async::task<void> serve(async::worker w) {
//       async::tcp_server server{"0.0.0.0", 8080, handler, {.listen = {.reuse_port = true}}};
//       co_await server.serve();
//   }
//
//   async::run_workers(4, serve);  // the kernel spreads the connections over the four
//
// See net/port_reservation.hpp for workers that share a port of the system's choice.
#pragma once

#include <concepts>
#include <exception>
#include <memory>
#include <source_location>
#include <stdexcept>
#include <string>
#include <string_view>

#include <libasync/coro/callable.hpp>
#include <libasync/coro/submit.hpp>
#include <libasync/loop/options.hpp>

namespace async::inline v0 {

namespace detail {

class worker_crew;

std::shared_ptr<loop_slot> slot_of_worker(const std::shared_ptr<worker_crew>& crew, unsigned index);

}  // namespace detail

// What a worker is told of itself. May be copied, and kept.
class worker {
public:
    worker(std::shared_ptr<detail::worker_crew> crew, unsigned index) noexcept : crew_(std::move(crew)), index_(index) {}

    // From 0 on.
    unsigned index() const noexcept { return index_; }
    unsigned count() const noexcept;

    // Runs `t` on the loop of another worker, or this one, as loop::submit does; that worker may end at any time. Throws
    // std::system_error (errc::closed) if it has, std::out_of_range if there is no worker of that number, and what
    // loop::submit throws. Cancel class: deferred.
    template <class T>
    task<T> submit(unsigned to, task<T> t, std::string_view name = {},
                   std::source_location created = std::source_location::current()) const {
        if (!t) throw std::logic_error("submit: the task was moved from or already awaited");
        const std::shared_ptr<detail::loop_slot> slot = detail::slot_of_worker(crew_, to);
        const std::lock_guard lock(slot->mutex);
        if (slot->where == nullptr) throw std::system_error(make_error_code(errc::closed), "submit");
        return detail::await_submission<T>(
            std::make_shared<detail::submission_of<T>>(std::move(t), *slot->where, name, created), slot);
    }

private:
    std::shared_ptr<detail::worker_crew> crew_;
    unsigned index_;
};

// What run_workers throws when a worker has failed.
class LIBASYNC_EXPORT worker_failed : public std::runtime_error {
public:
    worker_failed(unsigned worker, std::exception_ptr cause);
    ~worker_failed() override;

    unsigned worker() const noexcept { return worker_; }
    const std::exception_ptr& cause() const noexcept { return cause_; }

private:
    unsigned worker_;
    std::exception_ptr cause_;
};

namespace detail {

using worker_main = unique_function<task<void>(worker)>;

void run_workers(unsigned count, worker_main main, const loop_options& options);

template <class F>
concept makes_worker = requires(std::decay_t<F>& f, worker w) {
    { detail::invoke(f, std::move(w)) } -> std::same_as<task<void>>;
} || requires(std::decay_t<F>& f) {
    { detail::invoke(f) } -> std::same_as<task<void>>;
};

}  // namespace detail

// Calls `main` for each of `count` workers, on the worker's own thread, one call at a time, with an async::worker if it
// takes one; and runs the task that it makes there on a loop of its own, as `run` does. The calling thread is worker 0.
// With a count of 0 there are available_parallelism() of them. No task begins before all loops are there. Returns when
// all workers have ended, with their loops and threads.
//
// When a worker fails, the others are cancelled and waited for, and the failure is thrown as worker_failed; those that
// come after it are logged. A SIGINT that cancels worker 0, as it does with `run`, cancels all of them.
//
// In a simulated world each worker has a world of its own, and none can reach another.
//
// Throws worker_failed, also if a loop or a thread cannot be made; std::logic_error if a loop runs on this thread.
template <detail::makes_worker F>
void run_workers(unsigned count, F&& main, const loop_options& options = {}) {
    if constexpr (std::is_invocable_v<std::decay_t<F>&, worker>) {
        detail::run_workers(count, detail::worker_main(std::forward<F>(main)), options);
    } else {
        detail::run_workers(
            count, [kept = std::decay_t<F>(std::forward<F>(main))](worker) mutable { return detail::invoke(kept); },
            options);
    }
}

}  // namespace async::inline v0
