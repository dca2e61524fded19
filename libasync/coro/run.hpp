// run: from main() into the world of tasks and back. runner: the same, many times or turn by turn.
#pragma once

#include <source_location>

#include <libasync/coro/task_handle.hpp>

namespace async::inline v0 {

// How long a hand-driven turn may take.
enum class turn : bool {
    no_wait,  // does what is ready and returns
    wait,     // waits for something to do, if nothing is ready
};

// A loop with its tasks, bound to the thread that builds it.
class runner {
public:
    explicit runner(const loop_options& options = {});
    // On an engine of the caller's choice; for tests of the engines themselves.
    runner(std::unique_ptr<io::engine> engine, const loop_options& options);
    runner(const runner&) = delete;
    runner& operator=(const runner&) = delete;
    // Cancels every task that is left, waits for it, and closes the loop.
    ~runner();

    async::loop& loop() noexcept { return loop_; }

    // Runs `main` to its end, then cancels what else still runs and waits for it. In one more turn those are called who
    // asked for it when a task ends, and what was posted before. Returns the result of `main`, or throws what it threw.
    // May be called again.
    //
    // The first SIGINT cancels `main` (if this is the main thread, and nobody else handles the signal); a second one
    // ends the process. A task<void> that ends so returns normally; with a result to give, task_cancelled is thrown.
    template <class T>
    T run(task<T> main, std::source_location created = std::source_location::current()) {
        const entered inside(*this);
        auto block = detail::spawn(loop_.core(), registry_.root, std::move(main), "main", created);
        drive_main(*block);
        if constexpr (std::is_void_v<T>) {
            if (interrupted_ && block->outcome_kind == detail::task_outcome::cancelled) return;
        }
        return detail::join_awaiter<T>::take_outcome(*block, nullptr);
    }

    // Starts a task, to be driven by `turn` or by a later `run`.
    template <class T>
    task_handle<T> create_task(task<T> t, std::string_view name = {},
                               std::source_location created = std::source_location::current()) {
        loop_.core().check_thread("create_task");
        return task_handle<T>(detail::spawn(loop_.core(), registry_.root, std::move(t), name, created));
    }

    // Drives one turn by hand, for a loop inside another one. True if there is more to do at once: then call again
    // before you wait for `wait_handle`. On a simulated engine throws stalled_error if it waits and nothing can come;
    // the tasks stay as they are.
    bool turn(async::turn how);

    // A descriptor that becomes readable when a turn has something to do other than timers.
    // Throws std::system_error (function_not_supported) on engines that have none: drive those with turn::no_wait.
    native_handle wait_handle() { return loop_.wait_handle(); }

private:
    // Makes the loop the one of this thread for a while. Throws std::logic_error if another one runs already.
    class entered {
    public:
        explicit entered(runner& r);
        entered(const entered&) = delete;
        entered& operator=(const entered&) = delete;
        ~entered();

    private:
        runner& runner_;
    };

    void set_up();
    void drive_main(detail::control_block& main);
    // Cancels every task and waits for it; then one more turn.
    void wind_up();
    void turn_once();

    async::loop loop_;
    detail::task_registry registry_;
    bool interrupted_ = false;
};

// Runs `main` on a loop of its own to its end, and whatever is left then is cancelled and waited for.
template <class T>
T run(task<T> main, const loop_options& options = {}, std::source_location created = std::source_location::current()) {
    runner r(options);
    return r.run(std::move(main), created);
}

}  // namespace async::inline v0
