// Waits for TCP connections.
//
//   auto listener = async::tcp_listener::bind(async::endpoint::loopback(8080));
//   for (;;) async::create_task(serve(co_await listener.accept()));
#pragma once

#include <libasync/net/tcp_stream.hpp>

namespace async::inline v0 {

struct listen_options {
    // Connections that may wait to be accepted (listen(2)); the kernel has its own upper limit.
    int backlog = 4096;
    // Lets several sockets, of other loops, share the port; the kernel spreads connections (SO_REUSEPORT, socket(7)).
    bool reuse_port = false;
    // An IPv6 socket takes IPv4 connections as well (IPV6_V6ONLY off, ipv6(7)).
    bool dual_stack = false;
    // For the accepted connections.
    tcp_options connection = {};
};
static_assert(std::is_trivially_destructible_v<listen_options>);

// Move-only. Destroying it closes the socket in the background; a pending accept then ends with errc::closed.
class tcp_listener {
public:
    tcp_listener() = default;

    // Listens on `where`; port 0 lets the system choose one. For this thread's loop.
    // Throws std::system_error, for example address_in_use, with the address in the message.
    static tcp_listener bind(endpoint where, const listen_options& options = {});

    // Takes over a TCP socket of the operating system that listens already, for this thread's loop: see
    // socket_activation.hpp. `connection` is for the accepted connections. Throws std::system_error, invalid_argument if
    // it is none, and function_not_supported in a simulated world; closes it then.
    static tcp_listener adopt(native_handle handle, const tcp_options& connection = {});

    // The next connection. When no descriptor or memory is left for it (EMFILE, ENFILE, ENOBUFS, ENOMEM, accept(2)),
    // says so in the log, once a second at most, and tries again after 10 ms, then ever longer up to a second; clients
    // wait in the backlog meanwhile. One that the system has taken from there already is turned away when memory is
    // short. Throws std::system_error. Cancel class: lossless.
    task<tcp_stream> accept() { return accept_on(detail::stream_ref(state_.get()), connection_); }

    // Closes, and waits until the descriptor is gone. A pending accept ends with errc::closed, connections that
    // nobody has accepted are reset. May be repeated. Takes effect even in a cancelled scope.
    // Cancel class: deferred.
    task<void> close() { return detail::close_stream(std::move(state_)); }

    bool is_open() const noexcept { return state_ && state_->socket; }

    // The address it listens on, with the port that was chosen. Throws std::system_error.
    endpoint local_endpoint() const;

private:
    static task<tcp_stream> accept_on(detail::stream_ref listener, tcp_options options);

    detail::stream_ptr state_;
    tcp_options connection_;
};

}  // namespace async::inline v0
