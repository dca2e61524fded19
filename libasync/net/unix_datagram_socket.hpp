// Datagrams between programs of one machine (unix(7)): each arrives whole, once and in order, or the sender is told; who
// sends waits while the receiver has no room. They can bring open handles along.
//
//   auto log = async::unix_datagram_socket::bind("/run/log.sock", {.permissions = 0622});
//   std::array<std::byte, 2048> buffer;
//   for (;;) {
//       const async::received_unix_datagram got = co_await log.recv_from(buffer);
//       store(std::span(buffer).first(got.size), got.from);
//   }
#pragma once

#include <cstdint>
#include <utility>

#include <libasync/io/messages.hpp>
#include <libasync/net/bound_path.hpp>
#include <libasync/net/datagrams.hpp>
#include <libasync/net/received_handles.hpp>
#include <libasync/net/socket_state.hpp>

namespace async::inline v0 {

using io::process_credentials;

struct unix_datagram_options {
    // Of the path (chmod(2)), as in 0622: who may send; 0 leaves it to umask(2).
    std::uint32_t permissions = 0;
    // What an earlier program has left at the path is removed first, if it is a socket that nobody has open.
    bool replace_stale = true;
    // The kernel's buffers in bytes; 0 leaves them to the kernel. The largest datagram is a little smaller than the
    // sender's.
    int receive_buffer = 0;
    int send_buffer = 0;
};
static_assert(std::is_trivially_destructible_v<unix_datagram_options>);

// Move-only. At most one task waits to receive, and one for room at the peer that the socket is connected to; a second
// one gets errc::busy. Destroying the socket closes it and removes its path, if that is still its own; what is pending
// ends with errc::closed. Errors are std::system_error with the operation and the socket's address in the message;
// function_not_supported where there are no such sockets (Windows).
class unix_datagram_socket {
public:
    // Closed from the start: every operation gives errc::closed.
    unix_datagram_socket() = default;

    // For this thread's loop, under a path or an abstract name; with no name the system chooses an abstract one (Linux).
    // Throws std::system_error, for example address_in_use.
    static unix_datagram_socket bind(unix_endpoint where, const unix_datagram_options& options = {});

    // One without a name, which nobody can answer; the second is connected at once. Throw std::system_error, for example
    // no_such_file_or_directory, connection_refused.
    static unix_datagram_socket open(const unix_datagram_options& options = {});
    static unix_datagram_socket connect(unix_endpoint peer, const unix_datagram_options& options = {});

    // Two without names that are connected to each other (socketpair(2)), for this thread's loop. Throws
    // std::system_error.
    static std::pair<unix_datagram_socket, unix_datagram_socket> pair(const unix_datagram_options& options = {});

    // Takes over a datagram socket that exists, as one that a parent left open, for this thread's loop. Its path stays.
    // Throws std::system_error, std::bad_alloc; it is closed then.
    static unix_datagram_socket adopt(native_handle handle);

    // From now on this socket sends to `peer` and receives from it alone, others get operation_not_permitted; or it is
    // free again. What had arrived from an earlier peer is lost, and that one gets connection_reset then. Throw
    // std::system_error: operation_not_permitted if `peer` is connected to another.
    void connect_to(unix_endpoint peer);
    void disconnect();

    // The next datagram, which may have 0 bytes. Cancel class: lossless.
    task<received_unix_datagram> recv_from(std::span<std::byte> into);

    // As many as have arrived, at least one, at most 32 by one system call where it has such a call; gives their number.
    // Cancel class: lossless.
    task<std::size_t> recv_many(std::span<incoming_unix_datagram> datagrams);

    // Completes when it is in the receiver's queue. While that is full it tries again, ever less often, up to every
    // 100 ms. connection_refused if nobody has the socket open, no_such_file_or_directory, message_size.
    // Throws std::invalid_argument without a name. Cancel class: lossless.
    task<void> send_to(const_bytes data, unix_endpoint to);
    // To whom the socket is connected; waits for room without trying. connection_refused if that one is gone: what it
    // had sent and nobody has received is lost then. Cancel class: lossless.
    task<void> send(const_bytes data);

    // As many of these, in their order, as the system takes at once, at least one; gives their number. An error is that
    // of the first: what comes before one that fails is sent. Cancel class: lossless.
    task<std::size_t> send_many(std::span<const outgoing_unix_datagram> datagrams);

    // A datagram, to whom the socket is connected, with copies of open handles, at most 253 (SCM_RIGHTS, unix(7)).
    // Cancel class: lossless.
    task<void> send_handles(const_bytes data, std::span<const native_handle> handles);

    // The next datagram and the handles that came with it; they are closed on exec(2), and other ways to receive close
    // them. More than `most` of them are closed, the datagram is lost, and the error is message_size.
    // Cancel class: lossless.
    task<received_handles> receive_handles(std::span<std::byte> into, std::size_t most = 16);

    // Closes, and waits until the descriptor is gone. The path is removed if it is still this socket's. May be repeated.
    // Takes effect even in a cancelled scope. Cancel class: deferred.
    task<void> close();

    bool is_open() const noexcept { return state_ && state_->socket; }

    // Who made a pair (SO_PEERCRED): not_connected for any other socket, of whose peers the system keeps none. Throw
    // std::system_error.
    process_credentials peer_credentials() const;
    unix_endpoint local_endpoint() const;
    unix_endpoint remote_endpoint() const;

    // For use beside the library; invalid_handle when closed. The socket keeps it.
    native_handle handle() const noexcept { return is_open() ? state_->socket->handle : invalid_handle; }

private:
    explicit unix_datagram_socket(native_handle handle, detail::bound_path path = {});
    io::socket& require(const char* operation) const;

    detail::state_owner<detail::socket_state> state_;
    detail::bound_path path_;
};

}  // namespace async::inline v0
