// Makes a task of anything that can be awaited, so that every function that takes a task takes operations too:
// `timeout(5s, stream.read())`.
#pragma once

#include <libasync/coro/task.hpp>

namespace async::inline v0::detail {

template <class T>
inline constexpr bool is_task = false;
template <class T>
inline constexpr bool is_task<task<T>> = true;

// What `co_await` gives for an awaitable passed by value.
template <class A>
using await_result = decltype(awaiter_of(std::declval<A>()).await_resume());

template <class A>
task<await_result<A>> await_in_task(A awaitable) {
    co_return co_await std::move(awaitable);
}

// Keeps what an operation refers to from the call on; its awaiter does so only once the task runs.
template <class A>
concept counted_awaitable = requires(const A& a) {
    a.retain();
    a.release();
};

template <counted_awaitable A>
class kept {
public:
    explicit kept(const A& awaitable) noexcept : awaitable_(awaitable) { awaitable_.retain(); }
    kept(kept&& other) noexcept : kept(other.awaitable_) {}
    kept& operator=(kept&&) = delete;
    ~kept() { awaitable_.release(); }

    const A& operator*() const noexcept { return awaitable_; }

private:
    const A awaitable_;
};

template <class A>
task<await_result<A>> await_kept(kept<A> awaitable) {
    co_return co_await *awaitable;
}

template <class A>
auto into_task(A&& awaitable) {
    if constexpr (is_task<std::remove_cvref_t<A>>) {
        static_assert(!std::is_lvalue_reference_v<A>, "a task is given away: std::move(t)");
        return std::forward<A>(awaitable);
    } else if constexpr (counted_awaitable<std::remove_cvref_t<A>>) {
        return await_kept(kept<std::remove_cvref_t<A>>(awaitable));
    } else {
        return await_in_task<std::remove_cvref_t<A>>(std::forward<A>(awaitable));
    }
}

// What the task gives that into_task makes.
template <class A>
struct task_result_of {};
template <class A>
    requires requires { typename await_result<A>; }
struct task_result_of<A> {
    using type = await_result<A>;
};
template <class T>
struct task_result_of<task<T>> {
    using type = T;
};
template <class A>
using task_result = typename task_result_of<std::remove_cvref_t<A>>::type;

template <class A>
concept awaitable_operation = requires(A&& a) { awaiter_of(std::forward<A>(a)).await_resume(); };

}  // namespace async::inline v0::detail
