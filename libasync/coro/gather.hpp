// gather: runs tasks side by side and gives all their results, in the order of the arguments.
#pragma once

#include <tuple>
#include <variant>
#include <vector>

#include <libasync/coro/cancel_scope.hpp>
#include <libasync/coro/child_group.hpp>

namespace async::inline v0 {

namespace detail {

// void becomes monostate, T& becomes reference_wrapper, so that results can stand in tuples and vectors.
template <class T>
optional_result<T> take_result(control_block_of<T>& block) {
    if (block.outcome_kind == task_outcome::cancelled) cancelled_access::raise();
    block.outcome_read = true;
    if constexpr (std::is_void_v<T>) {
        return {};
    } else if constexpr (std::is_reference_v<T>) {
        return std::ref(block.outcome.take());
    } else {
        return block.outcome.take();
    }
}

template <class T>
struct gather_range {
    using type = std::vector<optional_result<T>>;
};
template <>
struct gather_range<void> {
    using type = void;
};

template <class... Ts>
task<std::tuple<optional_result<Ts>...>> gather_tuple(std::source_location created, task<Ts>... tasks) {
    child_group group(co_await own_context{});
    std::tuple<block_ptr<control_block_of<Ts>>...> blocks;
    try {
        blocks = {group.start(std::move(tasks), created)...};
    } catch (...) {
        group.fail(std::current_exception());
    }
    co_await group.end();
    if (group.failure()) std::rethrow_exception(group.failure());
    co_return std::apply([](auto&... block) { return std::tuple<optional_result<Ts>...>(take_result<Ts>(*block)...); },
                         blocks);
}

}  // namespace detail

// Runs tasks, or operations, at the same time. Gives a tuple; a void result becomes std::monostate, a reference
// std::reference_wrapper. The first failure cancels the others, which are waited for, and is then thrown; further
// failures go to the loop's exception handler. Cancel class: that of the tasks.
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
    detail::child_group group(co_await detail::own_context{});
    std::vector<detail::block_ptr<detail::control_block_of<T>>> blocks;
    try {
        blocks.reserve(tasks.size());
        for (task<T>& t : tasks) blocks.push_back(group.start(std::move(t), created));
    } catch (...) {
        group.fail(std::current_exception());
    }
    co_await group.end();
    if (group.failure()) std::rethrow_exception(group.failure());
    if constexpr (std::is_void_v<T>) {
        for (auto& block : blocks) detail::take_result<T>(*block);
    } else {
        typename detail::gather_range<T>::type results;
        results.reserve(blocks.size());
        for (auto& block : blocks) results.push_back(detail::take_result<T>(*block));
        co_return results;
    }
}

}  // namespace async::inline v0
