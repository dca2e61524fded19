// Buffered reads for a stream of your own, of whatever type, as long as it models byte_stream.
//
//   async::buffered_reader reader(my_stream(...));
//   const std::string line = co_await reader.read_line();
//   co_await reader.write("OK\r\n");
#pragma once

#include <optional>
#include <string>
#include <utility>

#include <libasync/coro/into_task.hpp>
#include <libasync/detail/exchange.hpp>
#include <libasync/net/buffered_reads.hpp>
#include <libasync/net/byte_stream.hpp>

namespace async::inline v0 {

namespace detail {

// The state of a stream that others have written.
template <byte_stream S>
class wrapped_stream final : public readable {
public:
    explicit wrapped_stream(S&& s) : stream(std::move(s)) {}

    task<chunk> fetch() override {
        if (!stream) throw_read_error(errc::closed, this, "read from");
        return into_task(stream->read());
    }
    bool is_open() const noexcept override { return stream && stream->is_open(); }
    std::string describe(const char* operation) const override {
        return std::string(operation) + (is_open() ? " a buffered_reader" : " a closed buffered_reader");
    }

    std::optional<S> stream;  // empty once the reader is gone
};

template <byte_stream S>
class wrapped_stream_ptr {
public:
    explicit wrapped_stream_ptr(S&& s) : state_(new wrapped_stream<S>(std::move(s))) {}
    wrapped_stream_ptr(wrapped_stream_ptr&& other) noexcept : state_(detail::exchange(other.state_, nullptr)) {}
    wrapped_stream_ptr& operator=(wrapped_stream_ptr&& other) noexcept {
        if (this != &other) {
            reset();
            state_ = detail::exchange(other.state_, nullptr);
        }
        return *this;
    }
    ~wrapped_stream_ptr() { reset(); }

    wrapped_stream<S>* get() const noexcept { return state_; }

private:
    void reset() noexcept {
        if (auto* s = detail::exchange(state_, nullptr)) {
            s->stream.reset();
            s->release();
        }
    }

    wrapped_stream<S>* state_;
};

}  // namespace detail

// Owns the stream, and models byte_stream itself: all goes to the stream, reads through the buffer. Move-only; one that
// was moved from may be assigned to and destroyed. What is pending when it is destroyed ends as the stream says.
template <byte_stream S>
class buffered_reader : public buffered_reads<buffered_reader<S>> {
public:
    // Throws std::bad_alloc.
    explicit buffered_reader(S stream) : state_(std::move(stream)) {}

    // Beside the buffer: for what the stream has of its own.
    S& stream() noexcept { return *state_.get()->stream; }
    const S& stream() const noexcept { return *state_.get()->stream; }

    // What the buffer has, else what the stream gives. Throws errc::busy beside a buffered read.
    // Cancel class: lossless.
    task<chunk> read() { return detail::read_plainly(detail::readable_ref(state_.get())); }

    // The same into the caller's memory. Cancel class: lossless.
    task<std::size_t> read_some(std::span<std::byte> into) {
        return detail::read_some_plainly(detail::readable_ref(state_.get()), into);
    }

    // Cancel class: that of the stream's write.
    template <class... Buffers>
    auto write(const Buffers&... buffers) {
        return stream().write(buffers...);
    }

    std::uint64_t written() const { return stream().written(); }

    // Cancel class: that of the stream's shutdown_write.
    auto shutdown_write() { return stream().shutdown_write(); }

    // Cancel class: that of the stream's close.
    auto close() {
        state_.get()->drop_ahead();
        return stream().close();
    }

    void abort() noexcept {
        state_.get()->drop_ahead();
        stream().abort();
    }

    bool is_open() const { return stream().is_open(); }

private:
    friend class buffered_reads<buffered_reader>;
    detail::readable* reading_state() const noexcept { return state_.get(); }

    detail::wrapped_stream_ptr<S> state_;
};

}  // namespace async::inline v0
