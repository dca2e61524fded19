// gather: runs tasks side by side and gives all their results, in the order of the arguments.
//
//   auto [page, user] = co_await async::gather(fetch(url), load_user(id));
//   std::vector<int> sizes = co_await async::gather(std::move(tasks));        // a std::vector<async::task<int>>
//   for (auto& o : co_await async::gather_settled(std::move(tasks))) if (o.failed()) ...
#pragma once

#include <tuple>
#include <vector>

#include <libasync/coro/cancel_scope.hpp>
#include <libasync/coro/child_batch.hpp>
#include <libasync/coro/child_group.hpp>
#include <libasync/coro/into_task.hpp>
#include <libasync/coro/outcome.hpp>

namespace async::inline v0 {

namespace detail {

template <class T>
struct gather_range {
    using type = std::vector<optional_result<T>>;
};
template <>
struct gather_range<void> {
    using type = void;
};

template <class T>
using started_tasks = std::vector<block_ptr<control_block_of<T>>>;

template <class Group, class T>
started_tasks<T> start_all(Group& group, std::vector<task<T>>& tasks, std::source_location created) {
    started_tasks<T> blocks;
    try {
        blocks.reserve(tasks.size());
        for (task<T>& t : tasks) blocks.push_back(group.start(std::move(t), created));
    } catch (...) {
        group.fail(std::current_exception());
    }
    return blocks;
}

template <class... Ts, class Group>
std::tuple<block_ptr<control_block_of<Ts>>...> start_each(Group& group, std::source_location created,
                                                          task<Ts>&... tasks) {
    std::tuple<block_ptr<control_block_of<Ts>>...> blocks;
    try {
        blocks = {group.start(std::move(tasks), created)...};
    } catch (...) {
        group.fail(std::current_exception());
    }
    return blocks;
}

template <class... Ts>
task<std::tuple<optional_result<Ts>...>> gather_tuple(std::source_location created, task<Ts>... tasks) {
    all_children group(co_await own_context{});
    auto blocks = start_each(group, created, tasks...);
    co_await group.end();
    group.rethrow_failure();
    co_return std::apply([](auto&... block) { return std::tuple<optional_result<Ts>...>(take_result<Ts>(*block)...); },
                         blocks);
}

// How each of them ends is wanted: no failure disturbs the others, only that of starting them.
class settled_children : public child_group {
public:
    using child_group::child_group;

    template <class T>
    block_ptr<control_block_of<T>> start(task<T> t, std::source_location created) {
        auto block = spawn(core(), children_scope(), std::move(t), {}, created);
        adopt(*block, [](control_block& child) noexcept { group_of(child).one_ended(); });
        return block;
    }

    void fail(std::exception_ptr failure) noexcept {
        failure_ = std::move(failure);
        children_scope().cancel();
    }

    // Raises `cancelled` if that, and not the task itself, is why a task has no outcome of its own.
    void check(const control_block& child, const task_context& context) const {
        if (child.outcome_kind == task_outcome::cancelled && context.cancelled) cancelled_access::raise();
    }

    void rethrow_failure() const {
        if (failure_) std::rethrow_exception(failure_);
    }

private:
    static child_group& group_of(control_block& child) noexcept {
        return *static_cast<child_group*>(child.on_done_argument);
    }

    std::exception_ptr failure_;
};

template <class... Ts>
task<std::tuple<outcome<Ts>...>> settle_tuple(std::source_location created, task<Ts>... tasks) {
    task_context& context = co_await own_context{};
    settled_children group(context);
    auto blocks = start_each(group, created, tasks...);
    co_await group.end();
    group.rethrow_failure();
    std::apply([&](auto&... block) { (group.check(*block, context), ...); }, blocks);
    co_return std::apply([](auto&... block) { return std::tuple<outcome<Ts>...>(outcome<Ts>(*block)...); }, blocks);
}

}  // namespace detail

// Runs tasks, or operations, at the same time. Gives a tuple; a void result becomes std::monostate, a reference
// std::reference_wrapper. The first failure cancels the others, which are waited for, and is then thrown; further
// failures go to the loop's exception handler. Throws std::logic_error for an empty task, std::bad_alloc.
// Cancel class: that of the tasks.
template <detail::awaitable_operation... As>
    requires(sizeof...(As) > 0)
auto gather(As&&... awaitables) {
    return detail::gather_tuple<detail::task_result<As>...>(std::source_location::current(),
                                                            detail::into_task(std::forward<As>(awaitables))...);
}

// The same for any number of tasks of one type. Gives a vector in their order; for task<void>, nothing.
// Cancel class: that of the tasks.
template <class T>
task<typename detail::gather_range<T>::type> gather(std::vector<task<T>> tasks,
                                                    std::source_location created = std::source_location::current()) {
    detail::task_context& context = co_await detail::own_context{};
    detail::child_batch<T> children(context, std::move(tasks), created);
    children.begin();
    co_await children.end();
    children.require_all();
    if constexpr (!std::is_void_v<T>) co_return children.take_results();
}

// Runs tasks, or operations, at the same time, each to its own end, and gives a tuple of outcomes: asyncio's gather with
// return_exceptions=True. If the caller is cancelled and that cut a task short, `cancelled` is raised once all have ended;
// the failures of others go to the loop's exception handler then.
// Throws std::logic_error for an empty task, std::bad_alloc. Cancel class: that of the tasks.
template <detail::awaitable_operation... As>
    requires(sizeof...(As) > 0)
auto gather_settled(As&&... awaitables) {
    return detail::settle_tuple<detail::task_result<As>...>(std::source_location::current(),
                                                            detail::into_task(std::forward<As>(awaitables))...);
}

// The same for any number of tasks of one type: gives a vector in their order. Cancel class: that of the tasks.
template <class T>
task<std::vector<outcome<T>>> gather_settled(std::vector<task<T>> tasks,
                                             std::source_location created = std::source_location::current()) {
    detail::task_context& context = co_await detail::own_context{};
    detail::settled_children group(context);
    auto blocks = detail::start_all(group, tasks, created);
    co_await group.end();
    group.rethrow_failure();
    for (auto& block : blocks) group.check(*block, context);
    std::vector<outcome<T>> outcomes;
    outcomes.reserve(blocks.size());
    for (auto& block : blocks) outcomes.emplace_back(*block);
    co_return outcomes;
}

}  // namespace async::inline v0
