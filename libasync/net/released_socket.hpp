// A connection between two loops: no loop has it, and it may go to another thread.
//
//   async::released_socket given = co_await stream.release();
//   other.post([given = std::move(given)]() mutable { handle(async::tcp_stream::adopt(std::move(given))); });
#pragma once

#include <string>
#include <utility>

#include <libasync/detail/exchange.hpp>
#include <libasync/io/handle.hpp>

namespace async::inline v0 {

// Move-only; closes the connection unless somebody takes it.
class released_socket {
public:
    released_socket() = default;
    released_socket(native_handle handle, io::system_calls& system, std::string unread) noexcept
        : handle_(handle),
          system_(&system),
          unread_(std::move(unread)) {}
    released_socket(released_socket&& other) noexcept
        : handle_(detail::exchange(other.handle_, invalid_handle)),
          system_(other.system_),
          unread_(std::move(other.unread_)) {}
    released_socket& operator=(released_socket&& other) noexcept;
    ~released_socket() { reset(); }

    native_handle handle() const noexcept { return handle_; }
    bool is_open() const noexcept { return handle_ != invalid_handle; }

    // What had arrived already, and nobody has read.
    const std::string& unread() const noexcept { return unread_; }

    // Gives the handle away.
    native_handle take_handle() noexcept { return detail::exchange(handle_, invalid_handle); }

private:
    void reset() noexcept;

    native_handle handle_ = invalid_handle;
    io::system_calls* system_ = nullptr;
    std::string unread_;
};

}  // namespace async::inline v0
