// How a server is set up, and what it tells its handlers of a connection.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <type_traits>

#include <libasync/io/endpoint.hpp>
#include <libasync/net/proxy_protocol.hpp>
#include <libasync/net/tcp_listener.hpp>

namespace async::inline v0 {

struct server_options {
    // When so many connections are served, nobody else is accepted: clients wait in the backlog.
    std::size_t max_connections = 65'536;
    // How long handlers may go on after `close`, before they are cancelled; nanoseconds::max() is for ever.
    std::chrono::nanoseconds drain_timeout = std::chrono::seconds(30);
    // How long cancelled handlers may take, before their connections are reset.
    std::chrono::nanoseconds abort_timeout = std::chrono::seconds(5);
    // For the server that listens by itself.
    listen_options listen = {};
    // Whether a proxy says whose connection it passes on: see proxy_protocol.hpp. Nothing of what the client sends after
    // the header is lost.
    proxy_protocol proxy = proxy_protocol::off;
    // How long the header may take. Whoever sends none in this time is turned away; or, where it is optional, is served
    // then without one.
    std::chrono::nanoseconds proxy_timeout = std::chrono::seconds(3);
};
static_assert(std::is_trivially_destructible_v<server_options>);

// For handlers that take it as their second argument. An address that is not known, since the peer has gone already, is
// 0.0.0.0 with port 0.
struct connection_info {
    endpoint peer;   // the client: who connected, or whom the proxy has named
    endpoint local;  // and where to
    // With a PROXY header:
    bool proxied = false;
    endpoint proxy;            // who connected
    std::string proxy_fields;  // see proxy_header::fields
};

}  // namespace async::inline v0
