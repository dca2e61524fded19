// Pairs of streams that speak TLS over transports that a test watches.
#pragma once

#include <memory>
#include <utility>

#include <tests/support/observed_stream.hpp>
#include <tests/support/tls.hpp>

namespace async_tests {

using observer_ptr = std::shared_ptr<observed_stream::observer>;

// A pair whose transports are watched.
struct observed_pair {
    async::tls_stream client;
    async::tls_stream server;
    observer_ptr of_client;
    observer_ptr of_server;

    observed_pair(async::tls_stream c, async::tls_stream s, observer_ptr oc, observer_ptr os)
        : client(std::move(c)),
          server(std::move(s)),
          of_client(std::move(oc)),
          of_server(std::move(os)) {}
};

inline async::task<observed_pair> connected_observed(async::tls_options options = quick_options,
                                                     std::size_t most_at_once = std::size_t(-1)) {
    stream_pair tcp = co_await connected_pair();
    observed_stream client(std::move(tcp.client));
    observed_stream server(std::move(tcp.server));
    const observer_ptr of_client = client.seen();
    const observer_ptr of_server = server.seen();
    of_client->most_at_once = of_server->most_at_once = most_at_once;
    auto [c, s] = co_await async::gather(
        async::tls_stream::upgrade(std::move(client), the_tls_world().client_context, options),
        async::tls_stream::accept(std::move(server), the_tls_world().server_context, options));
    co_return observed_pair(std::move(c), std::move(s), of_client, of_server);
}

}  // namespace async_tests
