// Callables that make tasks, and what functions that take one and are awaited demand of it.
#pragma once

#include <type_traits>
#include <utility>

#include <libasync/coro/into_task.hpp>
#include <libasync/detail/functional.hpp>

namespace async::inline v0::detail {

// g++ before 13 destroys an unnamed closure in an expression with `co_await` twice if its captures have destructors
// (docs/gcc12.md). So it must have a name there: auto body = [text] { ... }; co_await call(body);
template <class F>
constexpr void require_named_closure() {
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
    static_assert(std::is_lvalue_reference_v<F> || std::is_trivially_destructible_v<std::remove_reference_t<F>>,
                  "name the closure: g++ 12 destroys the captures of an unnamed one twice (docs/gcc12.md)");
#endif
}

// What a copy of F makes of such arguments can be awaited.
template <class F, class... Args>
concept makes_task = requires(std::decay_t<F>& fn, Args&&... args) {
    into_task(detail::invoke(fn, std::forward<Args>(args)...));
};

// ... and gives this.
template <class F, class... Args>
using made_by = task_result<std::invoke_result_t<std::decay_t<F>&, Args...>>;

// Keeps the callable and its arguments until the task that it makes has ended.
template <class F, class... Args>
task<made_by<F, Args...>> call_in_task(F fn, Args... args) {
    co_return co_await detail::invoke(fn, std::move(args)...);
}

// The type of the first parameter of a function, or of a callable that is not overloaded.
template <class F>
struct first_parameter : first_parameter<decltype(&F::operator())> {};
template <class R, class A, class... As>
struct first_parameter<R (*)(A, As...)> {
    using type = std::remove_cvref_t<A>;
};
template <class C, class R, class A, class... As>
struct first_parameter<R (C::*)(A, As...)> : first_parameter<R (*)(A, As...)> {};
template <class C, class R, class A, class... As>
struct first_parameter<R (C::*)(A, As...) const> : first_parameter<R (*)(A, As...)> {};
template <class R, class A, class... As>
struct first_parameter<R (*)(A, As...) noexcept> : first_parameter<R (*)(A, As...)> {};
template <class C, class R, class A, class... As>
struct first_parameter<R (C::*)(A, As...) noexcept> : first_parameter<R (*)(A, As...)> {};
template <class C, class R, class A, class... As>
struct first_parameter<R (C::*)(A, As...) const noexcept> : first_parameter<R (*)(A, As...)> {};

}  // namespace async::inline v0::detail
