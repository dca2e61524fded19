// What the operations of a stream have in common with the stream, and their descriptions for the engine.
#pragma once

#include <array>
#include <span>
#include <string>
#include <utility>

#include <libasync/coro/io_awaiter.hpp>
#include <libasync/coro/task.hpp>
#include <libasync/net/readable.hpp>
#include <libasync/net/socket_state.hpp>

namespace async::inline v0::detail {

// Small writes that wait for more of them, while a cork_guard lives; and what is left of them after it.
struct corked_writes {
    std::string bytes;
    bool held = true;       // the guard lives
    bool leaving = false;   // an operation sends them
    std::size_t own = 0;    // bytes that this operation has brought, the last of them
};

// Shared by a stream and its pending operations, counted: an operation may end after its stream is gone.
struct stream_state final : readable {
    explicit stream_state(io::socket_ptr s) noexcept : socket(std::move(s)) {}

    task<chunk> fetch() override;
    bool is_open() const noexcept override { return socket != nullptr; }
    std::string describe(const char* operation) const override;
    stream_state* of_system() noexcept override { return this; }

    // Plain reads, while there is something in `ahead`.
    void read_ahead_first(io::receive_op& op) noexcept;
    void read_ahead_first(io::receive_chunk_op& op) noexcept;

    // A write joins what is corked, and is done; or it becomes the send of all of that. True then.
    bool join_corked(io::send_op& op, std::span<const_bytes> list, std::size_t& total) noexcept;
    bool send_corked(std::span<const_bytes> list, std::size_t& total) noexcept;
    // That send has ended: with what it has sent, or without having done anything.
    void corked_left() noexcept;
    void corked_stay() noexcept;
    // Sends of what is corked what goes without waiting, unless somebody else is writing. False if something is left that
    // may still leave.
    bool try_send_corked() noexcept;
    // Sends what goes without waiting; nothing while somebody else is writing, or writes are corked. Throws
    // std::system_error of the write.
    std::size_t send_at_once(const_bytes bytes);

    bool broken = false;        // a write was cut short
    bool has_sole_writer = false;
    io::socket_ptr socket;
    owned<corked_writes> corked;
    std::uint64_t written = 0;  // bytes that the system has taken
};

// Owns the socket, and with it closes it; the counted state lives on while operations refer to it.
using stream_ptr = state_owner<stream_state>;
// Throws std::bad_alloc, and closes the socket then.
stream_ptr keep_socket(io::socket_ptr socket);
// Keeps the state, but not the socket open.
using stream_ref = state_ref<stream_state>;

// While it lives, nobody else writes: for who sends in a way of his own.
class sole_writer {
public:
    // Throws std::system_error: errc::closed, errc::broken, or errc::busy while somebody else writes.
    sole_writer(stream_state& stream, const char* operation);
    sole_writer(const sole_writer&) = delete;
    sole_writer& operator=(const sole_writer&) = delete;
    ~sole_writer() { stream_.has_sole_writer = false; }

private:
    stream_state& stream_;
};

// Takes a stream apart, and puts one together, for what treats streams of all kinds alike.
struct stream_access {
    template <class Stream>
    static stream_ptr take(Stream&& stream) noexcept {
        return std::move(stream.state_);
    }
    template <class Stream>
    static Stream make(stream_ptr state) noexcept {
        return Stream(std::move(state));
    }
    // Of streams that say so themselves, and not of what is derived from them and may write in another way.
    template <class Stream>
    static auto writing_state(const Stream& stream) noexcept -> decltype(stream.writing_state(&stream)) {
        return stream.writing_state(&stream);
    }
};

// Closes what `state` owns and waits until the descriptor is gone.
task<void> close_stream(stream_ptr state);

// Closes at once, from wherever; what is pending on it ends with errc::closed, and the peer sees a reset.
void abort_stream(stream_state& state) noexcept;

// "read from 127.0.0.1:8080", as far as it is known.
std::string describe_stream(const char* operation, const stream_state* stream);

template <class Description>
struct stream_description : io_description<Description> {
    explicit stream_description(stream_state* s) noexcept : stream(s) {}

