#include <libasync/net/byte_stream.hpp>

#include <doctest/doctest.h>

#include <libasync/net/tcp_stream.hpp>

using namespace async;

namespace {

// All that is asked of a stream, and one thing differently.
struct minimal {
    task<chunk> read();
    task<std::size_t> read_some(std::span<std::byte>);
    task<void> write(const_bytes);
    task<void> write(const_bytes, const_bytes, const_bytes);
    std::uint64_t written() const;
    task<void> shutdown_write();
    task<void> close();
    void abort() noexcept;
    bool is_open() const;
};
struct reads_text : minimal {
    task<std::string> read();
};
struct writes_with_result : minimal {
    task<std::size_t> write(const_bytes);
};
struct abort_may_throw : minimal {
    void abort();
};
struct cannot_move : minimal {
    cannot_move(cannot_move&&) = delete;
};

}  // namespace

TEST_CASE("tcp_stream is a byte_stream, and what lacks a part is none") {
    CHECK(byte_stream<tcp_stream>);
    CHECK(byte_stream<minimal>);
    CHECK_FALSE(byte_stream<reads_text>);
    CHECK_FALSE(byte_stream<writes_with_result>);
    CHECK_FALSE(byte_stream<abort_may_throw>);
    CHECK_FALSE(byte_stream<cannot_move>);
    CHECK_FALSE(byte_stream<int>);
}
