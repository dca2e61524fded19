// The calls that never wait, which the layers above make beside the operations of an engine: making and naming sockets,
// their options, closing in place. Each engine says which system it speaks to, so that a simulated one can stand in.
#pragma once

#include <cstdint>

#include <libasync/io/messages.hpp>

namespace async::inline v0::io {

class relay;

enum class socket_option : std::uint8_t {
    no_delay,
    keep_alive,
    reuse_address,
    reuse_port,
    receive_buffer,
    send_buffer,
    ipv6_only,
    broadcast,
    multicast_loop,
    multicast_hops,
    multicast_interface,  // an index
    hops,                 // time to live
};

enum class socket_domain : std::uint8_t { ipv4, ipv6, local };
enum class socket_type : std::uint8_t { stream, datagram };

constexpr socket_domain domain_of(address_family family) noexcept {
    return family == address_family::ipv4 ? socket_domain::ipv4 : socket_domain::ipv6;
}

// The two ends of a pipe, or of a pair of sockets.
struct handle_pair {
    native_handle first = invalid_handle;   // of a pipe: to read from
    native_handle second = invalid_handle;  // of a pipe: to write to
};

// What tells one file from another (st_dev, st_ino).
struct file_identity {
    std::uint64_t device = 0;
    std::uint64_t number = 0;
    friend bool operator==(const file_identity&, const file_identity&) = default;
};

// Errors are errno values of std::generic_category; 0 means none.
class system_calls {
public:
    system_calls() = default;
    system_calls(const system_calls&) = delete;
    system_calls& operator=(const system_calls&) = delete;

    // A socket, to be adopted by the engine. Sets `error` and returns invalid_handle on failure.
    virtual native_handle open_socket(socket_domain domain, socket_type type, int& error) noexcept = 0;
    native_handle open_tcp_socket(address_family family, int& error) noexcept {
        return open_socket(domain_of(family), socket_type::stream, error);
    }
    virtual int open_pair(socket_type type, handle_pair& pair) noexcept = 0;  // unix sockets
    virtual int open_pipe(handle_pair& pipe) noexcept = 0;
    virtual void close_socket(native_handle handle) noexcept = 0;
    // A later close discards what was not sent, and the peer sees a reset.
    virtual int reset_on_close(native_handle handle) noexcept = 0;

    virtual int bind_socket(native_handle handle, const endpoint& where) noexcept = 0;
    virtual int listen_socket(native_handle handle, int backlog) noexcept = 0;
    virtual int set_option(native_handle handle, socket_option option, int value) noexcept = 0;
    virtual int get_option(native_handle handle, socket_option option, int& value) noexcept = 0;
    virtual int local_endpoint(native_handle handle, endpoint& where) noexcept = 0;
    virtual int remote_endpoint(native_handle handle, endpoint& where) noexcept = 0;

    // Unix sockets. A connection is made at once, or fails with EAGAIN while the listener's queue is full.
    virtual int bind_local(native_handle handle, const unix_endpoint& where) noexcept = 0;
    virtual int connect_local(native_handle handle, const unix_endpoint& to) noexcept = 0;
    virtual int local_name(native_handle handle, unix_endpoint& where) noexcept = 0;
    virtual int remote_name(native_handle handle, unix_endpoint& where) noexcept = 0;
    virtual int identify_path(const char* path, file_identity& identity) noexcept = 0;
    virtual int remove_path(const char* path) noexcept = 0;
    virtual int set_permissions(const char* path, std::uint32_t permissions) noexcept = 0;
    virtual int peer_credentials(native_handle handle, process_credentials& peer) noexcept = 0;
    virtual handle_transfer send_handles(native_handle handle, const_bytes bytes,
                                         std::span<const native_handle> handles) noexcept = 0;
    virtual handle_transfer receive_handles(native_handle handle, std::span<std::byte> into,
                                            std::span<native_handle> handles) noexcept = 0;

    // Datagrams, without waiting: EAGAIN, which stands for what `would_block` says.
    virtual int connect_datagrams(native_handle handle, const endpoint* to) noexcept = 0;  // null: to nobody any more
    virtual message_count send_messages(native_handle handle, std::span<const outgoing_message> messages) noexcept = 0;
    virtual message_count receive_messages(native_handle handle, std::span<incoming_message> messages) noexcept = 0;
    virtual int change_membership(native_handle handle, const multicast_group& group, membership m) noexcept = 0;

    // Of a stream, without waiting.
    virtual transfer_result send_now(native_handle handle, const_bytes bytes) noexcept = 0;

    // From the kernel to the kernel, as far as it goes without waiting; ENOSYS, EINVAL where there is no such thing.
    virtual transfer_result send_file(native_handle to, native_handle file, std::uint64_t offset,
                                      std::size_t count) noexcept = 0;
    // Opens one, for handles of this system; ENOSYS where there is no such thing.
    virtual int open_relay(relay& between) noexcept = 0;

    // How many of these bytes of a file are in memory, as far as the system tells without reading them; all of them where
    // it does not. Sending so many waits for no disk.
    virtual std::size_t cached(native_handle file, std::uint64_t offset, std::size_t count) noexcept = 0;

    virtual void close_file(native_handle file) noexcept = 0;

protected:
    ~system_calls() = default;
};

// The operating system's own.
system_calls& native_calls() noexcept;

// Those of the system that `s` belongs to.
system_calls& calls_of(const socket& s) noexcept;

}  // namespace async::inline v0::io
