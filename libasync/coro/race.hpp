// race: runs tasks side by side until the first of them ends.
//
//   auto first = co_await async::race(ask(mirror), ask(origin));             // std::variant of their results
//   auto [index, reply] = co_await async::race(std::move(requests));         // a std::vector<async::task<reply>>
#pragma once

#include <stdexcept>
#include <variant>
#include <vector>

#include <libasync/coro/cancel_scope.hpp>
#include <libasync/coro/child_group.hpp>
#include <libasync/coro/gather.hpp>
#include <libasync/coro/into_task.hpp>

namespace async::inline v0 {

// The result of the task that ended first, and its place among the arguments.
template <class T>
struct race_result {
    std::size_t index;
    detail::optional_result<T> value;
};

namespace detail {

// One is wanted: the first that ends with a value or a failure cancels the others.
class racing_children : public child_group {
public:
    using child_group::child_group;

    template <class T>
    block_ptr<control_block_of<T>> start(task<T> t, std::source_location created) {
        auto block = spawn(core(), children_scope(), std::move(t), {}, created);
        adopt(*block, &racing_children::child_done);
        return block;
    }

    void fail(std::exception_ptr failure) noexcept {
        failure_ = std::move(failure);
        children_scope().cancel();
    }

    // Who has won. Throws if not all could be started; raises `cancelled` if all were cancelled.
    const control_block& winner() const {
        if (failure_) std::rethrow_exception(failure_);
        if (winner_ == nullptr) cancelled_access::raise();
        return *winner_;
    }

private:
    // The failure of a loser is left unread, and so reported when its block goes.
    static void child_done(control_block& child) noexcept {
        auto& group = *static_cast<racing_children*>(static_cast<child_group*>(child.on_done_argument));
        if (group.winner_ == nullptr && child.outcome_kind != task_outcome::cancelled) {
            group.winner_ = &child;
            group.children_scope().cancel();
        }
        group.one_ended();
    }

    const control_block* winner_ = nullptr;
    std::exception_ptr failure_;
};

template <class Variant, std::size_t I, class... Ts>
Variant take_winner(const control_block& winner, std::tuple<block_ptr<control_block_of<Ts>>...>& blocks) {
    if constexpr (I + 1 < sizeof...(Ts)) {
        if (std::get<I>(blocks).get() != &winner) return take_winner<Variant, I + 1, Ts...>(winner, blocks);
    }
    using result = std::tuple_element_t<I, std::tuple<Ts...>>;
    return Variant(std::in_place_index<I>, take_result<result>(*std::get<I>(blocks)));
}

template <class... Ts>
task<std::variant<optional_result<Ts>...>> race_variant(std::source_location created, task<Ts>... tasks) {
    using variant = std::variant<optional_result<Ts>...>;
    racing_children group(co_await own_context{});
    auto blocks = start_each(group, created, tasks...);
    co_await group.end();
    co_return take_winner<variant, 0, Ts...>(group.winner(), blocks);
}

template <class T>
task<race_result<T>> race_vector(std::source_location created, std::vector<task<T>> tasks) {
    racing_children group(co_await own_context{});
    auto blocks = start_all(group, tasks, created);
    co_await group.end();
    const control_block& winner = group.winner();
    std::size_t index = 0;
    while (blocks[index].get() != &winner) ++index;
    co_return race_result<T>{index, take_result<T>(*blocks[index])};
}

}  // namespace detail

// Runs tasks, or operations, at the same time. The first that ends decides: its result is given, as the alternative of
// its place, or what it threw is thrown. The others are cancelled and waited for; what they give all the same is
// destroyed, and what they throw goes to the loop's exception handler. void becomes std::monostate, a reference
// std::reference_wrapper. Throws std::logic_error for an empty task, std::bad_alloc. Cancel class: that of the tasks.
template <detail::awaitable_operation... As>
    requires(sizeof...(As) > 0)
auto race(As&&... awaitables) {
    return detail::race_variant<detail::task_result<As>...>(std::source_location::current(),
                                                            detail::into_task(std::forward<As>(awaitables))...);
}

// The same for any number of tasks of one type: gives a race_result, `index` and `value`. Throws std::invalid_argument,
// at once, if there are none. Cancel class: that of the tasks.
template <class T>
auto race(std::vector<task<T>> tasks, std::source_location created = std::source_location::current()) {
    if (tasks.empty()) throw std::invalid_argument("race: at least one task is needed");
    return detail::race_vector<T>(created, std::move(tasks));
}

}  // namespace async::inline v0
