// loop::submit: has a task run on another loop, and awaits it here.
//
//   int answer = co_await other.submit(ask(database));
#pragma once

#include <mutex>
#include <string>

#include <libasync/coro/run_coroutine_threadsafe.hpp>

namespace async::inline v0 {

namespace detail {

// A loop that may go, at any time but while the mutex is held.
struct loop_slot {
    std::mutex mutex;
    loop* where = nullptr;
};

// What the two loops share: the task runs on one, and a task of the other one waits.
class submission : public threadsafe_call {
public:
    class awaiter;

    using threadsafe_call::threadsafe_call;

protected:
    // The outcome is there: wakes who waits. On the thread of the task's loop.
    void ended() noexcept;
    const char* operation() const noexcept override { return "submit"; }

private:
    std::mutex home_mutex_;
    owned<callback> wake_;  // to be posted to the loop of who waits; null once that was done, or nobody waits
    awaiter* waiter_ = nullptr;       // of that loop's thread
};

class submission::awaiter : leaf {
public:
    // With a slot, the submission is posted while that is held.
    awaiter(std::shared_ptr<submission> call, loop_slot* slot) noexcept
        : leaf(&awaiter::stop),
          call_(std::move(call)),
          slot_(slot) {}
    ~awaiter();

    bool await_ready() const noexcept { return false; }

    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> h) {
        if (!enter(h, node_)) return true;
        begin();
        wait();
        return true;
    }

    // Whether the waiter was cancelled meanwhile.
    bool await_resume() {
        leave();
        end();
        return context->cancelled;
    }

private:
    void begin();
    void end() noexcept;
    static void stop(leaf& l) noexcept { static_cast<awaiter&>(l).call_->cancel(); }

    std::shared_ptr<submission> call_;
    loop_slot* slot_;
    ready_node node_;
    bool in_flight_ = false;
};

struct submission_description {
    using async_native = void;
    const std::shared_ptr<submission>& call;
    loop_slot* slot;
    auto operator co_await() const noexcept { return submission::awaiter(call, slot); }
};

template <class T>
class submission_of final : public submission {
public:
    submission_of(task<T> t, loop& where, std::string_view name, std::source_location created)
        : submission(where, name, created),
          task_(std::move(t)) {}

    T take(bool waiter_cancelled) {
        if (cancelled_ && waiter_cancelled) cancelled_access::raise();
        return outcome_.take();
    }

private:
    control_block& start(loop_core& core) override {
        return *spawn(core, core.tasks->root, std::move(task_), name(), created());  // held by the loop
    }
    void give_outcome(control_block& block) noexcept override {
        try {
            outcome_.take_from(static_cast<control_block_of<T>&>(block).outcome);
        } catch (...) {
            outcome_.set_exception(std::current_exception());
        }
        ended();
    }
    void give_failure(std::exception_ptr failure) noexcept override {
        task_ = {};
        outcome_.set_exception(std::move(failure));
        ended();
    }
    void give_cancellation(const control_block& block) noexcept override {
        cancelled_ = true;
        submission::give_cancellation(block);
    }

    task<T> task_;
    outcome_storage<T> outcome_;
    bool cancelled_ = false;
};

template <class T>
task<T> await_submission(std::shared_ptr<submission_of<T>> call, std::shared_ptr<loop_slot> slot) {
    const std::shared_ptr<submission> common = call;
    const bool cancelled_meanwhile = co_await submission_description{common, slot.get()};
    co_return call->take(cancelled_meanwhile);
}

}  // namespace detail

template <class T>
task<T> loop::submit(task<T> t, std::string_view name, std::source_location created) {
    if (!t) throw std::logic_error("submit: the task was moved from or already awaited");
    return detail::await_submission<T>(std::make_shared<detail::submission_of<T>>(std::move(t), *this, name, created),
                                       nullptr);
}

}  // namespace async::inline v0
