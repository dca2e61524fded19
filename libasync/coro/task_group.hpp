// A group of tasks that end together: asyncio's TaskGroup, trio's nursery.
//
//   co_await async::with_task_group([&](async::task_group& group) -> async::task<void> {
//       group.start(produce(queue));
//       group.start(consume(queue));
//       co_await announce();
//   });  // goes on when all three have ended
#pragma once

#include <source_location>
#include <string_view>
#include <utility>

#include <libasync/coro/callable.hpp>
#include <libasync/coro/exception_group.hpp>
#include <libasync/coro/group_children.hpp>
#include <libasync/coro/task_handle.hpp>
#include <libasync/coro/task_status.hpp>

namespace async::inline v0 {

// Made by with_task_group, and gone when that has ended. Not copyable or movable.
class task_group {
public:
    explicit task_group(detail::loop_core& core) : children_(core) {}
    task_group(const task_group&) = delete;
    task_group& operator=(const task_group&) = delete;

    // Starts a task, or an operation, inside the group; it runs from a later turn on. Children may start others as long as
    // the body or one of them has not ended. In a group that is cancelled the task ends cancelled before its first step.
    // Throws std::logic_error for an empty task, or if the group has ended; std::bad_alloc.
    template <detail::awaitable_operation A>
    task_handle<detail::task_result<A>> start(A&& t, std::string_view name = {},
                                              std::source_location created = std::source_location::current()) {
        return start_task(detail::into_task(std::forward<A>(t)), name, created);
    }

    // Starts the task that `fn(args...)` makes. The callable and its arguments are kept until the task has ended, so a
    // closure with captures may be given as it is. Throws as above.
    template <class F, class... Args>
        requires(!detail::awaitable_operation<F> && detail::makes_task<F, std::decay_t<Args>...>)
    task_handle<detail::made_by<F, std::decay_t<Args>...>> start(F&& fn, Args&&... args) {
        return start_task(detail::call_in_task<std::decay_t<F>, std::decay_t<Args>...>(std::forward<F>(fn),
                                                                                      std::forward<Args>(args)...),
                          {}, std::source_location::current());
    }

    // Starts what `fn(status, args...)` makes, a task that calls `status.started(value)` once it is ready, and gives that
    // value: trio's nursery.start. The first parameter of `fn` is an async::task_status<T>. Until then the task belongs to
    // the caller: what it throws is thrown here, and a cancellation of the caller cancels it; from then on it is a child
    // like others. Throws std::logic_error if the task ends without having called `started`, or if the group has ended;
    // task_cancelled if it was cancelled; std::bad_alloc. Cancel class: that of the task.
    template <class F, class... Args>
    auto start_ready(F&& fn, Args&&... args) {
        detail::require_named_closure<F&&>();
        using value = detail::status_value<std::decay_t<F>>;
        return detail::start_ready<value, std::decay_t<F>, std::decay_t<Args>...>(
            children_, std::source_location::current(), std::forward<F>(fn), std::forward<Args>(args)...);
    }

    // Cancels the body and all children. May be repeated.
    void cancel() noexcept { children_.children_scope().cancel(); }
    bool cancel_called() const noexcept { return children_.children_scope().called; }

    // How many children have not ended.
    std::size_t running() const noexcept { return children_.running(); }

    // For the library.
    detail::group_children& children() noexcept { return children_; }

private:
    template <class T>
    task_handle<T> start_task(task<T> t, std::string_view name, std::source_location created) {
        children_.prepare_start("task_group::start");
        auto block = detail::spawn(children_.core(), children_.children_scope(), std::move(t), name, created);
        children_.adopt(*block);
        return task_handle<T>(std::move(block));
    }

    detail::group_children children_;
};

namespace detail {

template <class T, class F>
task<T> run_task_group(F body, std::source_location created) {
    task_context& context = co_await own_context{};
    task_group group(*context.loop);
    group_children& children = group.children();
    std::optional<optional_result<T>> got;
    bool absorbed = false;
    {
        const scope_entry inside(context, children.children_scope());
        try {
            if constexpr (std::is_void_v<T>) {
                co_await detail::invoke(body, group);
                got.emplace();
            } else {
                got.emplace(co_await detail::invoke(body, group));
            }
        } catch (const cancelled&) {
            absorbed = children.children_scope().absorbs();
            group.cancel();
        } catch (...) {
            children.body_failed(std::current_exception());
        }
        children.body_ended();
        co_await children.end();
    }
    children.rethrow_failures(created);
    if (!got && !absorbed) cancelled_access::raise();
    if (children.cut_short() && context.cancelled) cancelled_access::raise();
    if constexpr (!std::is_void_v<T>) {
        if (!got) throw task_cancelled("body of a task group");
    }
    co_return unwrap<T>(std::move(got));
}

}  // namespace detail

// Calls `body(group)` and awaits the task that it makes, then waits until all children of the group have ended, whatever is
// cancelled; gives the result of the body. The body runs in the group's scope: the first failure, of a child or the body,
// cancels everything in the group, as group.cancel() does. All failures are thrown together, as one exception_group. A child
// that is cancelled is no failure; a cancellation from further out that cut the body or a child short is raised when all
// have ended. After group.cancel() a group ends without an exception; if that cut the body short of a result,
// task_cancelled is thrown. Throws std::bad_alloc: failures that could not be thrown for lack of memory go to the loop's
// exception handler then. Cancel class: that of the tasks inside.
template <class F>
    requires detail::makes_task<F, task_group&>
auto with_task_group(F&& body, std::source_location created = std::source_location::current()) {
    detail::require_named_closure<F&&>();
    return detail::run_task_group<detail::made_by<F, task_group&>, std::decay_t<F>>(std::forward<F>(body), created);
}

}  // namespace async::inline v0
