// What a promise and its futures share: the outcome, once there is one, and who waits for it.
//
// Those who wait, tasks and callbacks, stand in one list, in the order in which they came. When the outcome is recorded
// the list goes to the ready queue as it is: nobody is resumed or called in place.
#pragma once

#include <exception>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>

#include <libasync/coro/control_block.hpp>

namespace async::inline v0::detail {

// Counted by the promise, the futures, and the awaits that are under way. All of them on one thread.
class future_state : loop_guest {
public:
    explicit future_state(std::source_location created) noexcept : loop_guest(&loop_is_gone), created_(created) {}
    future_state(const future_state&) = delete;
    future_state& operator=(const future_state&) = delete;

    void retain() noexcept { ++references_; }
    void release() noexcept {
        if (--references_ == 0) drop();
    }

    bool done() const noexcept { return kind_ != kind::pending; }

    // Throws std::logic_error if there is an outcome already, or if tasks of another loop than this thread's wait.
    void require_unset(const char* operation) const;

    void set_exception(std::exception_ptr exception);

    // The promise goes: that is the outcome, unless there is one.
    void abandon() noexcept {
        if (!done()) end(kind::abandoned);
    }

    // Throws std::logic_error if tasks of another loop wait.
    void add_waiter(ready_node& waiter, loop_core& core);
    void add_done_callback(unique_function<void()> fn, std::source_location created);

    // The outcome becomes known to somebody: throws what was set in place of a value.
    void read();
    std::exception_ptr exception();

protected:
    virtual ~future_state() = default;

    void value_is_set() noexcept { end(kind::value); }

private:
    enum class kind : unsigned char {
        pending,
        value,
        exception,
        abandoned,  // the promise is gone
        cancelled,  // who was to set it was
    };

    void require_same_loop(const loop_core& core, const char* operation) const;
    void end(kind k) noexcept;
    void note_read() noexcept;
    bool unread() const noexcept { return kind_ == kind::exception && !read_; }
    const char* why_broken() const noexcept;
    void report(loop* to) noexcept;
    void drop() noexcept;
    static void loop_is_gone(loop_guest& guest) noexcept;

    ready_list waiting_;
    // That of those who wait; later the one that an unread exception is reported to. Its guest while callbacks wait or an
    // exception is unread.
    loop_core* loop_ = nullptr;
    std::exception_ptr exception_;
    const std::source_location created_;
    unsigned references_ = 0;
    kind kind_ = kind::pending;
    bool read_ = false;
};

// What many may read: values by reference to const, references as they are.
template <class T>
using future_reference = std::conditional_t<std::is_void_v<T>, void, std::add_lvalue_reference_t<const T>>;

template <class T>
class future_state_of final : public future_state {
    using stored = std::conditional_t<std::is_reference_v<T>, std::remove_reference_t<T>*,
                                      std::conditional_t<std::is_void_v<T>, char, T>>;

public:
    using future_state::future_state;

    template <class... Args>
    void set_value(Args&&... args) {
        require_unset("promise::set_value");
        if constexpr (std::is_reference_v<T>) {
            value_.emplace(std::addressof(args)...);
        } else {
            value_.emplace(std::forward<Args>(args)...);
        }
        value_is_set();
    }

    // There must be an outcome. Throws it if it is none to give.
    future_reference<T> value() {
        read();
        if constexpr (std::is_reference_v<T>) {
            return static_cast<T>(**value_);
        } else if constexpr (!std::is_void_v<T>) {
            return *value_;
        }
    }

private:
    std::optional<stored> value_;
};

// Waits for the outcome. One that is recorded before the cancellation counts.
class future_waiter : protected leaf {
public:
    bool await_ready() const noexcept { return false; }

    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> h) {
        require_state();
        if (!enter(h, node_)) return true;
        if (!state_->done()) {
            state_->add_waiter(node_, core());
        } else if (core().may_continue_in_place()) {
            return false;
        } else {
            core().ready.push_back(node_);
        }
        wait();
        return true;
    }

    void await_resume() {
        leave();
        if (stopped_) cancelled_access::raise();
    }

    // For select: whether there is an outcome, and how to go on without it.
    bool has_come() const noexcept { return state_ && state_->done(); }
    void give_up() noexcept { node_.unlink_if_linked(); }

protected:
    explicit future_waiter(block_ptr<future_state> state) noexcept
        : leaf(&future_waiter::stop),
          state_(std::move(state)) {}
    ~future_waiter() { node_.unlink_if_linked(); }

    block_ptr<future_state> state_;

private:
    void require_state() const;
    static void stop(leaf& l) noexcept;

    ready_node node_;
    bool stopped_ = false;
};

class future_watcher final : public future_waiter {
public:
    explicit future_watcher(block_ptr<future_state> state) noexcept : future_waiter(std::move(state)) {}
};

// Reads it too.
template <class T, class Result>
class future_awaiter final : public future_waiter {
public:
    explicit future_awaiter(const block_ptr<future_state_of<T>>& state) noexcept
        : future_waiter(block_ptr<future_state>(state.get())) {}

    Result await_resume() {
        future_waiter::await_resume();
        return static_cast<future_state_of<T>&>(*state_).value();
    }
};

// A class with a constructor: what g++ 12 does to aggregates in an await would let go of the state twice.
class [[nodiscard("a wait happens when it is awaited")]] future_watch_description {
public:
    using async_native = void;
    explicit future_watch_description(future_state * state) noexcept : state_(state) {}
    auto operator co_await() const noexcept { return future_watcher(state_); }

private:
    block_ptr<future_state> state_;
};

}  // namespace async::inline v0::detail
