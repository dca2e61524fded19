// The socket calls of the operating system that never wait, under one name for POSIX and Windows. Errors come
// back as errno values of std::generic_category, whatever the system calls them; nothing here throws.
#pragma once

#include <cstddef>
#include <cstdint>

#include <libasync/io/buffer.hpp>
#include <libasync/io/endpoint.hpp>
#include <libasync/io/engine.hpp>
#include <libasync/io/handle.hpp>
#include <libasync/io/messages.hpp>
#include <libasync/io/system_calls.hpp>

namespace async::inline v0::io {

// True for "not now": EAGAIN, EWOULDBLOCK.
bool would_block(int error) noexcept;

// A socket, closed on exec, for adoption by an engine. Sets `error` and returns invalid_handle on failure.
native_handle open_socket(socket_domain domain, socket_type type, int& error) noexcept;
inline native_handle open_tcp_socket(address_family family, int& error) noexcept {
    return open_socket(domain_of(family), socket_type::stream, error);
}
void close_socket(native_handle handle) noexcept;
// A later close discards what was not sent, and the peer sees a reset.
int reset_on_close(native_handle handle) noexcept;

int bind_socket(native_handle handle, const endpoint& where) noexcept;
int listen_socket(native_handle handle, int backlog) noexcept;
int shut_down_writes(native_handle handle) noexcept;
int set_option(native_handle handle, socket_option option, int value) noexcept;
int get_option(native_handle handle, socket_option option, int& value) noexcept;
int local_endpoint(native_handle handle, endpoint& where) noexcept;
int remote_endpoint(native_handle handle, endpoint& where) noexcept;

// The next connection, closed on exec and in non-blocking mode; invalid_handle and an error if there is none.
// Waits for one if the listener is in blocking mode.
native_handle accept_now(native_handle listener, int& error) noexcept;
// Begins to connect a socket in non-blocking mode; EINPROGRESS as long as it goes on.
int connect_now(native_handle handle, const endpoint& to) noexcept;
int connect_outcome(native_handle handle) noexcept;

// Without waiting, whatever mode the socket is in (on Windows it must be in non-blocking mode).
transfer_result receive_now(native_handle handle, void* data, std::size_t size) noexcept;
// Sends what fits now, of up to `count` buffers.
transfer_result send_now(native_handle handle, const const_bytes* buffers, std::size_t count) noexcept;

// The same for one end of a pipe, in non-blocking mode.
transfer_result read_pipe_now(native_handle handle, void* data, std::size_t size) noexcept;
transfer_result write_pipe_now(native_handle handle, const const_bytes* buffers, std::size_t count) noexcept;

inline transfer_result receive_now(socket_role role, native_handle handle, void* data, std::size_t size) noexcept {
    if (role == socket_role::pipe) [[unlikely]] return read_pipe_now(handle, data, size);
    return receive_now(handle, data, size);
}
inline transfer_result send_now(socket_role role, native_handle handle, const const_bytes* buffers,
                                std::size_t count) noexcept {
    if (role == socket_role::pipe) [[unlikely]] return write_pipe_now(handle, buffers, count);
    return send_now(handle, buffers, count);
}

// Whether a call that reads, or writes, would not wait: also where it would fail, or find the end.
bool is_ready_now(native_handle handle, readiness what) noexcept;

enum class blocking : std::uint8_t { no, yes };
int set_non_blocking(native_handle handle, blocking mode) noexcept;

// Moves a list of buffers on by `bytes`; returns how many buffers of it are spent.
std::size_t advance(const_bytes*& buffers, std::size_t& count, std::size_t bytes) noexcept;

// To and from the system's own form; the size is that of the form written.
std::size_t to_native(const endpoint& where, std::byte (&storage)[32]) noexcept;
endpoint from_native(const void* sockaddr) noexcept;

}  // namespace async::inline v0::io
