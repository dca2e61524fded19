// std::exchange for headers that everybody includes: that one asks of each type whether it may throw. Here it must not.
#pragma once

#include <libasync/config.hpp>

namespace async::inline v0::detail {

template <class T>
struct value_of {
    using type = T;
};

// Gives `object` a new value, and returns the one before.
template <class T>
constexpr T exchange(T& object, typename value_of<T>::type value) noexcept {
    T before(static_cast<T&&>(object));
    object = static_cast<T&&>(value);
    return before;
}

}  // namespace async::inline v0::detail
