// std::reference_wrapper, and std::invoke. What the standard has for them, <functional>, takes libstdc++ a sixth of the
// time in which a program that includes libasync/async.hpp compiles, so there only its parts are included.
#pragma once

#include <type_traits>
#include <utility>

#if defined(__GLIBCXX__)
#include <bits/invoke.h>
#include <bits/refwrap.h>
#else
#include <functional>
#endif

namespace async::inline v0::detail {

template <class F, class... Args>
constexpr std::invoke_result_t<F, Args...> invoke(F&& fn, Args&&... args) noexcept(
    std::is_nothrow_invocable_v<F, Args...>) {
#if defined(__GLIBCXX__)
    return std::__invoke(std::forward<F>(fn), std::forward<Args>(args)...);
#else
    return std::invoke(std::forward<F>(fn), std::forward<Args>(args)...);
#endif
}

}  // namespace async::inline v0::detail
