// A move-only callable: what std::move_only_function is in C++23. Small callables are kept in place.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include <libasync/detail/exchange.hpp>

namespace async::inline v0 {

template <class Signature>
class unique_function;

template <class R, class... Args>
class unique_function<R(Args...)> {
public:
    unique_function() = default;
    unique_function(std::nullptr_t) {}

    template <class F>
        requires(!std::is_same_v<std::remove_cvref_t<F>, unique_function> &&
                 std::is_invocable_r_v<R, std::decay_t<F>&, Args...>)
    unique_function(F&& callable) {
        using target = std::decay_t<F>;
        if constexpr (fits_in_place<target>) {
            ::new (static_cast<void*>(storage_)) target(std::forward<F>(callable));
            table_ = &in_place_table<target>;
        } else {
            ::new (static_cast<void*>(storage_)) target*(new target(std::forward<F>(callable)));
            table_ = &heap_table<target>;
        }
    }

    unique_function(unique_function&& other) noexcept { take(other); }

    unique_function& operator=(unique_function&& other) noexcept {
        if (this != &other) {
            reset();
            take(other);
        }
        return *this;
    }

    ~unique_function() { reset(); }

    explicit operator bool() const noexcept { return table_ != nullptr; }

    R operator()(Args... args) { return table_->call(storage_, std::forward<Args>(args)...); }

    void reset() noexcept {
        if (table_) detail::exchange(table_, nullptr)->destroy(storage_);
    }

private:
    struct table {
        R (*call)(void*, Args&&...);
        void (*move)(void* from, void* to) noexcept;
        void (*destroy)(void*) noexcept;
    };

    static constexpr std::size_t capacity = 3 * sizeof(void*);

    template <class T>
    static constexpr bool fits_in_place =
        sizeof(T) <= capacity && alignof(T) <= alignof(void*) && std::is_nothrow_move_constructible_v<T>;

    // A result that nobody asked for is dropped.
    template <class T>
    static R call(T& target, Args&&... args) {
        if constexpr (std::is_void_v<R>) {
            static_cast<void>(target(std::forward<Args>(args)...));
        } else {
            return target(std::forward<Args>(args)...);
        }
    }

    template <class T>
    static constexpr table in_place_table{
        [](void* p, Args&&... args) -> R { return call(*static_cast<T*>(p), std::forward<Args>(args)...); },
        [](void* from, void* to) noexcept {
            ::new (to) T(std::move(*static_cast<T*>(from)));
            std::destroy_at(static_cast<T*>(from));
        },
        [](void* p) noexcept { std::destroy_at(static_cast<T*>(p)); }};

    template <class T>
    static constexpr table heap_table{
        [](void* p, Args&&... args) -> R { return call(**static_cast<T**>(p), std::forward<Args>(args)...); },
        [](void* from, void* to) noexcept { ::new (to) T*(*static_cast<T**>(from)); },
        [](void* p) noexcept { delete *static_cast<T**>(p); }};

    void take(unique_function& other) noexcept {
        if (!other.table_) return;
        other.table_->move(other.storage_, storage_);
        table_ = detail::exchange(other.table_, nullptr);
    }

    alignas(void*) std::byte storage_[capacity];
    const table* table_ = nullptr;
};

}  // namespace async::inline v0
