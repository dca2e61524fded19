// A TCP connection, read and written by the tasks of one loop.
//
//   async::task<void> echo(async::tcp_stream stream) {
//       for (;;) {
//           async::chunk data = co_await stream.read();
//           if (data.empty()) co_return;  // the peer has closed its side
//           co_await stream.write(data);
//       }
//   }
#pragma once

#include <optional>

#include <libasync/coro/task.hpp>
#include <libasync/net/socket_stream.hpp>

namespace async::inline v0 {

struct tcp_options {
    // Small writes leave at once instead of waiting for more to join them (TCP_NODELAY, tcp(7)).
    bool no_delay = true;
    // Probes peers that were silent for long (SO_KEEPALIVE, socket(7)).
    bool keep_alive = false;
    // The kernel's buffers in bytes (SO_RCVBUF, SO_SNDBUF, socket(7)); 0 leaves them to the kernel.
    int receive_buffer = 0;
    int send_buffer = 0;
};
static_assert(std::is_trivially_destructible_v<tcp_options>);

// Models byte_stream; what it does is in socket_stream.hpp, and in buffered_reads.hpp for lines and the like.
class tcp_stream : public socket_stream<tcp_stream> {
public:
    // Closed from the start: every operation gives errc::closed.
    tcp_stream() = default;

    // Connects. Throws std::system_error, for example connection_refused. Cancel class: lossless.
    static task<tcp_stream> connect(endpoint peer, tcp_options options = {});

    // The same from an address of this machine; port 0 lets the system choose one. Throws std::system_error, for example
    // address_in_use, address_not_available. Cancel class: lossless.
    static task<tcp_stream> connect_from(endpoint local, endpoint peer, tcp_options options = {});

    // Takes over a connected socket, for this thread's loop.
    static tcp_stream adopt(native_handle handle, const tcp_options& options = {});

    // Takes over what another loop has released, for this thread's loop. Throws std::system_error (errc::closed) if there
    // is no connection; std::bad_alloc. The connection is closed then.
    static tcp_stream adopt(released_socket from) { return tcp_stream(detail::adopt_stream(std::move(from))); }

    // Throw std::system_error.
    void set_options(const tcp_options& options);
    endpoint local_endpoint() const;
    endpoint remote_endpoint() const;

private:
    friend class tcp_listener;
    friend struct detail::stream_access;
    explicit tcp_stream(io::socket_ptr socket) : socket_stream(std::move(socket)) {}
    explicit tcp_stream(detail::stream_ptr state) noexcept : socket_stream(std::move(state)) {}
    static task<tcp_stream> connect_bound(std::optional<endpoint> local, endpoint peer, tcp_options options);
};

// Connects to `peer`. Throws std::system_error, for example connection_refused. Cancel class: lossless.
inline task<tcp_stream> connect(endpoint peer, tcp_options options = {}) { return tcp_stream::connect(peer, options); }

}  // namespace async::inline v0
