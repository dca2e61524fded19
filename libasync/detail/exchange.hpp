// std::exchange for headers that everybody includes: that one asks of each type whether it may throw.
#pragma once

#include <libasync/config.hpp>

namespace async::inline v0::detail {

// Gives `object` a new value, and returns the one before.
template <class T, class U = T>
constexpr T exchange(T& object, U&& value) noexcept {
    T before(static_cast<T&&>(object));
    object = static_cast<U&&>(value);
    return before;
}

}  // namespace async::inline v0::detail
