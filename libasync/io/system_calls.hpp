// The calls that never wait, which the layers above make beside the operations of an engine: making and naming sockets,
// their options, closing in place. Each engine says which system it speaks to, so that a simulated one can stand in.
#pragma once

#include <cstdint>

#include <libasync/io/endpoint.hpp>
#include <libasync/io/handle.hpp>

namespace async::inline v0::io {

enum class socket_option : std::uint8_t {
    no_delay,
    keep_alive,
    reuse_address,
    reuse_port,
    receive_buffer,
    send_buffer,
    ipv6_only,
};

// Errors are errno values of std::generic_category; 0 means none.
class system_calls {
public:
    system_calls() = default;
    system_calls(const system_calls&) = delete;
    system_calls& operator=(const system_calls&) = delete;

    // A TCP socket, to be adopted by the engine. Sets `error` and returns invalid_handle on failure.
    virtual native_handle open_tcp_socket(address_family family, int& error) noexcept = 0;
    virtual void close_socket(native_handle handle) noexcept = 0;
    // A later close discards what was not sent, and the peer sees a reset.
    virtual int reset_on_close(native_handle handle) noexcept = 0;

    virtual int bind_socket(native_handle handle, const endpoint& where) noexcept = 0;
    virtual int listen_socket(native_handle handle, int backlog) noexcept = 0;
    virtual int set_option(native_handle handle, socket_option option, int value) noexcept = 0;
    virtual int get_option(native_handle handle, socket_option option, int& value) noexcept = 0;
    virtual int local_endpoint(native_handle handle, endpoint& where) noexcept = 0;
    virtual int remote_endpoint(native_handle handle, endpoint& where) noexcept = 0;

    virtual void close_file(native_handle file) noexcept = 0;

protected:
    ~system_calls() = default;
};

// The operating system's own.
system_calls& native_calls() noexcept;

// Those of the system that `s` belongs to.
system_calls& calls_of(const socket& s) noexcept;

}  // namespace async::inline v0::io
