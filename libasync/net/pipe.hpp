// Pipes (pipe(7)): bytes one way through the kernel, or both ways through two of them. As a stream like any other.
//
//   auto [reader, writer] = async::pipe::create();
//   co_await writer.write("through the kernel");
#pragma once

#include <concepts>
#include <span>
#include <utility>

#include <libasync/net/buffered_reads.hpp>
#include <libasync/net/stream_operations.hpp>

namespace async::inline v0 {

// A stream that reads from one descriptor and writes to another; either may be missing, and that direction is closed
// from the start. Move-only. At most one task reads and one writes at a time; a second one gets errc::busy. Destroying
// it closes both in the background; what is pending then ends with errc::closed.
//
// Who writes to a pipe that nobody reads gets broken_pipe, and no SIGPIPE: making a pipe for writing has the program
// ignore that signal, unless it has chosen otherwise (signal(7)).
//
// Errors are std::system_error. Not on Windows: function_not_supported.
class pipe : public buffered_reads<pipe> {
public:
    // Closed from the start: every operation gives errc::closed.
    pipe() = default;

    // The end to read from and the end to write to of one pipe. For this thread's loop. Throws std::system_error.
    static std::pair<pipe, pipe> create();
    // Two ends that both read and write, through two pipes.
    static std::pair<pipe, pipe> create_both_ways();

    // Takes over descriptors: of pipes, or whatever can be read and written without waiting, as terminals and FIFOs.
    // Puts them into non-blocking mode (O_NONBLOCK, fcntl(2)), which all who share them see. invalid_handle for a
    // direction that is missing. Throws std::system_error; they are closed then.
    static pipe adopt(native_handle read_from, native_handle write_to);

    // What has arrived, at least one byte, in a buffer of the loop's; empty once nobody has the other end any more.
    // Cancel class: lossless.
    auto read() noexcept { return detail::receive_chunk_description(in_.get()); }

    // Fills the front of `into`, and gives the count. Cancel class: lossless.
    auto read_some(std::span<std::byte> into) noexcept { return detail::receive_description(in_.get(), into); }

    // Sends all of the bytes, which must stay where they are until then. Cancel class: poisoning, if a part was sent.
    template <class... Buffers>
        requires(sizeof...(Buffers) > 0 && (std::convertible_to<const Buffers&, const_bytes> && ...))
    auto write(const Buffers&... buffers) noexcept {
        return detail::send_description<sizeof...(Buffers)>(out_.get(), {const_bytes(buffers)...});
    }

    // Bytes that the system has taken so far.
    std::uint64_t written() const noexcept { return out_ ? out_->written : written_; }

    // Closes the writing side. May be repeated. errc::busy while a write is pending. Cancel class: lossless.
    task<void> shutdown_write();

    // Closes both sides, and waits until the descriptors are gone. May be repeated. Takes effect even in a cancelled
    // scope. Cancel class: deferred.
    task<void> close();

    // Closes at once in the background.
    void abort() noexcept;

    bool is_open() const noexcept { return (in_ && in_->socket) || (out_ && out_->socket); }

    // For use beside the library; invalid_handle when closed. The pipe keeps them.
    native_handle read_handle() const noexcept { return in_ && in_->socket ? in_->socket->handle : invalid_handle; }
    native_handle write_handle() const noexcept { return out_ && out_->socket ? out_->socket->handle : invalid_handle; }

private:
    friend class buffered_reads<pipe>;
    friend struct detail::stream_access;
    detail::readable* reading_state() const noexcept { return in_.get(); }
    template <class Stream>
        requires std::same_as<Stream, pipe>
    detail::stream_state* writing_state(const Stream*) const noexcept {
        return out_.get();
    }

    detail::stream_ptr in_;
    detail::stream_ptr out_;
    std::uint64_t written_ = 0;  // before the writing side was closed
};

}  // namespace async::inline v0
