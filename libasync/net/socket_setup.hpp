// Opening and configuring sockets with exceptions for errors, for the .cpp files of this directory.
#pragma once

#include <utility>

#include <libasync/detail/exchange.hpp>
#include <libasync/io/system_calls.hpp>
#include <libasync/net/socket_state.hpp>
#include <libasync/net/tcp_stream.hpp>

namespace async::inline v0::detail {

// Owns a socket that no engine has adopted yet.
class open_socket {
public:
    open_socket(io::system_calls& system, native_handle handle) noexcept : system_(system), handle_(handle) {}
    open_socket(open_socket&& other) noexcept : system_(other.system_), handle_(other.release()) {}
    open_socket& operator=(open_socket&&) = delete;
    ~open_socket() {
        if (handle_ != invalid_handle) system_.close_socket(handle_);
    }

    // A socket of the family of `address`. Throw std::system_error, naming `operation` and `address`.
    static open_socket tcp(io::system_calls& system, const endpoint& address, const char* operation) {
        return of(io::socket_type::stream, system, address, operation);
    }
    static open_socket datagram(io::system_calls& system, const endpoint& address, const char* operation) {
        return of(io::socket_type::datagram, system, address, operation);
    }
    static open_socket unix_domain(io::socket_type type, io::system_calls& system, const char* operation);
    static std::pair<open_socket, open_socket> unix_pair(io::socket_type type, io::system_calls& system,
                                                         const char* operation);
    // The caller's, which is closed unless it goes on to an engine. Throws errc::no_loop.
    static open_socket given(native_handle handle, const char* operation);

    native_handle get() const noexcept { return handle_; }
    native_handle release() noexcept { return detail::exchange(handle_, invalid_handle); }

    // Throws std::system_error.
    void set_option(io::socket_option option, int value, const char* name) const;

private:
    static open_socket of(io::socket_type type, io::system_calls& system, const endpoint& address,
                          const char* operation);

    io::system_calls& system_;
    native_handle handle_;
};

[[noreturn]] void throw_socket_error(int error, const char* operation, const endpoint& address);
[[noreturn]] void throw_socket_error(int error, const char* operation, const unix_endpoint& address);

// All throw std::system_error.
void set_option_or_throw(io::system_calls& system, native_handle handle, io::socket_option option, int value,
                         const char* name);
void apply_options(io::system_calls& system, native_handle handle, const tcp_options& options);
// Takes the handle of a socket at rest from its engine. Throws std::system_error (function_not_supported) where the system
// cannot do that; the handle is closed then.
native_handle take_from_engine(io::socket& s, const char* operation);
// Closes what `state` owns and waits until the descriptor is gone.
task<void> close_socket(state_owner<socket_state> state);

// One that nobody took. A simulated system goes with its loop.
void close_left_handle(io::system_calls* system, native_handle handle) noexcept;

endpoint local_endpoint_of(const io::socket& s);
endpoint remote_endpoint_of(const io::socket& s);
unix_endpoint local_name_of(const io::socket& s);
unix_endpoint remote_name_of(const io::socket& s);
io::process_credentials peer_credentials_of(const io::socket& s);

}  // namespace async::inline v0::detail
