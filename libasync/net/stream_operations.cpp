#include <libasync/net/stream_operations.hpp>

#include <libasync/io/fault_knobs.hpp>
#include <libasync/io/native_socket.hpp>
#include <libasync/io/system_calls.hpp>

namespace async::inline v0::detail {

namespace {

task<chunk> fetch_from(stream_ref stream) { co_return co_await fetch_description(stream.get()); }

// Whether the operation is decided: refused, or it takes what is there.
template <class Operation, class Take>
void decide(readable& stream, Operation& op, Take take) noexcept {
    const auto next = stream.begin_plain_read();
    if (next == readable::next_read::fetch) return;
    if (next == readable::next_read::refused) return op.fail_early(errc::busy);
    op.state = io::op_state::done;
    try {
        take(*stream.ahead);
    } catch (const std::bad_alloc&) {
        op.error = static_cast<int>(std::errc::not_enough_memory);
    }
}

}  // namespace

stream_ptr keep_socket(io::socket_ptr socket) { return stream_ptr(new stream_state(std::move(socket))); }

task<chunk> stream_state::fetch() { return fetch_from(stream_ref(this)); }

std::string stream_state::describe(const char* operation) const { return describe_stream(operation, this); }

void stream_state::read_ahead_first(io::receive_op& op) noexcept {
    decide(*this, op, [&op](read_ahead& ahead) {
        const std::span into(static_cast<std::byte*>(op.data), op.size);
        op.result = static_cast<std::int64_t>(ahead.take_into(into));
    });
}

void stream_state::read_ahead_first(io::receive_chunk_op& op) noexcept {
    decide(*this, op, [&op](read_ahead& ahead) { op.received = ahead.take_chunk(); });
}

namespace {

constexpr std::size_t most_corked = std::size_t{64} * 1024;
// An empty buffer that is larger is given back.
constexpr std::size_t kept_capacity = 2 * most_corked;

}  // namespace

sole_writer::sole_writer(stream_state& stream, const char* operation) : stream_(stream) {
    const auto refuse = [&](errc why) {
        throw std::system_error(make_error_code(why), describe_stream(operation, &stream));
    };
    if (!stream.socket) refuse(errc::closed);
    if (stream.broken) refuse(errc::broken);
    if (stream.has_sole_writer || stream.socket->owner->is_sending(*stream.socket)) refuse(errc::busy);
    stream.has_sole_writer = true;
}

bool stream_state::join_corked(io::send_op& op, std::span<const_bytes> list, std::size_t& total) noexcept {
    corked_writes& c = *corked;
    if (c.leaving) {
        op.fail_early(errc::busy);
        return false;
    }
    try {
        c.bytes.reserve(c.bytes.size() + total);
    } catch (...) {
        op.error = static_cast<int>(std::errc::not_enough_memory);
        op.state = io::op_state::done;
        return false;
    }
    for (const const_bytes& b : list) c.bytes.append(static_cast<const char*>(b.data()), b.size());
    if (c.held && c.bytes.size() < most_corked) {
        op.state = io::op_state::done;
        return false;
    }
    c.own = total;
    return send_corked(list, total);
}

bool stream_state::send_corked(std::span<const_bytes> list, std::size_t& total) noexcept {
    corked->leaving = true;
    list[0] = const_bytes(corked->bytes);
    for (const_bytes& b : list.subspan(1)) b = {};
    total = corked->bytes.size();
    return true;
}

void stream_state::corked_left() noexcept {
    corked->leaving = false;
    corked->bytes.clear();
    if (!corked->held) return corked.reset();
    if (corked->bytes.capacity() > kept_capacity) std::string().swap(corked->bytes);
}

void stream_state::corked_stay() noexcept {
    corked->leaving = false;
    corked->bytes.resize(corked->bytes.size() - std::exchange(corked->own, 0));
    if (!corked->held && corked->bytes.empty()) corked.reset();
}

bool stream_state::try_send_corked() noexcept {
    corked_writes& c = *corked;
    if (c.leaving) return false;
    bool failed = broken;
    if (!c.bytes.empty() && !broken) {
        // In the midst of another's bytes they would be lost among them.
        if (has_sole_writer || socket->owner->is_sending(*socket)) return false;
        const io::transfer_result sent = io::calls_of(*socket).send_now(socket->handle, c.bytes);
        written += sent.bytes;
        c.bytes.erase(0, sent.bytes);
        failed = sent.error != 0 && !io::would_block(sent.error);  // the next write will say so
    }
    if (!c.bytes.empty()) return failed;
    if (!c.held) corked.reset();
    return true;
}

std::size_t stream_state::send_at_once(const_bytes bytes) {
    if (!socket || socket->role == io::socket_role::pipe || broken || corked || has_sole_writer) return 0;
    if (socket->owner->is_sending(*socket)) return 0;
    if (io::faults::happens(&io::faults::knobs::write_blocks)) return 0;
    const const_bytes part(bytes.data(), io::faults::cut(bytes.size(), &io::faults::knobs::write_max));
    const io::transfer_result sent = io::calls_of(*socket).send_now(socket->handle, part);
    written += sent.bytes;
    if (sent.error != 0 && !io::would_block(sent.error))
        throw std::system_error(io::operation::to_error_code(sent.error), describe("write to"));
    return sent.bytes;
}

void flush_description::check(operation& op) const noexcept {
    check_open(op);
    if (op.state == io::op_state::done) return;
    if (stream->broken) return op.fail_early(errc::broken);
    if (stream->has_sole_writer || (stream->corked && stream->corked->leaving)) return op.fail_early(errc::busy);
    if (!stream->corked || stream->corked->bytes.empty()) {
        op.state = io::op_state::done;
        return;
    }
    stream->corked->own = 0;
    op.sends_corked = stream->send_corked(op.list, op.total);
}

void flush_description::finish(operation& op) const noexcept {
    stream->written += static_cast<std::uint64_t>(op.result);
    if (op.sends_corked) stream->corked_left();
}

void flush_description::abandoned(operation& op) const noexcept {
    if (!op.sends_corked) return;
    stream->written += static_cast<std::uint64_t>(op.result);
    if (op.result == 0) return stream->corked_stay();
    if (static_cast<std::size_t>(op.result) < op.total) stream->broken = true;
    stream->corked_left();
}

}  // namespace async::inline v0::detail
