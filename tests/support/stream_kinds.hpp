// Connected pairs of streams of every kind, for tests that are written once:
//
//   TEST_CASE_TEMPLATE("a rule", kind, ASYNC_TESTS_STREAM_KINDS) {
//       async::run([]() -> task<void> { auto pair = co_await kind::connect(); ... }());
//   }
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <libasync/net/buffered_reader.hpp>

#include <tests/support/network.hpp>

namespace async_tests {

// The names are shown by doctest.
struct tcp_kind {
    static async::task<stream_pair> connect() { return connected_pair(); }
};

// Its buffers do not grow, so that a writer has to wait for its reader.
struct bounded_tcp_kind {
    static async::task<stream_pair> connect() {
        return connected_pair({.receive_buffer = 64 * 1024, .send_buffer = 64 * 1024});
    }
};

template <class Client, class Server>
struct pair_of {
    Client client;
    Server server;

    pair_of(Client c, Server s) : client(std::move(c)), server(std::move(s)) {}
};

struct memory_kind {
    static async::task<pair_of<async::memory_stream, async::memory_stream>> connect() {
        auto [client, server] = async::memory_stream::pair();
        co_return pair_of(std::move(client), std::move(server));
    }
};

// What somebody may have written: a stream, and nothing else.
class plain_stream {
public:
    explicit plain_stream(async::tcp_stream s) : stream_(std::move(s)) {}

    auto read() { return stream_.read(); }
    auto read_some(std::span<std::byte> into) { return stream_.read_some(into); }
    template <class... Buffers>
    auto write(const Buffers&... buffers) {
        return stream_.write(buffers...);
    }
    std::uint64_t written() const { return stream_.written(); }
    auto shutdown_write() { return stream_.shutdown_write(); }
    auto close() { return stream_.close(); }
    void abort() noexcept { stream_.abort(); }
    bool is_open() const { return stream_.is_open(); }

private:
    async::tcp_stream stream_;
};

struct wrapped_kind {
    using end = async::buffered_reader<plain_stream>;
    static async::task<pair_of<end, end>> connect() {
        stream_pair pair = co_await connected_pair();
        end client(plain_stream(std::move(pair.client)));
        end server(plain_stream(std::move(pair.server)));
        co_return pair_of(std::move(client), std::move(server));
    }
};

// Those whose abort resets the peer.
#define ASYNC_TESTS_RESETTING_KINDS async_tests::tcp_kind, async_tests::memory_kind, async_tests::wrapped_kind

#ifdef _WIN32
#define ASYNC_TESTS_STREAM_KINDS ASYNC_TESTS_RESETTING_KINDS
#else

struct unix_kind {
    static async::task<pair_of<async::unix_stream, async::unix_stream>> connect() {
        auto [client, server] = async::unix_stream::pair();
        co_return pair_of(std::move(client), std::move(server));
    }
};

struct pipe_kind {
    static constexpr bool end_closes = true;  // the writing side is a descriptor of its own, that is gone then
    static async::task<pair_of<async::pipe, async::pipe>> connect() {
        auto [client, server] = async::pipe::create_both_ways();
        co_return pair_of(std::move(client), std::move(server));
    }
};

#define ASYNC_TESTS_STREAM_KINDS ASYNC_TESTS_RESETTING_KINDS, async_tests::unix_kind, async_tests::pipe_kind
#endif

// Those whose peer sees an abort as an error.
#define ASYNC_TESTS_RESETTING_KINDS async_tests::tcp_kind, async_tests::memory_kind, async_tests::wrapped_kind

// Writes the pieces one by one, each once all others wait for it, and then the end.
template <class Stream, class... Pieces>
async::task<void> write_pieces(Stream& stream, Pieces... pieces) {
    const std::string_view all[] = {pieces...};
    for (const std::string_view piece : all) {
        co_await async::testing::wait_all_tasks_blocked();
        co_await stream.write(piece);
    }
    co_await async::testing::wait_all_tasks_blocked();
    co_await stream.shutdown_write();
}

// What one plain read gives.
template <class Stream>
async::task<std::string> read_plain(Stream& stream) {
    const async::chunk data = co_await stream.read();
    co_return std::string(data.text());
}

}  // namespace async_tests
