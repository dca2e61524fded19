// A connection between two loops: no loop has it, and it may go to another thread.
//
//   async::released_socket given = co_await stream.release();
//   other.post([given = std::move(given)]() mutable { handle(async::tcp_stream::adopt(std::move(given))); });
#pragma once

#include <string>
#include <system_error>
#include <utility>

#include <libasync/detail/exchange.hpp>
#include <libasync/io/handle.hpp>

namespace async::inline v0 {

namespace detail {
struct released_access;
}

// Move-only; closes the connection unless somebody takes it.
class released_socket {
public:
    released_socket() = default;
    // `read_error` is an errno value; 0: nothing has ended the reading.
    released_socket(native_handle handle, io::system_calls& system, std::string unread, int read_error) noexcept
        : handle_(handle),
          system_(&system),
          unread_(std::move(unread)),
          read_error_(read_error) {}
    released_socket(released_socket&& other) noexcept
        : handle_(detail::exchange(other.handle_, invalid_handle)),
          system_(other.system_),
          unread_(std::move(other.unread_)),
          read_error_(detail::exchange(other.read_error_, 0)) {}
    released_socket& operator=(released_socket&& other) noexcept;
    ~released_socket() { reset(); }

    native_handle handle() const noexcept { return handle_; }
    bool is_open() const noexcept { return handle_ != invalid_handle; }

    // What had arrived already, and nobody has read.
    const std::string& unread() const noexcept { return unread_; }

    // An error, such as a reset, that has ended the reading already. The system tells it once; who adopts the
    // connection is told again, behind what is unread.
    std::error_code read_error() const noexcept;

    // Gives the handle away.
    native_handle take_handle() noexcept { return detail::exchange(handle_, invalid_handle); }

private:
    friend struct detail::released_access;
    void reset() noexcept;

    native_handle handle_ = invalid_handle;
    io::system_calls* system_ = nullptr;
    std::string unread_;
    int read_error_ = 0;
};

}  // namespace async::inline v0
