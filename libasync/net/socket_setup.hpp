// Opening and configuring sockets with exceptions for errors, for the .cpp files of this directory.
#pragma once

#include <libasync/io/native_socket.hpp>
#include <libasync/net/tcp_stream.hpp>

namespace async::inline v0::detail {

// Owns a socket that no engine has adopted yet.
class open_socket {
public:
    explicit open_socket(native_handle handle) noexcept : handle_(handle) {}
    open_socket(open_socket&& other) noexcept : handle_(other.release()) {}
    open_socket& operator=(open_socket&&) = delete;
    ~open_socket() {
        if (handle_ != invalid_handle) io::close_socket(handle_);
    }

    // A TCP socket of the family of `address`. Throws std::system_error, naming `operation` and `address`.
    static open_socket tcp(const endpoint& address, const char* operation);

    native_handle get() const noexcept { return handle_; }
    native_handle release() noexcept { return std::exchange(handle_, invalid_handle); }

private:
    native_handle handle_;
};

[[noreturn]] void throw_socket_error(int error, const char* operation, const endpoint& address);
void set_option_or_throw(native_handle handle, io::socket_option option, int value, const char* name);
endpoint endpoint_or_throw(int (*call)(native_handle, endpoint&) noexcept, native_handle handle, const char* name);

// Throws std::system_error.
void apply_options(native_handle handle, const tcp_options& options);

}  // namespace async::inline v0::detail
