// run_coroutine_threadsafe: has a task run on a loop, from any thread, and gives its outcome as a std::future.
//
//   std::thread worker([&loop] {
//       auto answer = async::run_coroutine_threadsafe(ask(database), loop);
//       if (answer.wait_for(1s) == std::future_status::timeout) answer.cancel();
//       ...  answer.get()
//   });
//
// What runs on the loop already uses create_task.
#pragma once

#include <future>
#include <mutex>

#include <libasync/coro/task_handle.hpp>
#include <libasync/detail/owned.hpp>
#include <libasync/detail/thread_identity.hpp>
#include <libasync/loop/callback.hpp>

namespace async::inline v0 {

namespace detail {

// What a future, its task and its loop share. The future may be dropped at any time, and the loop may go.
class threadsafe_call {
public:
    threadsafe_call(loop& where, std::string_view name, std::source_location created)
        : where_(&where),
          owner_(where.core().owner),
          name_(name),
          created_(created) {}
    threadsafe_call(const threadsafe_call&) = delete;
    threadsafe_call& operator=(const threadsafe_call&) = delete;
    virtual ~threadsafe_call();

    // Posts the start of the task. Throws std::system_error (errc::closed), std::bad_alloc; the task is gone then.
    static void post(const std::shared_ptr<threadsafe_call>& call);

    // From any thread, whether the loop still is there or not.
    void cancel() noexcept;
    void drop_future() noexcept;

    // Throws if this is the thread of the loop.
    void refuse_own_thread(const char* operation) const;

protected:
    // Makes the task a running one; or the future is told that it failed.
    virtual control_block& start(loop_core& core) = 0;
    virtual void give_outcome(control_block& block) noexcept = 0;
    virtual void give_failure(std::exception_ptr failure) noexcept = 0;
    virtual void give_cancellation(const control_block& block) noexcept;
    virtual const char* operation() const noexcept { return "run_coroutine_threadsafe"; }

    const std::string& name() const noexcept { return name_; }
    std::source_location created() const noexcept { return created_; }

private:
    class starter;

    void begin(std::shared_ptr<threadsafe_call> self) noexcept;
    void end(control_block& block) noexcept;
    void lost() noexcept;
    bool leave_loop() noexcept;  // whether there still is a future

    std::mutex mutex_;
    loop* where_;  // null once nothing is to be cancelled there any more: from then on the loop may be gone
    owned<callback> cancellation_;
    bool future_dropped_ = false;

    const thread_identity owner_;
    const std::string name_;
    const std::source_location created_;
    control_block* block_ = nullptr;         // while the task runs; of the loop's thread
    std::shared_ptr<threadsafe_call> self_;  // while the task runs
};

template <class T>
class threadsafe_call_of final : public threadsafe_call {
public:
    threadsafe_call_of(task<T> t, loop& where, std::string_view name, std::source_location created)
        : threadsafe_call(where, name, created),
          task_(std::move(t)) {}

    std::future<T> future() { return promise_.get_future(); }

private:
    control_block& start(loop_core& core) override {
        return *spawn(core, core.tasks->root, std::move(task_), name(), created());  // held by the loop
    }

    void give_outcome(control_block& block) noexcept override {
        try {
            auto& outcome = static_cast<control_block_of<T>&>(block).outcome;
            if constexpr (std::is_void_v<T>) {
                promise_.set_value();
            } else {
                promise_.set_value(outcome.take());
            }
        } catch (...) {
            promise_.set_exception(std::current_exception());
        }
    }

    void give_failure(std::exception_ptr failure) noexcept override {
        task_ = {};
        promise_.set_exception(std::move(failure));
    }

    task<T> task_;
    std::promise<T> promise_;
};

}  // namespace detail

// The outcome of a task on a loop, for other threads: a std::future, and may be moved into one. Dropped while its task
// runs, it lets the task run on; a failure then goes to the loop's exception handler.
template <class T>
class threadsafe_future : public std::future<T> {
public:
    threadsafe_future() = default;
    threadsafe_future(std::future<T> f, std::shared_ptr<detail::threadsafe_call> call) noexcept
        : std::future<T>(std::move(f)),
          call_(std::move(call)) {}
    threadsafe_future(threadsafe_future&&) noexcept = default;
    threadsafe_future& operator=(threadsafe_future&& other) noexcept {
        if (this == &other) return *this;
        drop();
        std::future<T>::operator=(std::move(other));
        call_ = std::move(other.call_);
        return *this;
    }
    ~threadsafe_future() { drop(); }

    // Asks the task to stop, as task_handle::cancel does. From any thread; may be repeated; does nothing once the task
    // has ended, even if the loop is gone.
    void cancel() noexcept {
        if (call_) call_->cancel();
    }

    // As those of std::future, but on the loop's own thread, where the outcome could never come while they wait, they
    // throw std::logic_error unless it is there.
    T get() {
        refuse_own_thread("threadsafe_future::get");
        return std::future<T>::get();
    }
    void wait() const {
        refuse_own_thread("threadsafe_future::wait");
        std::future<T>::wait();
    }

private:
    void drop() noexcept {
        if (call_ && this->valid()) call_->drop_future();
    }
    void refuse_own_thread(const char* operation) const {
        if (!call_ || !this->valid()) return;
        if (this->wait_for(std::chrono::seconds(0)) != std::future_status::ready) call_->refuse_own_thread(operation);
    }

    std::shared_ptr<detail::threadsafe_call> call_;
};

// Starts `t` on the loop `where`, from any thread: it runs from a later turn on, with the context variables that hold
// here now. The future gives what it returns, or throws what it throws; task_cancelled if it was cancelled, by `cancel`
// or with all that is left at the end of run(); std::system_error (errc::closed) if the loop goes before it has begun.
// Where nobody drives the loop any more, the future waits until somebody does, or until the loop goes.
//
// Throws std::system_error (errc::closed) if the loop has closed, std::logic_error for an empty task, std::bad_alloc;
// the task is destroyed then, on this thread. The loop must not go while this is called: who calls sees to that.
template <class T>
threadsafe_future<T> run_coroutine_threadsafe(task<T> t, loop& where, std::string_view name = {},
                                              std::source_location created = std::source_location::current()) {
    if (!t) throw std::logic_error("run_coroutine_threadsafe: the task was moved from or already awaited");
    auto call = std::make_shared<detail::threadsafe_call_of<T>>(std::move(t), where, name, created);
    threadsafe_future<T> future(call->future(), call);
    detail::threadsafe_call::post(call);
    return future;
}

}  // namespace async::inline v0
