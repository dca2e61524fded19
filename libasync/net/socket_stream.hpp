// What the streams have in common that the kernel's sockets are: tcp_stream and unix_stream.
#pragma once

#include <concepts>
#include <cstdint>
#include <span>

#include <libasync/coro/task.hpp>
#include <libasync/net/buffered_reads.hpp>
#include <libasync/net/cork.hpp>
#include <libasync/net/released_socket.hpp>
#include <libasync/net/stream_operations.hpp>

namespace async::inline v0 {

namespace detail {

task<released_socket> release_stream(stream_ptr state);
task<std::uint64_t> send_file_to(stream_ref stream, native_handle file, std::uint64_t offset, std::uint64_t count);

template <class File>
concept open_file = requires(const File& f) {
    { f.handle() } -> std::same_as<native_handle>;
};

// What had been read ahead elsewhere comes first.
stream_ptr adopt_stream(released_socket from, io::socket_role role = io::socket_role::stream);

}  // namespace detail

// Move-only. At most one task reads and one writes at a time; a second one gets errc::busy. Destroying the stream
// closes it in the background; what is pending on it then ends with errc::closed.
//
// Errors are std::system_error with the operation and the peer in the message.
template <class Self>
class socket_stream : public buffered_reads<Self> {
public:
    // What has arrived, at least one byte, in a buffer of the loop's; empty once the peer has closed its side. The
    // stream may read ahead, by a bounded amount. Faster than read_some for small messages, and an idle connection
    // needs no buffer at all. Cancel class: lossless.
    auto read() noexcept { return detail::receive_chunk_description(state_.get()); }

    // Fills the front of `into` with what has arrived, at least one byte, and gives the count; 0 once the peer has
    // closed its side, or if `into` is empty. An error stays: every later read gives it again, by either call. Room
    // for a little more than the usual message saves a system call: what is filled to the last byte says nothing of
    // what else is there. Cancel class: lossless.
    auto read_some(std::span<std::byte> into) noexcept { return detail::receive_description(state_.get(), into); }

    // Sends all of the bytes, which must stay where they are until then. Completes when the system has taken them:
    // that is the back-pressure. Cancel class: poisoning, if a part was sent: later writes give errc::broken, and
    // `written` tells how much.
    template <class... Buffers>
        requires(sizeof...(Buffers) > 0 && (std::convertible_to<const Buffers&, const_bytes> && ...))
    auto write(const Buffers&... buffers) noexcept {
        return detail::send_description<sizeof...(Buffers)>(state_.get(), {const_bytes(buffers)...});
    }

    // Bytes that the system has taken so far, over the life of the stream.
    std::uint64_t written() const noexcept { return state_ ? state_->written : 0; }

    // From here on small writes are joined, until the guard is flushed or goes. Throws std::system_error, errc::closed
    // or errc::busy; std::bad_alloc.
    cork_guard cork() { return cork_guard(state_.get()); }

    // Sends `count` bytes of an open file from `offset` on, or all up to its end, and gives how many it were: fewer if
    // the file ends before. The file must stay open. Where the system can, the bytes do not pass through this process
    // (sendfile(2)), except for those that are not in memory, as far as it tells: these are read as a `file` is, so
    // that a disk does not stop the loop. Meanwhile writes give errc::busy; `written` counts. The program ignores
    // SIGPIPE from then on, unless it has chosen otherwise (signal(7)). Throws std::system_error.
    // Cancel class: poisoning, if a part was sent.
    template <detail::open_file File>
    task<std::uint64_t> send_file(const File& file, std::uint64_t offset = 0, std::uint64_t count = ~std::uint64_t{0}) {
        return detail::send_file_to(detail::stream_ref(state_.get()), file.handle(), offset, count);
    }

    // Tells the peer that nothing more will be written; reading goes on. errc::busy while a write is pending.
    // Cancel class: lossless.
    auto shutdown_write() noexcept { return detail::shut_down_description(state_.get()); }

    // Closes, and waits until the descriptor is gone. What is pending ends with errc::closed. If something has arrived
    // that nobody read, the peer sees a reset (tcp(7)). May be repeated. Takes effect even in a cancelled scope.
    // Cancel class: deferred.
    task<void> close() { return detail::close_stream(std::move(state_)); }

    // Closes at once in the background; what was not sent yet is discarded and the peer sees a reset, or the end where
    // there are none: a unix socket has one only if something was not read.
    void abort() noexcept {
        if (!is_open()) return;
        detail::abort_stream(*state_.get());
        state_ = {};
    }

    // Gives the connection up without closing it, with what has arrived and nobody has read and the error that ended
    // the reading, if one did, so that another loop can adopt it. The stream is closed then. Throws std::system_error:
    // errc::closed; errc::busy while something is pending, or function_not_supported where the system keeps a handle
    // with its loop (Windows before 8.1, Wine), and the connection is closed with the stream. Cancel class: poisoning:
    // the connection is closed.
    task<released_socket> release() { return detail::release_stream(std::move(state_)); }

    bool is_open() const noexcept { return state_ && state_->socket; }

    // For use beside the library; invalid_handle when closed. The stream keeps it.
    native_handle handle() const noexcept { return is_open() ? state_->socket->handle : invalid_handle; }

protected:
    socket_stream() = default;
    explicit socket_stream(detail::stream_ptr state) noexcept : state_(std::move(state)) {}
    explicit socket_stream(io::socket_ptr socket) : state_(new detail::stream_state(std::move(socket))) {}

    // Throws std::system_error, errc::closed.
    io::socket& require(const char* operation) const {
        if (!is_open()) throw std::system_error(make_error_code(errc::closed), operation);
        return *state_->socket;
    }

    detail::stream_ptr state_;

private:
    friend class buffered_reads<Self>;
    friend struct detail::stream_access;
    detail::readable* reading_state() const noexcept { return state_.get(); }
    template <class Stream>
        requires std::same_as<Stream, Self>
    detail::stream_state* writing_state(const Stream*) const noexcept {
        return state_.get();
    }
};

}  // namespace async::inline v0
