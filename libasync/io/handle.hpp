// What the operating system names by number, and the owners of such numbers.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include <libasync/detail/exchange.hpp>
#include <libasync/detail/list.hpp>
#include <libasync/detail/owned.hpp>

namespace async::inline v0 {

// A file descriptor, or what stands for one elsewhere (SOCKET, HANDLE).
using native_handle = std::intptr_t;
inline constexpr native_handle invalid_handle = -1;

namespace io {

class engine;
class system_calls;

// A quiet stream is one of which nothing is read ahead; a pipe is one end of it, in non-blocking mode; of a datagram
// socket only `wait` is asked.
enum class socket_role : std::uint8_t { stream, quiet_stream, listener, datagram, pipe };

// An engine's state for one stream or listening socket. It is the engine's from `release` on: closing may have to
// wait for the kernel. If the loop goes first, the socket is closed then and the object stays, with no owner.
class socket : public detail::list_node {
public:
    virtual ~socket() = default;

    engine* owner = nullptr;
    native_handle handle = invalid_handle;
    const socket_role role;
    // What ended the reading, for the readers to come; of a listener, what went wrong while nobody accepted. As
    // operation::error.
    int read_error = 0;

protected:
    explicit socket(socket_role r) noexcept : role(r) {}
};

struct socket_release {
    void operator()(socket* s) const noexcept;
};
using socket_ptr = detail::owned<socket, socket_release>;

// Owns an open file of some system; closes it in place when nobody did so before.
class file_handle {
public:
    file_handle() = default;
    // `system` lasts for ever.
    file_handle(native_handle h, system_calls& system) noexcept
        : handle_(h),
          system_(std::shared_ptr<system_calls>(), &system) {}
    // The file may outlive whoever opened it.
    file_handle(native_handle h, std::shared_ptr<system_calls> system) noexcept
        : handle_(h),
          system_(std::move(system)) {}
    file_handle(file_handle&& other) noexcept
        : handle_(detail::exchange(other.handle_, invalid_handle)),
          system_(std::move(other.system_)) {}
    file_handle& operator=(file_handle&& other) noexcept {
        if (this != &other) {
            reset();
            handle_ = detail::exchange(other.handle_, invalid_handle);
            system_ = std::move(other.system_);
        }
        return *this;
    }
    ~file_handle() { reset(); }

    native_handle get() const noexcept { return handle_; }
    native_handle release() noexcept { return detail::exchange(handle_, invalid_handle); }
    explicit operator bool() const noexcept { return handle_ != invalid_handle; }
    void reset() noexcept;

private:
    native_handle handle_ = invalid_handle;
    std::shared_ptr<system_calls> system_;
};

}  // namespace io

}  // namespace async::inline v0
