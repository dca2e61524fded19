// Datagrams (udp(7)): each arrives whole or not at all, perhaps late, twice or out of order.
//
//   auto socket = async::udp_socket::bind(async::endpoint::any(5353));
//   std::array<std::byte, 1500> buffer;
//   for (;;) {
//       const async::received_datagram got = co_await socket.recv_from(buffer);
//       co_await socket.send_to({buffer.data(), got.size}, got.from);
//   }
#pragma once

#include <span>

#include <libasync/net/datagrams.hpp>
#include <libasync/net/socket_state.hpp>

namespace async::inline v0 {

struct udp_options {
    // Several sockets share the port: the kernel spreads unicasts over them (SO_REUSEPORT, socket(7)).
    bool reuse_port = false;
    // Several sockets may listen to one multicast port (SO_REUSEADDR).
    bool reuse_address = false;
    // Datagrams may go to broadcast addresses (SO_BROADCAST).
    bool broadcast = false;
    // An IPv6 socket takes IPv4 datagrams as well (IPV6_V6ONLY off, ipv6(7)).
    bool dual_stack = false;
    // What is sent to a group comes back to this machine's members.
    bool multicast_loop = true;
    // Routers that what is sent to a group may pass, and what is sent to one machine; 0 leaves it to the kernel, which
    // has 1 for groups.
    int multicast_hops = 0;
    int hops = 0;
    // The index of the interface (if_nametoindex(3)) that groups are reached by; 0: the system chooses.
    int multicast_interface = 0;
    // The kernel's buffers in bytes; 0 leaves them to the kernel.
    int receive_buffer = 0;
    int send_buffer = 0;
};
static_assert(std::is_trivially_destructible_v<udp_options>);

struct group_options {
    // The index of the interface (if_nametoindex(3)); 0: the system chooses.
    std::uint32_t interface_index = 0;
    // Only what comes from this address (RFC 3678); none: whatever is sent to the group.
    const endpoint* source = nullptr;
};

// Move-only. At most one task waits to receive and one to send; a second one gets errc::busy. Destroying the socket
// closes it; what is pending on it ends with errc::closed. Errors are std::system_error with the operation and the
// socket's address in the message. What a router or the peer reports of a datagram (ICMP) is an error of the next
// operation on a connected socket: connection_refused if nobody listens there.
class udp_socket {
public:
    // Closed from the start: every operation gives errc::closed.
    udp_socket() = default;

    // For this thread's loop; port 0 lets the system choose one. Throws std::system_error, for example address_in_use.
    static udp_socket bind(endpoint where, const udp_options& options = {});

    // A socket that sends to `peer`, and receives from it alone. Nothing is sent yet. Throws std::system_error.
    static udp_socket connect(endpoint peer, const udp_options& options = {});

    // From now on this socket sends to `peer` and receives from it alone; or to whom one likes, again.
    // Throw std::system_error.
    void connect_to(endpoint peer);
    void disconnect();

    // The next datagram, which may have 0 bytes. Cancel class: lossless.
    task<received_datagram> recv_from(std::span<std::byte> into);

    // As many as have arrived, at least one, at most 32 by one system call where it has such a call; gives their number.
    // Cancel class: lossless.
    task<std::size_t> recv_many(std::span<incoming_datagram> datagrams);

    // Completes when the system has taken it, which says nothing of its arrival. message_size if it is too large: more
    // than 65507 bytes with IPv4. Cancel class: lossless.
    task<void> send_to(const_bytes data, endpoint to);
    // To whom the socket is connected. Cancel class: lossless.
    task<void> send(const_bytes data);

    // As many of these, in their order, as the system takes at once, at least one; gives their number. An error is that
    // of the first: what comes before one that fails is sent. Cancel class: lossless.
    task<std::size_t> send_many(std::span<const outgoing_datagram> datagrams);

    // Membership of a multicast group: what is sent to it and to this socket's port is received, if the socket is bound to
    // all addresses or to the group's. On Linux one that has not joined hears it too, as long as another socket of the
    // machine has (IP_MULTICAST_ALL, ip(7)). Throw std::system_error: address_in_use if it was joined already,
    // address_not_available if it was not, no_such_device, invalid_argument if it is no group.
    void join_group(endpoint group, const group_options& options = {});
    void leave_group(endpoint group, const group_options& options = {});

    // Closes, and waits until the descriptor is gone. May be repeated. Takes effect even in a cancelled scope.
    // Cancel class: deferred.
    task<void> close();

    bool is_open() const noexcept { return state_ && state_->socket; }

    // Throw std::system_error. Of the options, reuse_port, reuse_address and dual_stack matter at `bind` only.
    void set_options(const udp_options& options);
    endpoint local_endpoint() const;
    endpoint remote_endpoint() const;

    // For use beside the library; invalid_handle when closed. The socket keeps it.
    native_handle handle() const noexcept { return is_open() ? state_->socket->handle : invalid_handle; }

private:
    explicit udp_socket(io::socket_ptr socket);
    io::socket& require(const char* operation) const;

    detail::state_owner<detail::socket_state> state_;
};

}  // namespace async::inline v0
