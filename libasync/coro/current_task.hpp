// Which task runs here, and which there are: asyncio.current_task and asyncio.all_tasks.
//
//   for (async::task_ref t : async::all_tasks()) {
//       if (t != async::current_task()) t.cancel();
//   }
#pragma once

#include <cstdint>
#include <source_location>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <libasync/coro/task_handle.hpp>
#include <libasync/detail/exchange.hpp>

namespace async::inline v0 {

// A task of whatever type, without its result. Counted and copyable; it does not keep the task running, nor an unread
// failure from being reported, and may outlive its loop. Empty by default: `cancel` does nothing then, and the other
// members throw std::logic_error.
class task_ref {
public:
    task_ref() = default;
    explicit task_ref(detail::control_block* task) noexcept : task_(task) {
        if (task_) task_->retain_watcher();
    }
    task_ref(const task_ref& other) noexcept : task_ref(other.task_) {}
    task_ref(task_ref&& other) noexcept : task_(detail::exchange(other.task_, nullptr)) {}
    task_ref& operator=(task_ref other) noexcept {
        std::swap(task_, other.task_);
        return *this;
    }
    ~task_ref() {
        if (task_) task_->release_watcher();
    }

    explicit operator bool() const noexcept { return task_ != nullptr; }

    // Whether both are the same task, or both empty.
    friend bool operator==(const task_ref& a, const task_ref& b) noexcept { return a.task_ == b.task_; }

    // Asks the task to stop, as task_handle::cancel does.
    void cancel() const noexcept {
        if (task_ && !task_->done()) task_->own_scope.cancel();
    }

    bool done() const { return require().done(); }
    bool cancelled() const { return require().outcome_kind == detail::task_outcome::cancelled; }

    // Made up from the number if none was given.
    std::string name() const { return require().display_name(); }
    // An empty name takes the given one away. Throws std::bad_alloc, and the name is as it was then.
    void set_name(std::string_view name) const { require().set_name(name); }

    // Counts the tasks of the loop, in the order of their creation, from 1.
    std::uint64_t number() const { return require().number; }

    // Where it was created.
    std::source_location created() const { return require().created; }

    // Waits for its end. Throws std::logic_error for a task that waits for itself, or belongs to another loop, unless that
    // is gone. Cancel class: lossless.
    detail::watch_description wait() const noexcept { return {task_}; }

private:
    detail::control_block& require() const {
        if (!task_) throw std::logic_error("the task_ref is empty");
        return *task_;
    }

    detail::control_block* task_ = nullptr;
};

// The task that runs here; what it awaits is part of it, what it starts is not. Throws std::logic_error in callbacks, in
// coroutines that are no tasks, and where no loop runs.
task_ref current_task();

// The same, but empty if there is none.
task_ref try_current_task() noexcept;

// The tasks of this loop that have not ended, in the order of their creation.
// Throws std::system_error (errc::no_loop) outside a loop, std::bad_alloc.
std::vector<task_ref> all_tasks();

template <class T>
task_ref task_handle<T>::ref() const {
    return task_ref(&require_block());
}

}  // namespace async::inline v0
