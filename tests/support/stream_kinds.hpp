// Connected pairs of streams of every kind, for tests that are written once:
//
//   TEST_CASE_TEMPLATE("a rule", kind, ASYNC_TESTS_STREAM_KINDS) {
//       async::run([]() -> task<void> { auto pair = co_await kind::connect(); ... }());
//   }
#pragma once

#include <utility>

#include <tests/support/network.hpp>

namespace async_tests {

// The names are shown by doctest.
struct tcp_kind {
    static async::task<stream_pair> connect() { return connected_pair(); }
};

#define ASYNC_TESTS_STREAM_KINDS async_tests::tcp_kind

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
