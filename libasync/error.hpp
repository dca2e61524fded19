// The errors of the library, beside those of the system.
//
// What the system reports is thrown as std::system_error in std::generic_category; what the library itself finds
// wrong carries an async::errc. A cancellation is neither: it is the type `cancelled`, which no handler for
// std::exception catches by accident.
#pragma once

#include <exception>
#include <stdexcept>
#include <string>
#include <system_error>

#include <libasync/config.hpp>

namespace async::inline v0 {

enum class errc {
    busy = 1,       // another operation of the same direction is already pending on this object
    closed,         // the object was closed, before or while the operation ran
    broken,         // an earlier write was cut short: what the peer has seen is unknown, so the object refuses
    no_loop,        // called on a thread that runs no loop
    incomplete,     // a stream ended before all was there that was asked for
    limit_overrun,  // what a stream was asked for is longer than the limit
};

LIBASYNC_EXPORT const std::error_category& error_category() noexcept;

inline std::error_code make_error_code(errc e) noexcept { return {static_cast<int>(e), error_category()}; }

// Unwinds a task whose scope was cancelled. Only the library throws it; user code may catch it to clean up and
// must let it go on (`throw;`): the next await would raise it again.
class LIBASYNC_EXPORT cancelled {
public:
    cancelled(const cancelled&) = default;
    cancelled& operator=(const cancelled&) = default;
    virtual ~cancelled();

private:
    cancelled() = default;
    friend struct cancelled_access;
};

// Thrown by `co_await handle` when the task that was joined ended cancelled and its joiner was not.
class LIBASYNC_EXPORT task_cancelled : public std::runtime_error {
public:
    explicit task_cancelled(const std::string& task_name);
    ~task_cancelled() override;
};

// Thrown by `timeout` and `timeout_at` when their own deadline cut the task short.
class LIBASYNC_EXPORT timeout_error : public std::runtime_error {
public:
    timeout_error();
    ~timeout_error() override;
};

// Thrown by `run` on a simulated engine when the loop can never go on, or did not end in the time it was given. The
// message names every task that was left, with its awaits; `run` has cancelled them by then.
class LIBASYNC_EXPORT stalled_error : public std::runtime_error {
public:
    explicit stalled_error(const std::string& message);
    ~stalled_error() override;
};

// The one place that makes a `cancelled`.
struct cancelled_access {
    [[noreturn]] static void raise();
};

namespace detail {

// What an exception says of itself.
std::string describe_exception(const std::exception_ptr& failure);

}  // namespace detail

}  // namespace async::inline v0

template <>
struct std::is_error_code_enum<async::errc> : std::true_type {};
