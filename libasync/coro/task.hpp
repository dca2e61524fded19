// task<T>: the coroutine type of the library. Lazy: it runs when it is awaited, or handed to create_task or run.
#pragma once

#include <concepts>
#include <coroutine>
#include <exception>
#include <memory>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include <libasync/coro/foreign.hpp>
#include <libasync/coro/leaf.hpp>
#include <libasync/coro/promise_base.hpp>
#include <libasync/detail/exchange.hpp>

namespace async::inline v0 {

template <class T = void>
class task;

namespace detail {

// The outcome of a task: nothing yet, a value, or an exception. References are kept as pointers.
template <class T>
class outcome_storage {
    using stored = std::conditional_t<std::is_reference_v<T>, std::remove_reference_t<T>*,
                                      std::conditional_t<std::is_void_v<T>, char, T>>;
    enum class kind : unsigned char { nothing, value, exception };

public:
    outcome_storage() noexcept {}
    outcome_storage(const outcome_storage&) = delete;
    outcome_storage& operator=(const outcome_storage&) = delete;
    ~outcome_storage() { clear(); }

    bool has_value() const noexcept { return kind_ == kind::value; }
    bool has_exception() const noexcept { return kind_ == kind::exception; }

    template <class... Args>
    void set_value(Args&&... args) {
        if constexpr (std::is_reference_v<T>) {
            value_ = std::addressof(args...);
        } else if constexpr (!std::is_void_v<T>) {
            std::construct_at(std::addressof(value_), std::forward<Args>(args)...);
        }
        kind_ = kind::value;
    }

    void set_exception(std::exception_ptr exception) noexcept {
        clear();
        std::construct_at(std::addressof(exception_), std::move(exception));
        kind_ = kind::exception;
    }

    // Null unless the outcome is an exception.
    const std::exception_ptr& exception() const noexcept {
        static const std::exception_ptr none;
        return kind_ == kind::exception ? exception_ : none;
    }

    // Moves the value out, or throws.
    T take() {
        if (kind_ == kind::exception) [[unlikely]]
            std::rethrow_exception(exception_);
        if constexpr (std::is_reference_v<T>) {
            return static_cast<T>(*value_);
        } else if constexpr (!std::is_void_v<T>) {
            return std::move(value_);
        }
    }

    // Takes over what `other` holds.
    void take_from(outcome_storage& other) {
        if (other.kind_ == kind::exception) {
            set_exception(std::move(other.exception_));
        } else if (other.kind_ == kind::value) {
            if constexpr (std::is_void_v<T>) {
                set_value();
            } else if constexpr (std::is_reference_v<T>) {
                set_value(*other.value_);
            } else {
                set_value(std::move(other.value_));
            }
        }
    }

    // The value itself; there must be one.
    stored& value() noexcept { return value_; }

private:
    void clear() noexcept {
        if (kind_ == kind::value) std::destroy_at(std::addressof(value_));
        if (kind_ == kind::exception) std::destroy_at(std::addressof(exception_));
        kind_ = kind::nothing;
    }

    union {
        stored value_;
        std::exception_ptr exception_;
    };
    kind kind_ = kind::nothing;
};

template <class A>
concept has_awaiter_members = requires(A a) {
    { a.await_ready() } -> std::convertible_to<bool>;
    a.await_resume();
};
template <class A>
concept has_member_co_await = requires(A&& a) { std::forward<A>(a).operator co_await(); };
template <class A>
concept has_free_co_await = requires(A&& a) { operator co_await(std::forward<A>(a)); };

// What the library itself makes: its awaiters resume through the loop and know of cancellation.
template <class A>
concept native_awaitable = requires { typename std::remove_cvref_t<A>::async_native; };

struct promise_common : promise_base {
    std::suspend_always initial_suspend() const noexcept { return {}; }
    final_awaiter final_suspend() const noexcept { return {}; }

    template <native_awaitable A>
    auto await_transform(A&& awaitable, std::source_location at = std::source_location::current()) {
        where = at;
        return std::forward<A>(awaitable).operator co_await();
    }

    template <class A>
        requires(!native_awaitable<A>)
    auto await_transform(A&& awaitable, std::source_location at = std::source_location::current()) {
        where = at;
        return foreign_awaiter<A&&>(std::forward<A>(awaitable));
    }
};

template <class T>
struct task_promise final : promise_common {
    task<T> get_return_object() noexcept;

