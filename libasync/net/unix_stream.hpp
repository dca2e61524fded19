// A connection between two programs of one machine (unix(7)), read and written like any stream; it can bring open handles
// along.
//
//   async::unix_stream server = co_await async::unix_connect("/run/service.sock");
//   co_await server.write("hello\n");
#pragma once

#include <span>
#include <utility>
#include <vector>

#include <libasync/io/messages.hpp>
#include <libasync/io/unix_endpoint.hpp>
#include <libasync/net/received_handles.hpp>
#include <libasync/net/socket_stream.hpp>

namespace async::inline v0 {

using io::process_credentials;

struct unix_options {
    // Handles can be received. What has arrived is not read ahead then, so that none is missed.
    bool receives_handles = false;
};
static_assert(std::is_trivially_destructible_v<unix_options>);

// What it does is in socket_stream.hpp, and in buffered_reads.hpp for lines and the like.
class unix_stream : public socket_stream<unix_stream> {
public:
    // Closed from the start: every operation gives errc::closed.
    unix_stream() = default;

    // Connects. While the listener's queue is full, tries again, ever less often. Throws std::system_error, for example
    // no_such_file_or_directory, connection_refused. Cancel class: lossless.
    static task<unix_stream> connect(unix_endpoint to, unix_options options = {});

    // Two ends of one connection (socketpair(2)), for this thread's loop. Throws std::system_error.
    static std::pair<unix_stream, unix_stream> pair(const unix_options& options = {});

    // Takes over a connected socket, or what another loop has released, for this thread's loop. Throw
    // std::system_error, std::bad_alloc; it is closed then.
    static unix_stream adopt(native_handle handle, const unix_options& options = {});
    static unix_stream adopt(released_socket from, const unix_options& options = {});

    // Sends bytes, at least one, and with the first of them copies of open handles, at most 253 (SCM_RIGHTS, unix(7)).
    // Gives how many of the bytes have left: the handles have, then. Throws std::system_error;
    // std::invalid_argument without a byte. Cancel class: lossless.
    task<std::size_t> send_handles(const_bytes bytes, std::span<const native_handle> handles);

    // What has arrived, up to the size of `into`, and the handles that came with it; they are closed on exec(2). More
    // than `most` of them are closed, and the error is message_size. Throws std::system_error; std::logic_error for a
    // stream that was not made for it (unix_options). What buffered reads have left comes by other reads only.
    // Cancel class: lossless.
    task<received_handles> receive_handles(std::span<std::byte> into, std::size_t most = 16);

    // Who is at the other end, when it connected (SO_PEERCRED). Throw std::system_error.
    process_credentials peer_credentials() const;
    unix_endpoint local_endpoint() const;
    unix_endpoint remote_endpoint() const;

private:
    friend class unix_listener;
    friend struct detail::stream_access;
    explicit unix_stream(detail::stream_ptr state) noexcept : socket_stream(std::move(state)) {}
    static unix_stream make(native_handle handle, const unix_options& options);
    static task<std::size_t> send_handles_on(detail::stream_ref stream, const_bytes bytes,
                                             std::vector<native_handle> handles);
    static task<received_handles> receive_handles_on(detail::stream_ref stream, std::span<std::byte> into,
                                                     std::size_t most);
};

// Connects to `to`. Throws std::system_error, for example no_such_file_or_directory. Cancel class: lossless.
inline task<unix_stream> unix_connect(unix_endpoint to, unix_options options = {}) {
    return unix_stream::connect(to, options);
}

}  // namespace async::inline v0
