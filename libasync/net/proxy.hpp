// Connections by way of a proxy: SOCKS5 (RFC 1928, with user name and password by RFC 1929) and HTTP CONNECT (RFC 9110,
// section 9.3.6).
//
//   auto stream = co_await async::socks5_connect(async::endpoint("10.0.0.1", 1080), "example.org", 443);
//   auto other = co_await async::http_connect(co_await async::connect("proxy.example", 3128), "example.org", 443,
//                                             {.user = "me", .password = "secret"});
//
// From then on the stream leads to the other end. Not a byte of what that says is lost: no more is read than the proxy's
// own answer.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

#include <libasync/coro/timeout.hpp>
#include <libasync/net/byte_stream.hpp>
#include <libasync/net/connect.hpp>
#include <libasync/net/proxy_dialogue.hpp>

namespace async::inline v0 {

// Connects to `host` by way of the SOCKS5 proxy at the other end of `proxy`, a byte_stream that nothing was sent over
// yet, and gives the stream back. Throws proxy_error: the proxy refuses, asks for a password, says what it must not,
// closes, fails, or takes too long; the stream is closed then. Throws resolve_error if the name is to be looked up here.
// At once: resolve_error if `host` is empty, longer than 255 bytes or has a control character in it;
// std::invalid_argument if `port` is not one of 1 to 65535, or for a name or password longer than 255 bytes.
// Cancel class: poisoning. The stream is closed.
template <byte_stream S>
task<S> socks5_connect(S proxy, std::string_view host, int port, const proxy_options& options = {}) {
    return detail::connect_through(std::move(proxy), detail::make_socks5_dialogue(host, port, options));
}

// The same, and connects to the proxy first. Throws connect_error as well. Cancel class: lossless.
task<tcp_stream> socks5_connect(endpoint proxy, std::string_view host, int port, const proxy_options& options = {});

// The same by way of an HTTP proxy. What follows the header of its answer belongs to the other end already. Throws as
// above; std::invalid_argument, at once, for a user with a colon or a control character in it.
// Cancel class: poisoning. The stream is closed.
template <byte_stream S>
task<S> http_connect(S proxy, std::string_view host, int port, const proxy_options& options = {}) {
    return detail::connect_through(std::move(proxy), detail::make_http_dialogue(host, port, options));
}

// The same, and connects to the proxy first. Throws connect_error as well. Cancel class: lossless.
task<tcp_stream> http_connect(endpoint proxy, std::string_view host, int port, const proxy_options& options = {});

}  // namespace async::inline v0
