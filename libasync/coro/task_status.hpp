// How a task that was started by task_group::start_ready says that it is ready: trio's task_status.
//
//   async::task<void> serve(async::task_status<std::uint16_t> status) {
//       auto listener = async::tcp_listener::bind({"127.0.0.1", 0});
//       status.started(listener.local_endpoint().port());
//       ...
//   }
//   const std::uint16_t port = co_await group.start_ready(serve);
#pragma once

#include <optional>
#include <source_location>
#include <stdexcept>

#include <libasync/coro/callable.hpp>
#include <libasync/coro/group_children.hpp>
#include <libasync/coro/timeout.hpp>
#include <libasync/detail/exchange.hpp>

namespace async::inline v0 {

template <class T = void>
class task_status;

namespace detail {

// A child from its start until it is ready. Counted by its task_status, by who waits for it, and while the task belongs
// to neither side by the task.
template <class T>
struct starting_child {
    void retain() noexcept { ++references; }
    void release() noexcept {
        if (--references == 0) delete this;
    }

    void begin(group_children& g, control_block& task) noexcept {
        group = &g;
        child = &task;
        group->child_group::adopt(task, &starting_child::child_done);
        task.on_done_argument = this;
        retain();
    }

    template <class... Value>
    void started(Value&&... given) {
        if (child == nullptr) throw std::logic_error("task_status::started: called twice, or when the task has ended");
        value.emplace(std::forward<Value>(given)...);
        group->take_over(*detail::exchange(child, nullptr));
        wake();
        release();
    }

    static void child_done(control_block& ended) noexcept {
        auto& self = *static_cast<starting_child*>(ended.on_done_argument);
        self.child = nullptr;
        self.group->one_ended();
        self.wake();
        self.release();
    }

    void wake() noexcept {
        if (waiter) group->core().ready.push_back(*detail::exchange(waiter, nullptr));
    }

    group_children* group = nullptr;
    control_block* child = nullptr;  // until it is ready, or has ended
    ready_node* waiter = nullptr;
    std::optional<optional_result<T>> value;
    unsigned references = 0;
};

// Waits until the child is ready or has ended. A cancellation reaches the child by its scope, and ends it.
template <class T>
class starting_awaiter : leaf {
public:
    explicit starting_awaiter(starting_child<T>& s) noexcept : leaf([](leaf&) noexcept {}), starting_(s) {}
    ~starting_awaiter() {
        starting_.waiter = nullptr;
        node_.unlink_if_linked();
    }
    bool await_ready() const noexcept { return false; }

    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> h) {
        enter_always(h, node_);
        starting_.waiter = &node_;
        wait();
        return true;
    }
    void await_resume() { leave(); }

private:
    starting_child<T>& starting_;
    ready_node node_;
};

template <class T>
struct starting_description {
    using async_native = void;
    starting_child<T>* starting;
    auto operator co_await() const noexcept { return starting_awaiter<T>(*starting); }
};

template <class S>
struct value_of_status;
template <class T>
struct value_of_status<task_status<T>> {
    using type = T;
};
// The T of the task_status<T> that a callable takes first.
template <class F>
using status_value = typename value_of_status<typename first_parameter<F>::type>::type;

}  // namespace detail

// Copies stand for the same task. Used by that task alone.
template <class T>
class task_status {
public:
    explicit task_status(detail::block_ptr<detail::starting_child<T>> s) noexcept : starting_(std::move(s)) {}

    // The task is ready: start_ready gives `value`, and the task is a child of the group from here on, cancelled if that is.
    // Throws std::logic_error if it was called before.
    template <class U = T>
        requires(!std::is_void_v<T> && std::is_constructible_v<detail::optional_result<T>, U &&>)
    void started(U&& value) const {
        starting_->started(std::forward<U>(value));
    }
    void started() const
        requires std::is_void_v<T>
    {
        starting_->started();
    }

private:
    detail::block_ptr<detail::starting_child<T>> starting_;
};

namespace detail {

template <class T, class F, class... Args>
task<T> start_ready(group_children& group, std::source_location created, F fn, Args... args) {
    task_context& context = co_await own_context{};
    group.prepare_start("task_group::start_ready");
    const block_ptr<starting_child<T>> starting(new starting_child<T>);
    scope callers_side;
    callers_side.attach(*context.current_scope, nullptr);
    auto t = call_in_task<F, task_status<T>, Args...>(std::move(fn), task_status<T>(starting), std::move(args)...);
    auto block = spawn(group.core(), callers_side, std::move(t), {}, created);
    starting->begin(group, *block);
    co_await starting_description<T>{starting.get()};
    if (starting->value) co_return unwrap<T>(std::move(starting->value));
    block->outcome_read = true;
    if (block->outcome_kind == task_outcome::exception) std::rethrow_exception(block->exception());
    if (block->outcome_kind == task_outcome::cancelled) {
        if (context.cancelled) cancelled_access::raise();
        throw task_cancelled(block->display_name());
    }
    throw std::logic_error("task_group::start_ready: the task ended without calling started()");
}

}  // namespace detail

}  // namespace async::inline v0
