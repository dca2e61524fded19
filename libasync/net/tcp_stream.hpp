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
#include <span>
#include <string>

#include <libasync/coro/task.hpp>
#include <libasync/net/buffered_reads.hpp>
#include <libasync/net/stream_operations.hpp>

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

// Models byte_stream, and reads lines, and what else buffered_reads has. Move-only. At most one task reads and one
// writes at a time; a second one gets errc::busy. Destroying the stream closes it in the background; what is pending on
// it then ends with errc::closed.
//
// Errors are std::system_error with the operation and the peer in the message.
class tcp_stream : public buffered_reads<tcp_stream> {
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

    // What has arrived, at least one byte, in a buffer of the loop's; empty once the peer has closed its side. The
    // stream may read ahead, by a bounded amount. Faster than read_some for small messages, and an idle connection
    // needs no buffer at all. Cancel class: lossless.
    auto read() noexcept { return detail::receive_chunk_description(state_.get()); }

    // Fills the front of `into` with what has arrived, at least one byte, and gives the count; 0 once the peer has
    // closed its side, or if `into` is empty. An error stays: every later read gives it again, by either call. Room
    // for a little more than the usual message saves a system call: what is filled to the last byte says nothing of
    // what else is there. Cancel class: lossless.
    auto read_some(std::span<std::byte> into) noexcept { return detail::receive_description(state_.get(), into); }

    // Sends all of the bytes, which must stay where they are until then. Completes when the system has taken them:
    // that is the back-pressure. Cancel class: poisoning, if a part was sent: later writes give errc::broken, and
    // `written` tells how much.
    template <class... Buffers>
        requires(sizeof...(Buffers) > 0 && (std::convertible_to<const Buffers&, const_bytes> && ...))
    auto write(const Buffers&... buffers) noexcept {
        return detail::send_description<sizeof...(Buffers)>(state_.get(), {const_bytes(buffers)...});
    }

    // Bytes that the system has taken so far, over the life of the stream.
    std::uint64_t written() const noexcept { return state_ ? state_->written : 0; }

    // Tells the peer that nothing more will be written; reading goes on. errc::busy while a write is pending.
    // Cancel class: lossless.
    auto shutdown_write() noexcept { return detail::shut_down_description(state_.get()); }

    // Closes, and waits until the descriptor is gone. What is pending ends with errc::closed. If something has arrived
    // that nobody read, the peer sees a reset (tcp(7)). May be repeated. Takes effect even in a cancelled scope.
    // Cancel class: deferred.
    task<void> close() { return detail::close_stream(std::move(state_)); }

    // Closes at once in the background; what was not sent yet is discarded and the peer sees a reset.
    void abort() noexcept;

    bool is_open() const noexcept { return state_ && state_->socket; }

    // Throw std::system_error.
    void set_options(const tcp_options& options);
    endpoint local_endpoint() const;
    endpoint remote_endpoint() const;

    // For use beside the library; invalid_handle when closed. The stream keeps it.
    native_handle handle() const noexcept { return is_open() ? state_->socket->handle : invalid_handle; }

private:
    friend class tcp_listener;
    friend class buffered_reads<tcp_stream>;
    detail::readable* reading_state() const noexcept { return state_.get(); }
    friend struct detail::stream_access;
    explicit tcp_stream(io::socket_ptr socket);
    explicit tcp_stream(detail::stream_ptr state) noexcept : state_(std::move(state)) {}
    static task<tcp_stream> connect_bound(std::optional<endpoint> local, endpoint peer, tcp_options options);
    io::socket& require(const char* operation) const;

    detail::stream_ptr state_;
};

// Connects to `peer`. Throws std::system_error, for example connection_refused. Cancel class: lossless.
inline task<tcp_stream> connect(endpoint peer, tcp_options options = {}) { return tcp_stream::connect(peer, options); }

}  // namespace async::inline v0
