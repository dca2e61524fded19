// Pairs of connected streams, and what tests send through them.
#pragma once

#include <cstddef>
#include <random>
#include <string>
#include <utility>

#include <libasync/async.hpp>
#include <libasync/testing/open_descriptors.hpp>

#include <tests/support/system.hpp>

namespace async_tests {

struct stream_pair {
    async::tcp_stream client;
    async::tcp_stream server;

    stream_pair(async::tcp_stream c, async::tcp_stream s) : client(std::move(c)), server(std::move(s)) {}
};

inline async::task<stream_pair> connected_pair(async::tcp_options options = {}) {
    async::tcp_listener listener =
        async::tcp_listener::bind(async::endpoint::loopback(0), {.backlog = 4, .connection = options});
    async::tcp_stream client = co_await async::connect(listener.local_endpoint(), options);
    async::tcp_stream server = co_await listener.accept();
    co_await listener.close();
    co_return stream_pair(std::move(client), std::move(server));
}

// Text that shows where a piece is missing, doubled or moved.
inline std::string pattern(std::size_t size) {
    std::string text(size, '\0');
    std::minstd_rand random(7);
    for (char& c : text) c = static_cast<char>('a' + random() % 26);
    return text;
}

// Everything up to the end of the stream.
inline async::task<std::string> read_all(async::tcp_stream& stream) {
    std::string text;
    for (;;) {
        const async::chunk data = co_await stream.read();
        if (data.empty()) co_return text;
        text += data.text();
    }
}

inline async::task<std::string> read_exactly(async::tcp_stream& stream, std::size_t size) {
    std::string text(size, '\0');
    std::size_t used = 0;
    while (used < size) {
        const std::span<char> rest(text.data() + used, size - used);
        const std::size_t count = co_await stream.read_some(std::as_writable_bytes(rest));
        if (count == 0) break;
        used += count;
    }
    text.resize(used);
    co_return text;
}

// Sends until nothing more fits, is then cut short by a cancellation, and gives the number of bytes that were sent.
// On a busy machine the time may be over before the first of them leaves; the stream is as before then, and the next
// attempt has more time.
inline async::task<std::uint64_t> write_until_full(async::tcp_stream& stream, const std::string& text) {
    using namespace std::chrono_literals;
    const std::uint64_t before = stream.written();
    for (auto patience = 5ms; stream.written() == before && patience < 10s; patience *= 2) {
        static_cast<void>(co_await async::move_on_after(patience, stream.write(text)));
    }
    co_return stream.written();
}

// Whether a read has ended as it does when the peer has reset the connection.
inline bool was_reset(std::error_code code) {
#ifdef _WIN32  // Wine tells of a reset only who waited for it, and others of a mere end
    return !code || code == std::errc::connection_reset;
#else
    return code == std::errc::connection_reset;
#endif
}

using async::testing::open_descriptors;

}  // namespace async_tests
