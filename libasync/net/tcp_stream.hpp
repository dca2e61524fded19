// A TCP connection, read and written by tasks of one loop.
//
//   async::task<void> echo(async::tcp_stream stream) {
//       while (auto data = co_await stream.read()) co_await stream.write(data);
//   }
#pragma once

#include <array>
#include <memory>
#include <span>
#include <string>

#include <libasync/coro/io_awaiter.hpp>
#include <libasync/coro/task.hpp>
#include <libasync/io/buffer.hpp>
#include <libasync/io/endpoint.hpp>
#include <libasync/io/handle.hpp>

namespace async::inline v0 {

struct tcp_options {
    // Small writes leave at once instead of waiting for more to join them (TCP_NODELAY, tcp(7)).
    bool no_delay = true;
    // Probes peers that were silent for long (SO_KEEPALIVE, socket(7)).
    bool keep_alive = false;
};
static_assert(std::is_trivially_destructible_v<tcp_options>);

namespace detail {

// What a stream and its pending operations share; owned by the stream.
struct stream_state {
    io::socket_ptr socket;
    std::uint64_t written = 0;  // bytes taken by the system, over the life of the stream
    bool broken = false;        // a write was cut short
    endpoint peer;
};

struct [[nodiscard]] receive_description : io_description<receive_description> {
    using operation = io::receive_op;
    using value_type = std::size_t;
    stream_state* stream;
    std::span<std::byte> into;

    receive_description(stream_state* s, std::span<std::byte> b) noexcept : stream(s), into(b) {}
    operation make() const noexcept { return {stream->socket.get(), into.data(), into.size()}; }
    value_type finish(operation& op) const noexcept { return static_cast<std::size_t>(op.result); }
    std::string what() const;
};

struct [[nodiscard]] receive_chunk_description : io_description<receive_chunk_description> {
    using operation = io::receive_chunk_op;
    using value_type = chunk;
    stream_state* stream;

    explicit receive_chunk_description(stream_state* s) noexcept : stream(s) {}
    operation make() const noexcept { return operation(stream->socket.get()); }
    value_type finish(operation& op) const noexcept { return std::move(op.received); }
    std::string what() const;
};

// A send, with room for the list of buffers that the engine works off.
template <std::size_t Count>
struct send_list_op : io::send_op {
    send_list_op(io::socket* s, const std::array<const_bytes, Count>& b) noexcept
        : io::send_op(s, nullptr, Count), list(b) {
        buffers = list.data();
    }
    send_list_op(const send_list_op&) = delete;
    std::array<const_bytes, Count> list;
};

void count_sent(stream_state& stream, io::send_op& op) noexcept;
std::string describe_stream(const char* operation, const stream_state& stream);

template <std::size_t Count>
struct [[nodiscard]] send_description : io_description<send_description<Count>> {
    using operation = send_list_op<Count>;
    using value_type = void;
    stream_state* stream;
    std::array<const_bytes, Count> list;

    send_description(stream_state* s, const std::array<const_bytes, Count>& l) noexcept : stream(s), list(l) {}
    operation make() const noexcept { return operation(stream->socket.get(), list); }
    void finish(operation& op) const noexcept { count_sent(*stream, op); }
    void abandoned(operation& op) const noexcept { count_sent(*stream, op); }
    std::string what() const { return describe_stream("write to", *stream); }
};

struct [[nodiscard]] close_description : io_description<close_description> {
    using operation = io::close_op;
    using value_type = void;
    stream_state* stream;

    explicit close_description(stream_state* s) noexcept : stream(s) {}
    operation make() const noexcept { return operation(stream->socket.get()); }
    void finish(operation&) const noexcept {}
    std::string what() const { return describe_stream("close of", *stream); }
};

}  // namespace detail

}  // namespace async::inline v0
