// What a scenario of `cancel_everywhere` gets: the means to run its part under test, and how that part ended.
#pragma once

#include <exception>
#include <optional>
#include <utility>

#include <libasync/coro/cancel_scope.hpp>
#include <libasync/coro/into_task.hpp>
#include <libasync/testing/suspension_watch.hpp>

namespace async::inline v0::testing {

enum class ended : std::uint8_t {
    completed,  // with a value; perhaps although it was cancelled
    cancelled,
    failed,     // with an exception
    destroyed,  // its frames were, where they were suspended
};

// How the part under test ended. void becomes std::monostate, a reference std::reference_wrapper.
template <class T>
class ending {
public:
    ending(ended how, std::optional<detail::optional_result<T>> value, std::exception_ptr failure) noexcept
        : how_(how),
          value_(std::move(value)),
          failure_(std::move(failure)) {}

    ended how() const noexcept { return how_; }
    bool completed() const noexcept { return how_ == ended::completed; }
    bool cancelled() const noexcept { return how_ == ended::cancelled; }
    bool destroyed() const noexcept { return how_ == ended::destroyed; }

    // The value. Throws what the part threw; std::logic_error if there is neither.
    detail::optional_result<T>& value() {
        if (failure_) std::rethrow_exception(failure_);
        if (!value_) throw std::logic_error("the part under test did not complete");
        return *value_;
    }

    // What the part threw, or null.
    const std::exception_ptr& failure() const noexcept { return failure_; }

private:
    ended how_;
    std::optional<detail::optional_result<T>> value_;
    std::exception_ptr failure_;
};

class cancel_subject {
public:
    explicit cancel_subject(detail::suspension_watch& w) noexcept : watch_(w) {}
    cancel_subject(const cancel_subject&) = delete;
    cancel_subject& operator=(const cancel_subject&) = delete;

    // Runs the part under test, a task or any operation, as a task beside the caller; once in a scenario. Gives how it
    // ended, and throws nothing of what it threw. If the caller is cancelled, the part goes on.
    template <detail::awaitable_operation A>
    auto run(A&& part) {
        return run_task(detail::into_task(std::forward<A>(part)));
    }

    // Which run this is.
    cancel_point point() const noexcept { return watch_.point(); }

    // Whether the part was cancelled; it may have completed before it saw that.
    bool delivered() const noexcept { return watch_.delivered(); }

    ended last_ending() const noexcept { return last_; }

private:
    template <class T>
    task<ending<T>> run_task(task<T> part) {
        if (watch_.destroys()) return run_destroyable(std::move(part));
        return run_spawned(std::move(part));
    }

    template <class T>
    task<ending<T>> run_spawned(task<T> part) {
        task_handle<void> sibling = watch_.start_sibling();
        task_handle<T> handle = create_task(std::move(part), "part under test");
        {
            watch_.begin(*handle.block()->loop, handle.block()->own_scope);
            const detail::suspension_watch::guard following(watch_);
            co_await handle.wait();
        }
        co_await watch_.end_sibling(std::move(sibling));
        if (handle.cancelled()) co_return note(ending<T>(ended::cancelled, {}, {}));
        if (auto failure = handle.exception()) co_return note(ending<T>(ended::failed, {}, failure));
        if constexpr (std::is_void_v<T>) {
            handle.result();
            co_return note(ending<T>(ended::completed, std::monostate{}, {}));
        } else if constexpr (std::is_reference_v<T>) {
            co_return note(ending<T>(ended::completed, std::ref(handle.result()), {}));
        } else {
            co_return note(ending<T>(ended::completed, handle.result(), {}));
        }
    }

    template <class T>
    task<ending<T>> run_destroyable(task<T> part) {
        std::optional<detail::optional_result<T>> value;
        detail::test_gate over;
        detail::destroyable frame = detail::await_destroyably(std::move(part), value);
        {
            detail::loop_core& core = this_loop().core();
            frame.start(core, over);
            watch_.begin(core, frame);
            const detail::suspension_watch::guard following(watch_);
            co_await over.pass();
        }
        if (!frame.done()) co_return note(ending<T>(ended::destroyed, {}, {}));
        if (auto failure = frame.promise().failure) co_return note(ending<T>(ended::failed, {}, failure));
        co_return note(ending<T>(ended::completed, std::move(value), {}));
    }

    template <class T>
    ending<T> note(ending<T> e) noexcept {
        last_ = e.how();
        return e;
    }

    detail::suspension_watch& watch_;
    ended last_ = ended::completed;
};

}  // namespace async::inline v0::testing
