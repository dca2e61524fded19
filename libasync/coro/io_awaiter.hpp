// Awaiting an operation of the engine. What an API function returns is a description: a small, trivially copyable
// value, derived from io_description, with
//
//   using operation = ...;                   // an io::operation
//   using value_type = ...;                  // what co_await gives
//   operation make() const                   // what the engine is asked to do
//   void check(operation&) const             // may let it fail before it starts
//   value_type finish(operation&) const      // turns a success into the value
//   void abandoned(operation&) const         // optional: it failed, was cancelled, or nobody collects it
//   void retain() const, release() const     // optional: keep what the operation refers to
//   std::string what() const                 // operation and object, for the message of an error
//   static constexpr bool ignores_cancellation = true;  // optional: for what must take effect
//
// The operation itself is made by `operator co_await`, in the awaiter, and is pinned there until it is done.
#pragma once

#include <string>
#include <type_traits>

#include <libasync/coro/leaf.hpp>
#include <libasync/coro/result.hpp>
#include <libasync/io/engine.hpp>

namespace async::inline v0 {

namespace detail {

// Gives a description its awaiter and the optional parts.
template <class Description>
struct io_description {
    using async_native = void;
    static constexpr bool ignores_cancellation = false;

    auto operator co_await() const noexcept;

    template <class Operation>
    void check(Operation&) const noexcept {}
    template <class Operation>
    void abandoned(Operation&) const noexcept {}
    void retain() const noexcept {}
    void release() const noexcept {}
};

template <class Description>
class io_awaiter : protected leaf {
public:
    explicit io_awaiter(const Description& d) noexcept
        : leaf(&io_awaiter::stop),
          description_(d),
          operation_(d.make()) {
        description_.retain();
    }

    ~io_awaiter() {
        if (operation_.state == io::op_state::pending) engine().cancel_and_wait(operation_);
        if (operation_.state != io::op_state::idle) description_.abandoned(operation_);
        operation_.unlink_if_linked();
        description_.release();
    }

    bool await_ready() const noexcept { return false; }

    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> h) {
        if constexpr (Description::ignores_cancellation) {
            enter_always(h, operation_);
        } else {
            if (!enter(h, operation_)) return true;
        }
        description_.check(operation_);
        if (operation_.state == io::op_state::done || engine().start(operation_)) {
            if (core().may_continue_in_place()) return false;
            core().ready.push_back(operation_);
        }
        wait();
        return true;
    }

    typename Description::value_type await_resume() {
        settle();
        if (operation_.error != 0) [[unlikely]] {
            description_.abandoned(operation_);
            throw std::system_error(operation_.code(), description_.what());
        }
        return description_.finish(operation_);
    }

protected:
    io::engine& engine() const noexcept { return *core().engine; }

    // Raises if the operation was cancelled together with its task, though a shield may have been put up since.
    void settle() {
        leave();
        operation_.state = io::op_state::idle;  // collected
        if (operation_.error == io::error_cancelled && operation_.cancel_requested) [[unlikely]] {
            description_.abandoned(operation_);
            cancelled_access::raise();
        }
    }

    static void stop(leaf& l) noexcept {
        auto& self = static_cast<io_awaiter&>(l);
        if (Description::ignores_cancellation || self.operation_.cancel_requested) return;
        if (self.operation_.state != io::op_state::pending) return;
        self.operation_.cancel_requested = true;
        self.engine().cancel(self.operation_);
    }

    const Description description_;
    typename Description::operation operation_;
};

template <class Description>
class io_result_awaiter final : public io_awaiter<Description> {
public:
    using io_awaiter<Description>::io_awaiter;

    result<typename Description::value_type> await_resume() {
        this->settle();
        if (this->operation_.error != 0) {
            this->description_.abandoned(this->operation_);
            return this->operation_.code();
        }
        if constexpr (std::is_void_v<typename Description::value_type>) {
            this->description_.finish(this->operation_);
            return {};
        } else {
            return this->description_.finish(this->operation_);
        }
    }
};

// Of an operation that takes nothing, but waits until something is so: select may have it too. A description whose
// `operator co_await` gives one hides that of io_description.
template <class Description>
class io_wait_awaiter final : public io_awaiter<Description> {
public:
    using io_awaiter<Description>::io_awaiter;

    // For select: whether it is so already, and then it is done; `suspends` tells whether the task goes on in a later
    // step.
    template <class Promise>
    bool begin_at_once(std::coroutine_handle<Promise> h, bool& suspends) {
        this->enter_always(h, this->operation_);
        this->description_.check(this->operation_);
        if (this->operation_.state != io::op_state::done) {
            if (!this->engine().is_ready(this->operation_)) return false;
            this->operation_.state = io::op_state::done;
        }
        suspends = !this->core().may_continue_in_place();
        if (suspends) {
            this->core().ready.push_back(this->operation_);
            this->wait();
        }
        return true;
    }

    // Whether it was begun and is done, and how to go on without it.
    bool has_come() const noexcept { return this->operation_.state == io::op_state::done; }
    void give_up() noexcept {
        if (this->operation_.state == io::op_state::pending) this->engine().cancel_and_wait(this->operation_);
        this->operation_.unlink_if_linked();
        this->operation_.state = io::op_state::idle;
    }
};

template <class Description>
auto io_description<Description>::operator co_await() const noexcept {
    static_assert(std::is_trivially_copyable_v<Description>, "descriptions are copied freely");
    return io_awaiter<Description>(static_cast<const Description&>(*this));
}

template <class Description>
struct [[nodiscard]] result_description {
    using async_native = void;
    Description description;
    auto operator co_await() const noexcept { return io_result_awaiter<Description>(description); }
    void retain() const noexcept { description.retain(); }
    void release() const noexcept { description.release(); }
};

}  // namespace detail

// Awaits an operation without exceptions for its errors: gives a result<T>. Cancellation still throws.
// Cancel class: that of the operation.
template <class Description>
    requires std::is_base_of_v<detail::io_description<Description>, Description>
detail::result_description<Description> as_result(Description description) noexcept {
    return {description};
}

}  // namespace async::inline v0