    // Keep the state while an awaiter refers to it.
    void retain() const noexcept {
        if (stream) stream->retain();
    }
    void release() const noexcept {
        if (stream) stream->release();
    }

    io::socket* socket() const noexcept { return stream ? stream->socket.get() : nullptr; }

    // An operation on a closed stream has failed before it starts.
    void check_open(io::operation& op) const noexcept {
        if (socket() == nullptr) op.fail_early(errc::closed);
    }

    // ... and a read is done, or refused, before it starts while something was read ahead.
    template <class Operation>
    void check_read(Operation& op) const noexcept {
        if (socket() == nullptr) {
            op.fail_early(errc::closed);
        } else if (stream->ahead) [[unlikely]] {
            stream->read_ahead_first(op);
        }
    }

    stream_state* stream;
};

// A read of the socket itself, whatever was read ahead.
struct fetch_description : stream_description<fetch_description> {
    using operation = io::receive_chunk_op;
    using value_type = chunk;

    using stream_description::stream_description;
    operation make() const noexcept { return operation(socket()); }
    void check(operation& op) const noexcept { check_open(op); }
    value_type finish(operation& op) const noexcept { return std::move(op.received); }
    std::string what() const { return describe_stream("read from", stream); }
};

struct [[nodiscard("a read happens when it is awaited")]] receive_description
    : stream_description<receive_description> {
    using operation = io::receive_op;
    using value_type = std::size_t;

    receive_description(stream_state* s, std::span<std::byte> b) noexcept : stream_description(s), into(b) {}
    operation make() const noexcept { return {socket(), into.data(), into.size()}; }
    void check(operation& op) const noexcept { check_read(op); }
    value_type finish(operation& op) const noexcept {
        stream->ended |= op.result == 0 && op.size != 0;
        return static_cast<std::size_t>(op.result);
    }
    std::string what() const { return describe_stream("read_some from", stream); }

    std::span<std::byte> into;
};

struct [[nodiscard("a read happens when it is awaited")]] receive_chunk_description
    : stream_description<receive_chunk_description> {
    using operation = io::receive_chunk_op;
    using value_type = chunk;

    using stream_description::stream_description;
    operation make() const noexcept { return operation(socket()); }
    void check(operation& op) const noexcept { check_read(op); }
    value_type finish(operation& op) const noexcept {
        stream->ended |= op.received.empty();
        return std::move(op.received);
    }
    std::string what() const { return describe_stream("read from", stream); }
};

// Room for the system's description of a vectored send.
template <std::size_t Count>
struct message_room {
    void* memory() noexcept { return bytes; }
    alignas(8) std::byte bytes[64];
};
template <>
struct message_room<1> {
    void* memory() noexcept { return nullptr; }
};

// A send, with the list of buffers that the engine works off.
template <std::size_t Count>
struct send_list_op : io::send_op, message_room<Count> {
    send_list_op(io::socket* s, const std::array<const_bytes, Count>& b) noexcept
        : io::send_op(s, nullptr, Count),
          list(b) {
        buffers = list.data();
        native_message = this->memory();
        for (const const_bytes& bytes : list) total += bytes.size();
    }

