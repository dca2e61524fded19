// Pairs of streams that speak TLS with each other.
#pragma once

#include <string>
#include <utility>

#include <tests/support/certificates.hpp>
#include <tests/support/expect.hpp>
#include <tests/support/network.hpp>

namespace async_tests {

// Made once, as they take a moment.
struct tls_world {
    authority root{"Root of the tests"};
    identity server = root.issue();
    async::tls_context client_context = async::tls_context::client({.ca_pem = root.certificate()});
    async::tls_context server_context =
        async::tls_context::server({.certificate_pem = server.certificate, .key_pem = server.key});
};

inline tls_world& the_tls_world() {
    static tls_world world;
    return world;
}

struct tls_pair {
    async::tls_stream client;
    async::tls_stream server;

    tls_pair(async::tls_stream c, async::tls_stream s) : client(std::move(c)), server(std::move(s)) {}
};

// A short time to say good-bye in, as some tests do not hear it.
inline constexpr async::tls_options quick_options{.server_name = "localhost",
                                                  .shutdown_timeout = std::chrono::milliseconds(50)};

inline async::task<tls_pair> tls_between(stream_pair pair, async::tls_context client_context,
                                         async::tls_context server_context,
                                         async::tls_options options = quick_options) {
    auto [client, server] =
        co_await async::gather(async::tls_stream::upgrade(std::move(pair.client), client_context, options),
                               async::tls_stream::accept(std::move(pair.server), server_context, options));
    co_return tls_pair(std::move(client), std::move(server));
}

inline async::task<tls_pair> connected_tls(async::tls_options options = quick_options) {
    stream_pair pair = co_await connected_pair();
    co_return co_await tls_between(std::move(pair), the_tls_world().client_context, the_tls_world().server_context,
                                   options);
}

// What each side got: the other's message, or what went wrong.
struct tls_outcome {
    std::string client;
    std::string server;
    std::error_code client_code;
    std::error_code server_code;
};

enum class speaks : std::uint8_t { first, second };

inline async::task<void> greet(async::task<async::tls_stream> handshake, speaks turn, std::string& got,
                               std::error_code& code) {
    try {
        async::tls_stream stream = co_await std::move(handshake);
        if (turn == speaks::first) co_await stream.write("hello from client");
        const async::chunk data = co_await stream.read();
        got = data.text();
        if (turn == speaks::second) co_await stream.write("hello from server");
        co_await stream.close();
    } catch (const std::system_error& e) {
        got = e.what();
        code = e.code();
    }
}

// Shakes hands, exchanges one message each way, and closes.
inline async::task<tls_outcome> try_tls(async::tls_context client, async::tls_context server,
                                        async::tls_options options = quick_options) {
    stream_pair pair = co_await connected_pair();
    tls_outcome outcome;
    co_await async::gather(greet(async::tls_stream::upgrade(std::move(pair.client), client, options), speaks::first,
                                 outcome.client, outcome.client_code),
                           greet(async::tls_stream::accept(std::move(pair.server), server, options), speaks::second,
                                 outcome.server, outcome.server_code));
    co_return outcome;
}

inline async::task<std::string> read_all(async::tls_stream& stream) {
    std::string text;
    for (;;) {
        const async::chunk data = co_await stream.read();
        if (data.empty()) co_return text;
        text += data.text();
    }
}

}  // namespace async_tests
