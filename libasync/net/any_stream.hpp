// A stream of any kind behind one type: what a program uses that learns only at run time whether it talks TCP or TLS.
//
//   async::any_stream stream = co_await async::connect(where);
//   if (secure) stream = co_await async::tls_stream::upgrade(std::move(stream), context, {.server_name = host});
//   co_await stream.write("hello\n");
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <libasync/coro/task.hpp>
#include <libasync/detail/exchange.hpp>
#include <libasync/detail/owned.hpp>
#include <libasync/net/buffered_reads.hpp>
#include <libasync/net/byte_stream.hpp>
#include <libasync/net/stream_operations.hpp>

namespace async::inline v0 {

namespace detail {

// The buffers of one write. What they refer to belongs to the caller.
class write_list {
public:
    static constexpr std::size_t most = 16;

    template <class... Buffers>
    explicit write_list(const Buffers&... buffers) : items_{const_bytes(buffers)...},
                                                     count_(sizeof...(Buffers)) {}

    const const_bytes* begin() const noexcept { return items_.data(); }
    const const_bytes* end() const noexcept { return begin() + count_; }
    std::size_t count() const noexcept { return count_; }
    const const_bytes& operator[](std::size_t i) const noexcept { return items_[i]; }

    std::size_t total() const noexcept {
        std::size_t sum = 0;
        for (const const_bytes& bytes : *this) sum += bytes.size();
        return sum;
    }
    // All bytes in one piece.
    std::string joined() const;

private:
    std::array<const_bytes, most> items_;
    std::size_t count_;
};

// Parameters of a variadic write.
template <class... Buffers>
concept write_buffers = sizeof...(Buffers) > 0 && sizeof...(Buffers) <= write_list::most &&
                        (std::convertible_to<const Buffers&, const_bytes> && ...);

// The state of an any_stream, counted: what is under way may end after the stream is gone.
class stream_face : public readable {
public:
    virtual task<std::size_t> fetch_some(std::span<std::byte> into) = 0;
    virtual task<void> write(const write_list& list) = 0;
    virtual std::uint64_t written() const noexcept = 0;
    virtual task<void> shutdown_write() = 0;
    virtual task<void> close() = 0;
    virtual void abort() noexcept = 0;
    virtual void drop() noexcept = 0;  // the stream is gone
    // Of a stream that is a socket of the operating system's; else null.
    virtual stream_state* writing_state() noexcept { return nullptr; }

    std::string describe(const char* operation) const override;
};

// The concept promises writes of one and of three buffers; for more they are copied, and kept until that is written.
task<void> write_kept(owned<std::string> bytes, task<void> write);

template <byte_stream S>
class stream_with_face final : public stream_face {
public:
    explicit stream_with_face(S&& stream) : stream_(std::move(stream)) {}

    task<chunk> fetch() override {
        require("read from");
        return into_task(stream_->read());
    }
    task<std::size_t> fetch_some(std::span<std::byte> into) override {
        require("read_some from");
        return into_task(stream_->read_some(into));
    }
    task<void> write(const write_list& l) override {
        require("write to");
        if (l.count() == 1) return into_task(stream_->write(l[0]));
        if (l.count() <= 3) return into_task(stream_->write(l[0], l[1], l[2]));
        auto bytes = owned<std::string>(new std::string(l.joined()));
        auto write = into_task(stream_->write(const_bytes(*bytes)));
        return write_kept(std::move(bytes), std::move(write));
    }
    std::uint64_t written() const noexcept override { return stream_ ? stream_->written() : 0; }
    task<void> shutdown_write() override {
        require("shutdown_write of");
        return into_task(stream_->shutdown_write());
    }
    task<void> close() override {
        require("close of");
        return into_task(stream_->close());
    }
    void abort() noexcept override {
        if (stream_) stream_->abort();
    }
    bool is_open() const noexcept override { return stream_ && stream_->is_open(); }
    void drop() noexcept override { stream_.reset(); }
    stream_state* writing_state() noexcept override {
        if constexpr (requires(S& s) { stream_access::writing_state(s); }) {
            return stream_ ? stream_access::writing_state(*stream_) : nullptr;
        } else {
            return nullptr;
        }
    }

private:
    void require(const char* operation) const {
        if (!stream_) throw_read_error(errc::closed, this, operation);
    }

    std::optional<S> stream_;
};

// Owns the stream inside, and with it closes it; the counted state lives on while operations refer to it.
class stream_face_ptr {
public:
    stream_face_ptr() = default;
    explicit stream_face_ptr(stream_face* s) noexcept : state_(s) {}
    stream_face_ptr(stream_face_ptr&& other) noexcept : state_(detail::exchange(other.state_, nullptr)) {}
    stream_face_ptr& operator=(stream_face_ptr&& other) noexcept {
        if (this != &other) {
            reset();
            state_ = detail::exchange(other.state_, nullptr);
        }
        return *this;
    }
    ~stream_face_ptr() { reset(); }

    stream_face* get() const noexcept { return state_; }
    stream_face* operator->() const noexcept { return state_; }
    explicit operator bool() const noexcept { return state_ != nullptr; }

private:
    void reset() noexcept {
        if (stream_face* s = detail::exchange(state_, nullptr)) {
            s->drop();
            s->release();
        }
    }

    stream_face* state_ = nullptr;
};

}  // namespace detail

// Move-only. Each member does what that of the stream inside does; its awaitables are tasks, which cost a frame or two
// each. Reads lines, and what else buffered_reads has, whatever is inside.
class any_stream : public buffered_reads<any_stream> {
public:
    // Closed from the start: every operation gives errc::closed.
    any_stream() = default;

    // Takes over any stream. Throws std::bad_alloc.
    template <class S>
        requires(!std::same_as<S, any_stream> && byte_stream<S>)
    any_stream(S stream) : stream_(new detail::stream_with_face<S>(std::move(stream))) {}

    // What has arrived, at least one byte; empty once the peer has closed its side. Cancel class: lossless.
    task<chunk> read();

    // The same into the caller's memory; gives the count. Cancel class: lossless.
    task<std::size_t> read_some(std::span<std::byte> into);

    // Sends all of up to 16 buffers, which must stay where they are until then. More than three are copied into one.
    // Cancel class: poisoning, as with the stream inside.
    template <class... Buffers>
        requires detail::write_buffers<Buffers...>
    task<void> write(const Buffers&... buffers) {
        return write_all(detail::write_list(buffers...));
    }

    // Bytes that were taken so far.
    std::uint64_t written() const noexcept { return stream_ ? stream_->written() : 0; }

    // Tells the peer that nothing more will be written; reading goes on. Cancel class: lossless.
    task<void> shutdown_write();

    // Closes; takes effect even in a cancelled scope. May be repeated. Cancel class: deferred.
    task<void> close();

    // Closes at once; what was not delivered yet may be lost.
    void abort() noexcept;

    bool is_open() const noexcept { return stream_ && stream_->is_open(); }

private:
    friend class buffered_reads<any_stream>;
    friend struct detail::stream_access;
    detail::readable* reading_state() const noexcept { return stream_.get(); }
    template <class Stream>
        requires std::same_as<Stream, any_stream>
    detail::stream_state* writing_state(const Stream*) const noexcept {
        return stream_ ? stream_->writing_state() : nullptr;
    }
    task<void> write_all(const detail::write_list& list);

    detail::stream_face_ptr stream_;
};

}  // namespace async::inline v0