    template <class U = T>
        requires std::is_constructible_v<T, U&&>
    void return_value(U&& value) {
        if constexpr (std::is_reference_v<T>) {
            outcome.set_value(value);
        } else {
            outcome.set_value(std::forward<U>(value));
        }
    }
    void unhandled_exception() noexcept { outcome.set_exception(std::current_exception()); }

    outcome_storage<T> outcome;
};

template <>
struct task_promise<void> final : promise_common {
    task<void> get_return_object() noexcept;
    void return_void() noexcept { outcome.set_value(); }
    void unhandled_exception() noexcept { outcome.set_exception(std::current_exception()); }

    outcome_storage<void> outcome;
};

template <class T>
class [[nodiscard]] task_awaiter {
public:
    explicit task_awaiter(std::coroutine_handle<task_promise<T>> child) noexcept
        : frame_(child),
          child_(child ? &child.promise() : nullptr) {}
    task_awaiter(const task_awaiter&) = delete;
    task_awaiter& operator=(const task_awaiter&) = delete;
    ~task_awaiter() {
        if (frame_) destroy_chain(*child_);
    }

    bool await_ready() const {
        if (child_ == nullptr) throw std::logic_error("co_await of a task that was moved from or already awaited");
        return false;
    }

    template <class Promise>
        requires std::derived_from<Promise, promise_base>
    bool await_suspend(std::coroutine_handle<Promise> h) noexcept {
        promise_base& parent = h.promise();
        task_promise<T>& child = *child_;
        loop_core& core = *parent.context->loop;
        child.context = parent.context;
        child.parent = &parent;
        child.owner = &frame_;
        parent.child = &child;
        if (core.depth >= loop_core::max_depth) [[unlikely]] {
            child.state = task_state::parent_suspended;
            core.next = frame_;
            return true;
        }
        child.state = task_state::running_in_place;
        ++core.depth;
        frame_.resume();
        --core.depth;
        if (child.state == task_state::finished) return false;
        child.state = task_state::parent_suspended;
        return true;
    }

    T await_resume() {
        child_->parent->child = nullptr;
        return child_->outcome.take();
    }

private:
    std::coroutine_handle<> frame_;
    task_promise<T>* child_;
};

}  // namespace detail

// A computation that may suspend. Move-only; awaited once, by `co_await std::move(t)` or `co_await f()`. Destroying a
// task that was not started frees its frame; its body never runs.
template <class T>
class [[nodiscard("a task runs when it is awaited, or given to create_task")]] task {
public:
    using promise_type = detail::task_promise<T>;
    using value_type = T;
    using async_native = void;

    task() = default;
    task(task&& other) noexcept : frame_(detail::exchange(other.frame_, nullptr)) {}
    task& operator=(task&& other) noexcept {
        if (this != &other) {
            if (frame_) detail::destroy_chain(frame_.promise());
            frame_ = detail::exchange(other.frame_, nullptr);
        }
        return *this;
    }
    ~task() {
        if (frame_) detail::destroy_chain(frame_.promise());
    }

    // Whether there is something to await.
    explicit operator bool() const noexcept { return static_cast<bool>(frame_); }

    // Runs the task to its end and gives its result, or throws what it threw. Not itself a point of cancellation; the
    // awaits inside are. Cancel class: that of the awaits inside.
    auto operator co_await() && noexcept { return detail::task_awaiter<T>(detail::exchange(frame_, nullptr)); }
    auto operator co_await() & = delete;  // a task is awaited once: co_await std::move(t)

    // For the library: gives the frame away.
    std::coroutine_handle<promise_type> release() noexcept { return detail::exchange(frame_, nullptr); }

private:
    friend promise_type;
    explicit task(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}

    std::coroutine_handle<promise_type> frame_;
};

namespace detail {

template <class T>
task<T> task_promise<T>::get_return_object() noexcept {
    const auto frame = std::coroutine_handle<task_promise>::from_promise(*this);
    self = frame;
    return task<T>(frame);
}

inline task<void> task_promise<void>::get_return_object() noexcept {
    const auto frame = std::coroutine_handle<task_promise>::from_promise(*this);
    self = frame;
    return task<void>(frame);
}

}  // namespace detail

}  // namespace async::inline v0