    std::array<const_bytes, Count> list;
    std::size_t total = 0;
    bool sends_corked = false;
};

template <std::size_t Count>
struct [[nodiscard("a write happens when it is awaited")]] send_description
    : stream_description<send_description<Count>> {
    using operation = send_list_op<Count>;
    using value_type = void;

    send_description(stream_state* s, const std::array<const_bytes, Count>& l) noexcept
        : stream_description<send_description>(s),
          list(l) {}
    operation make() const noexcept { return operation(this->socket(), list); }
    void check(operation& op) const noexcept {
        this->check_open(op);
        if (op.state == io::op_state::done) return;
        if (this->stream->broken) {
            op.fail_early(errc::broken);
        } else if (this->stream->has_sole_writer) {
            op.fail_early(errc::busy);
        } else if (this->stream->corked) [[unlikely]] {
            op.sends_corked = this->stream->join_corked(op, op.list, op.total);
        }
    }
    void finish(operation& op) const noexcept {
        this->stream->written += static_cast<std::uint64_t>(op.result);
        if (op.sends_corked) [[unlikely]] this->stream->corked_left();
    }
    void abandoned(operation& op) const noexcept {
        if (this->stream == nullptr) return;
        if (op.result == 0) {
            if (op.sends_corked) this->stream->corked_stay();
            return;
        }
        this->stream->written += static_cast<std::uint64_t>(op.result);
        if (static_cast<std::size_t>(op.result) < op.total) this->stream->broken = true;
        if (op.sends_corked) this->stream->corked_left();
    }
    std::string what() const { return describe_stream("write to", this->stream); }

    std::array<const_bytes, Count> list;
};

// Until a call of one's own would not wait.
struct [[nodiscard("a wait happens when it is awaited")]] ready_description : stream_description<ready_description> {
    using operation = io::wait_op;
    using value_type = void;

    ready_description(stream_state* s, io::readiness r) noexcept : stream_description(s), awaited(r) {}
    operation make() const noexcept { return {socket(), awaited}; }
    void check(operation& op) const noexcept { check_open(op); }
    void finish(operation&) const noexcept {}
    std::string what() const {
        return describe_stream(awaited == io::readiness::readable ? "readable" : "writable", stream);
    }
    auto operator co_await() const noexcept { return io_wait_awaiter<ready_description>(*this); }

    io::readiness awaited;
};

// That nothing is pending, nor read ahead any more.
struct [[nodiscard("a pause happens when it is awaited")]] pause_description : stream_description<pause_description> {
    using operation = io::pause_op;
    using value_type = void;

    pause_description(stream_state* s, const char* n) noexcept : stream_description(s), name(n) {}
    operation make() const noexcept { return operation(socket()); }
    void check(operation& op) const noexcept { check_open(op); }
    void finish(operation&) const noexcept {}
    std::string what() const { return describe_stream(name, stream); }

    const char* name;
};

// The end of a cork: what was joined is sent.
struct [[nodiscard("a flush happens when it is awaited")]] flush_description : stream_description<flush_description> {
    using operation = send_list_op<1>;
    using value_type = void;

    using stream_description::stream_description;
    operation make() const noexcept { return operation(socket(), {const_bytes()}); }
    void check(operation& op) const noexcept;
    void finish(operation& op) const noexcept;
    void abandoned(operation& op) const noexcept;
    std::string what() const { return describe_stream("flush to", stream); }
};

struct [[nodiscard("a shutdown happens when it is awaited")]] shut_down_description
    : stream_description<shut_down_description> {
    using operation = io::shut_down_op;
    using value_type = void;

    using stream_description::stream_description;
    operation make() const noexcept { return operation(socket()); }
    void check(operation& op) const noexcept {
        check_open(op);
        if (op.state == io::op_state::done) return;
        if (stream->has_sole_writer || (stream->corked && !stream->try_send_corked())) op.fail_early(errc::busy);
    }
    void finish(operation&) const noexcept {}
    std::string what() const { return describe_stream("shutdown_write of", stream); }
};

// Closing is not refused in a cancelled scope: it takes effect first.
struct [[nodiscard("a close happens when it is awaited")]] close_description : stream_description<close_description> {
    using operation = io::close_op;
    using value_type = void;
    static constexpr bool ignores_cancellation = true;

    using stream_description::stream_description;
    operation make() const noexcept { return operation(socket()); }
    void check(operation& op) const noexcept { check_open(op); }
    void finish(operation&) const noexcept {}
    std::string what() const { return describe_stream("close of", stream); }
};

}  // namespace async::inline v0::detail
