// Two connected streams in memory: for tests of protocols, and between the tasks of one program.
//
//   auto [client, server] = async::memory_stream::pair();
//   group.start(serve(std::move(server)));
//   co_await client.write("PING\r\n");
//   const std::string answer = co_await client.read_line();
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include <libasync/net/buffered_reads.hpp>
#include <libasync/net/memory_operations.hpp>

namespace async::inline v0 {

// Models byte_stream, and reads lines, and what else buffered_reads has. No engine and no system call is involved, and
// waiting allocates nothing. Move-only. Both ends belong to the tasks of one loop; a second reader or writer of an end
// gets errc::busy. Destroying an end closes it.
//
// The peer of an end that was closed reads what was written, and then the end; what it writes fails with broken_pipe.
// After an abort it reads what was written, and then both directions fail with connection_reset.
class memory_stream : public buffered_reads<memory_stream> {
public:
    // Closed from the start: every operation gives errc::closed.
    memory_stream() = default;

    // Two ends of one connection, which holds at most `capacity` bytes for each direction, allocated at once.
    // Throws std::bad_alloc; std::invalid_argument if `capacity` is 0.
    static std::pair<memory_stream, memory_stream> pair(std::size_t capacity = std::size_t{64} * 1024);

    // What has arrived, at least one byte, in memory of its own; empty once the peer has ended its side. Throws
    // std::system_error; std::bad_alloc, and has taken nothing then. Cancel class: lossless.
    auto read() noexcept {
        return detail::memory_read_description(end_.get(), detail::memory_reader::source::first_read_ahead);
    }

    // Fills the front of `into` with what has arrived, at least one byte, and gives the count; 0 once the peer has
    // ended its side, or if `into` is empty. Throws std::system_error. Cancel class: lossless.
    auto read_some(std::span<std::byte> into) noexcept {
        return detail::memory_read_some_description(end_.get(), into);
    }

    // Sends all of the bytes, which must stay where they are until then: completes when they are in the connection's
    // memory. Throws std::system_error. Cancel class: poisoning, if a part was sent: later writes give errc::broken,
    // and `written` tells how much.
    template <class... Buffers>
        requires(sizeof...(Buffers) > 0 && (std::convertible_to<const Buffers&, const_bytes> && ...))
    auto write(const Buffers&... buffers) noexcept {
        return detail::memory_write_description<sizeof...(Buffers)>(end_.get(), {const_bytes(buffers)...});
    }

    // Bytes that were sent so far, over the life of the stream.
    std::uint64_t written() const noexcept { return end_ ? end_->written : 0; }

    // Tells the peer that nothing more will be written; reading goes on. errc::busy while a write is pending. May be
    // repeated. Cancel class: lossless.
    auto shutdown_write() noexcept { return detail::memory_shutdown_description(end_.get()); }

    // What is pending ends with errc::closed. May be repeated. Takes effect even in a cancelled scope.
    // Cancel class: deferred.
    task<void> close() { return detail::close_memory(std::move(end_)); }

    // Closes at once, and the peer sees a reset.
    void abort() noexcept { end_.close(detail::memory_end::ending::abrupt); }

    bool is_open() const noexcept { return static_cast<bool>(end_); }

private:
    friend class buffered_reads<memory_stream>;
    detail::readable* reading_state() const noexcept { return end_.get(); }

    detail::memory_end_ptr end_;
};

}  // namespace async::inline v0
