// A server for other programs of this machine: each connection gets a task of its own.
//
//   async::task<void> greet(async::unix_stream client) {
//       co_await client.write("hello\n");
//       co_await client.close();
//   }
//
//   async::unix_server server{"/run/service.sock", greet};
//   co_await server.serve();  // until server.close() is called, or this is cancelled
//
// Handlers are as those of a tcp_server. Whose connection it is tells unix_stream::peer_credentials; a connection_info
// knows of addresses only if a proxy names them.
#pragma once

#include <libasync/net/server.hpp>
#include <libasync/net/unix_listener.hpp>

namespace async::inline v0 {

namespace detail {

std::shared_ptr<server_core> make_unix_server(unix_listener listener, server_handler handler,
                                              const server_options& options, std::source_location created);

}  // namespace detail

// See net/server.hpp for what it does and how it ends. It listens from the start, on this thread's loop. The path is
// removed when it stops listening, if it is still this server's.
class unix_server : public basic_server {
public:
    // Listens under `where`; for more than a path, make a listener. server_options::listen does not matter. Throws
    // std::system_error as unix_listener::bind does, std::invalid_argument for a server without room for connections.
    template <detail::connection_handler<unix_stream> F>
    unix_server(const unix_endpoint& where, F&& handler, const server_options& options = {},
                std::source_location created = std::source_location::current())
        : unix_server(unix_listener::bind(where), std::forward<F>(handler), options, created) {}

    // Takes over a listener. Throws std::system_error (errc::closed) if it is not open.
    template <detail::connection_handler<unix_stream> F>
    unix_server(unix_listener listener, F&& handler, const server_options& options = {},
                std::source_location created = std::source_location::current())
        : unix_server(std::move(listener), detail::adapt_handler<unix_stream>(std::forward<F>(handler)), options, created,
                      listener.local_endpoint()) {}

    // Where it listens, or did until it was closed.
    const unix_endpoint& local_endpoint() const noexcept { return local_; }

private:
    unix_server(unix_listener&& listener, detail::server_handler handler, const server_options& options,
                std::source_location created, const unix_endpoint& local)
        : basic_server(detail::make_unix_server(std::move(listener), std::move(handler), options, created)),
          local_(local) {}

    unix_endpoint local_;
};

}  // namespace async::inline v0
