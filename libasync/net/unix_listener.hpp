// Waits for connections of other programs of this machine, under a path or an abstract name (unix(7)).
//
//   auto listener = async::unix_listener::bind("/run/service.sock", {.permissions = 0600});
//   for (;;) async::create_task(serve(co_await listener.accept()));
#pragma once

#include <cstdint>

#include <libasync/net/bound_path.hpp>
#include <libasync/net/unix_stream.hpp>

namespace async::inline v0 {

struct unix_listen_options {
    // Connections that may wait to be accepted (listen(2)).
    int backlog = 4096;
    // Of the path (chmod(2)), as in 0660; 0 leaves it to umask(2).
    std::uint32_t permissions = 0;
    // What an earlier program has left at the path is removed first, if it is a socket that nobody listens on.
    bool replace_stale = true;
    // For the accepted connections.
    unix_options connection = {};
};
static_assert(std::is_trivially_destructible_v<unix_listen_options>);

// Move-only. Destroying it closes the socket in the background; a pending accept then ends with errc::closed.
class unix_listener {
public:
    unix_listener() = default;

    // Listens under `where`, for this thread's loop. Throws std::system_error, for example address_in_use, with the name.
    static unix_listener bind(unix_endpoint where, const unix_listen_options& options = {});

    // The next connection; without descriptors or memory it waits as tcp_listener does. Throws std::system_error.
    // Cancel class: lossless.
    task<unix_stream> accept();

    // Closes, and waits until the descriptor is gone. The path is removed if it is still this socket's. A pending accept
    // ends with errc::closed. May be repeated. Takes effect even in a cancelled scope. Cancel class: deferred.
    task<void> close();

    bool is_open() const noexcept { return state_ && state_->socket; }
    const unix_endpoint& local_endpoint() const noexcept { return bound_.name(); }

private:
    static task<unix_stream> accept_on(detail::stream_ref listener, unix_options options);

    detail::stream_ptr state_;
    unix_options connection_;
    detail::bound_path bound_;
};

}  // namespace async::inline v0
