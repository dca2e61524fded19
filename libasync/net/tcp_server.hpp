// A TCP server: each connection gets a task of its own.
//
//   async::task<void> greet(async::tcp_stream client) {
//       co_await client.write("hello\n");
//       co_await client.close();
//   }
//
//   async::tcp_server server{"0.0.0.0", 8080, greet};
//   co_await server.serve();  // until server.close() is called, or this is cancelled
//
// A handler is anything that makes a task<void> of a tcp_stream, or of that and a connection_info: a function, or a
// closure, which the server keeps as long as handlers run. When the task ends, the stream that was moved into it closes:
// a handler that wants to see its peer get everything, and read the end, awaits close() itself.
#pragma once

#include <libasync/net/server.hpp>

namespace async::inline v0 {

namespace detail {

std::shared_ptr<server_core> make_tcp_server(tcp_listener listener, server_handler handler,
                                             const server_options& options, std::source_location created);

}  // namespace detail

// See net/server.hpp for what it does and how it ends. It listens from the start, on this thread's loop.
class tcp_server : public basic_server {
public:
    // Listens on `where`; port 0 lets the system choose one. Throws std::system_error as tcp_listener::bind does,
    // std::invalid_argument for a server without room for connections.
    template <detail::connection_handler<tcp_stream> F>
    tcp_server(endpoint where, F&& handler, const server_options& options = {},
               std::source_location created = std::source_location::current())
        : tcp_server(tcp_listener::bind(where, options.listen), std::forward<F>(handler), options, created) {}

    // The same with a numeric address. Throws std::invalid_argument, too, if `address` is none.
    template <detail::connection_handler<tcp_stream> F>
    tcp_server(std::string_view address, std::uint16_t port, F&& handler, const server_options& options = {},
               std::source_location created = std::source_location::current())
        : tcp_server(endpoint(address, port), std::forward<F>(handler), options, created) {}

    // Takes over a listener. Throws std::system_error (errc::closed) if it is not open.
    template <detail::connection_handler<tcp_stream> F>
    tcp_server(tcp_listener listener, F&& handler, const server_options& options = {},
               std::source_location created = std::source_location::current())
        : tcp_server(std::move(listener), detail::adapt_handler<tcp_stream>(std::forward<F>(handler)), options,
                     created, listener.local_endpoint()) {}

    // Where it listens, or did until it was closed; with the port that was chosen.
    const endpoint& local_endpoint() const noexcept { return local_; }

private:
    tcp_server(tcp_listener&& listener, detail::server_handler handler, const server_options& options,
               std::source_location created, const endpoint& local)
        : basic_server(detail::make_tcp_server(std::move(listener), std::move(handler), options, created)),
          local_(local) {}

    endpoint local_;
};

}  // namespace async::inline v0
