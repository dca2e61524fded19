// How a task ended, as a value: with its result, with an exception, or cancelled. What gather_settled and as_completed
// give for each task.
#pragma once

#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include <libasync/coro/control_block.hpp>
#include <libasync/detail/functional.hpp>

namespace async::inline v0 {

namespace detail {

// void becomes monostate, T& becomes reference_wrapper, so that results can stand in tuples, vectors and optionals.
template <class T>
using optional_result = std::conditional_t<
    std::is_void_v<T>, std::monostate,
    std::conditional_t<std::is_reference_v<T>, std::reference_wrapper<std::remove_reference_t<T>>, T>>;

// The result that stands in an optional.
template <class T>
T unwrap(std::optional<optional_result<T>>&& got) {
    if constexpr (std::is_reference_v<T>) {
        return got->get();
    } else if constexpr (!std::is_void_v<T>) {
        return std::move(*got);
    }
}

// Moves the result out of a task that has ended: throws what it threw, raises `cancelled` if it was cancelled.
template <class T>
optional_result<T> take_result(control_block_of<T>& block) {
    if (block.outcome_kind == task_outcome::cancelled) cancelled_access::raise();
    block.outcome_read = true;
    if constexpr (std::is_void_v<T>) {
        block.outcome.take();
        return {};
    } else if constexpr (std::is_reference_v<T>) {
        return std::ref(block.outcome.take());
    } else {
        return block.outcome.take();
    }
}

}  // namespace detail

template <class T>
class [[nodiscard]] outcome {
    using stored = detail::optional_result<T>;

public:
    // That of a task that has ended: the value is moved out, and the failure counts as read. Throws std::bad_alloc.
    explicit outcome(detail::control_block_of<T>& block) {
        switch (block.outcome_kind) {
            case detail::task_outcome::value: value_.emplace(detail::take_result<T>(block)); break;
            case detail::task_outcome::exception:
                block.outcome_read = true;
                failure_ = block.exception();
                break;
            default: cancelled_ = block.display_name();
        }
    }

    bool has_value() const noexcept { return value_.has_value(); }
    bool failed() const noexcept { return failure_ != nullptr; }
    bool cancelled() const noexcept { return !has_value() && !failed(); }
    explicit operator bool() const noexcept { return has_value(); }

    // What the task threw; null if it did not fail.
    const std::exception_ptr& exception() const noexcept { return failure_; }

    // The result. Throws what the task threw, task_cancelled if it was cancelled.
    decltype(auto) value() & { return get(*this); }
    decltype(auto) value() const& { return get(*this); }
    decltype(auto) value() && {
        require();
        if constexpr (std::is_reference_v<T>) {
            return static_cast<T>(value_->get());
        } else if constexpr (!std::is_void_v<T>) {
            return T(std::move(*value_));
        }
    }

private:
    void require() const {
        if (failure_) std::rethrow_exception(failure_);
        if (!value_) throw task_cancelled(cancelled_);
    }

    template <class Self>
    static decltype(auto) get(Self& self) {
        self.require();
        if constexpr (std::is_reference_v<T>) {
            return static_cast<T>(self.value_->get());
        } else if constexpr (!std::is_void_v<T>) {
            return (*self.value_);
        }
    }

    std::optional<stored> value_;
    std::exception_ptr failure_;
    std::string cancelled_;  // the name of a task that was
};

}  // namespace async::inline v0
