// A result that is made by hand: a promise to set it, once, and futures that any number of tasks wait on: asyncio.Future.
//
//   async::promise<int> answer;
//   group.start(ask(answer.get_future()));     // const int& n = co_await f;
//   ...
//   answer.set_value(42);                      // they go on in a later turn, in the order in which they came
//
// For the tasks of one loop, and set on its thread; from another thread by `loop.post`.
#pragma once

#include <concepts>
#include <exception>
#include <source_location>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include <libasync/sync/future_state.hpp>

namespace async::inline v0 {

// What awaiting a future ends with if its promise went without being set, or was given a cancellation as its exception.
class LIBASYNC_EXPORT broken_promise : public std::runtime_error {
public:
    explicit broken_promise(const char* why);
    ~broken_promise() override;
};

template <class T>
class promise;

// A counted handle: copies are the same future. It outlives its promise, and its loop. An exception that nobody has read
// by the time the last handle goes, or the loop, is reported to the exception handler of the loop that it was set on;
// to the log if it was set where none runs. A broken promise is not reported.
template <class T = void>
class [[nodiscard]] future {
    using reference = detail::future_reference<T>;
    static constexpr bool may_be_copied = std::is_void_v<T> || std::is_reference_v<T> || std::copy_constructible<T>;

public:
    using value_type = T;
    using async_native = void;

    // Empty: has no promise. Awaiting it, and the other members, throw std::logic_error.
    future() = default;

    explicit operator bool() const noexcept { return static_cast<bool>(state_); }

    // From the very moment on in which it is set, before those who wait go on.
    bool done() const { return require().done(); }

    // What was set, as `co_await` gives it. Throws std::logic_error if that has not happened.
    reference result() const& { return require_done().value(); }
    T result() const&& {
        require_copy();
        return require_done().value();
    }

    // The exception that was set, or a broken_promise; null if there is a value. Throws std::logic_error if it is not done.
    std::exception_ptr exception() const { return require_done().exception(); }

    // Calls `fn` in a turn after the future is done, in one order with the tasks that wait. Throws errc::no_loop outside a
    // loop, std::logic_error if tasks of another loop wait, std::invalid_argument if `fn` is empty, std::bad_alloc.
    void add_done_callback(unique_function<void()> fn,
                           std::source_location created = std::source_location::current()) const {
        require().add_done_callback(std::move(fn), created);
    }

    // Waits until it is done. Gives a reference to the value, which the futures keep: const T&, or T& for future<T&>. Throws
    // the exception that was set, broken_promise, std::logic_error if tasks of another loop wait for it.
    // Cancel class: lossless.
    detail::future_awaiter<T, reference> operator co_await() const& noexcept {
        return detail::future_awaiter<T, reference>(state_);
    }

    // The same of a temporary: gives a copy of the value. Cancel class: lossless.
    detail::future_awaiter<T, T> operator co_await() const&& noexcept {
        require_copy();
        return detail::future_awaiter<T, T>(state_);
    }

    // Waits until it is done, and does not read it. Throws std::logic_error as above. Cancel class: lossless.
    detail::future_watch_description wait() const noexcept { return detail::future_watch_description(state_.get()); }

private:
    friend promise<T>;
    explicit future(detail::block_ptr<detail::future_state_of<T>> state) noexcept : state_(std::move(state)) {}

    static constexpr void require_copy() {
        static_assert(may_be_copied, "name the future: the value stays in it, and a temporary gives copies");
    }

    detail::future_state_of<T>& require() const {
        if (!state_) throw std::logic_error("the future is empty");
        return *state_;
    }
    detail::future_state_of<T>& require_done() const {
        if (!done()) throw std::logic_error("the future is not done");
        return *state_;
    }

    detail::block_ptr<detail::future_state_of<T>> state_;
};

// Move-only; empty once moved from. One that goes without being set ends its futures with broken_promise.
template <class T = void>
class promise {
    static_assert(!std::is_rvalue_reference_v<T>, "a future gives its value to many");

public:
    using value_type = T;

    // Throws std::bad_alloc.
    explicit promise(std::source_location created = std::source_location::current())
        : state_(new detail::future_state_of<T>(created)) {}
    promise(promise&&) noexcept = default;
    promise& operator=(promise&& other) noexcept {
        promise taken(std::move(other));
        std::swap(state_, taken.state_);
        return *this;
    }
    ~promise() {
        if (state_) state_->abandon();
    }

    // Any number of times. Throws std::logic_error if the promise is empty, as the other members do.
    future<T> get_future() const { return future<T>(block("promise::get_future")); }

    bool is_set() const { return block("promise::is_set")->done(); }

    // Makes the value of `args`; those who wait go on in a later turn. Throws std::logic_error if the promise was set
    // before, or if tasks of another loop wait; what the constructor throws. It is not set then.
    template <class... Args>
    requires(!std::is_reference_v<T> &&
             (std::is_void_v<T> ? sizeof...(Args) == 0
                                : std::is_constructible_v<T, Args...>)) void set_value(Args&&... args) {
        block("promise::set_value")->set_value(std::forward<Args>(args)...);
    }
    template <class U>
    requires(std::is_reference_v<T>&& std::is_convertible_v<U*, std::remove_reference_t<T>*>) void set_value(U& value) {
        std::remove_reference_t<T>& target = value;
        block("promise::set_value")->set_value(target);
    }

    // Those who wait throw it. A cancellation, which belongs to its own task, breaks the promise. Throws
    // std::logic_error as above, std::invalid_argument if it is null.
    void set_exception(std::exception_ptr exception) {
        block("promise::set_exception")->set_exception(std::move(exception));
    }

private:
    const detail::block_ptr<detail::future_state_of<T>>& block(const char* operation) const {
        if (!state_) throw std::logic_error(std::string(operation) + ": the promise is empty");
        return state_;
    }

    detail::block_ptr<detail::future_state_of<T>> state_;
};

}  // namespace async::inline v0
