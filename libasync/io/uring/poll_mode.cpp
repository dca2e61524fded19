// Reading in large pieces: a multishot poll says that there is something, and the read itself happens in the
// loop's step, into a buffer that is still in the cache or into the caller's memory. The kernel never holds
// either.
#include <libasync/io/uring/uring_engine.hpp>

#include <cerrno>

#include <poll.h>

#include <libasync/io/fault_knobs.hpp>
#include <libasync/io/memory_guard.hpp>
#include <libasync/io/native_socket.hpp>

namespace async::inline v0::io::uring {

namespace {

constexpr std::uint8_t small_reads_for_receive = 64;
constexpr std::uint8_t max_unread_polls = 16;  // then a busy peer wakes the loop no more
constexpr unsigned end_events = POLLRDHUP | POLLHUP | POLLERR;

}  // namespace

[[gnu::hot]] bool uring_engine::reads_after_poll(const uring_stream& s, const operation& op) const noexcept {
    return s.poll_mode || op.kind != op_kind::receive_chunk || !buffers_;
}

// Without waiting. False if nothing has arrived; else the outcome stands in `op`.
[[gnu::hot]] bool uring_engine::read_now(uring_stream& s, operation& op) noexcept {
    if (op.kind == op_kind::wait) {
        s.readable = is_ready_now(s.handle, readiness::readable);
        s.doubtful = false;
        return s.readable;
    }
    const bool as_chunk = op.kind == op_kind::receive_chunk;
    void* room = as_chunk ? hot_->peek() : static_cast<receive_op&>(op).data;
    const std::size_t size =
        faults::cut(as_chunk ? hot_pool::buffer_size : static_cast<receive_op&>(op).size, &faults::knobs::read_max);
    if (!room) {
        op.error = ENOMEM;
        return true;
    }
    if (faults::happens(&faults::knobs::read_blocks)) {
        stop(s, s.poll, tag::poll);  // a poll that was armed tells of new data alone, the next one of what is there
        ++vain_reads_;
        s.readable = s.doubtful = false;
        return false;
    }
    const bool cut_short = faults::happens(&faults::knobs::short_reads);
    const transfer_result got = receive_now(s.role, s.handle, room, cut_short ? 1 : size);
    if (would_block(got.error)) {
        ++vain_reads_;
        s.readable = s.doubtful = false;
        return false;
    }
    if (got.error != 0) {
        op.error = s.read_error = got.error;
        return true;
    }
    // A short read has found the end of what is there, very likely; what comes later says so. One of a quiet stream may
    // have ended at a handle that came along.
    s.readable = got.bytes == size || s.hung_up || s.role == socket_role::quiet_stream;
    s.doubtful = !s.readable;
    s.ended = got.bytes == 0;
    op.result = static_cast<std::int64_t>(got.bytes);
    if (as_chunk && !s.ended) take_chunk(s, static_cast<receive_chunk_op&>(op), got.bytes);
    return true;
}

[[gnu::hot]] void uring_engine::take_chunk(uring_stream& s, receive_chunk_op& op, std::size_t size) noexcept {
    op.received = hot_->take(static_cast<std::uint32_t>(size));
    if (!buffers_ || size > buffers_->buffer_size() / 2 || !crowded()) {
        s.small_reads = 0;
    } else if (s.role == socket_role::stream && ++s.small_reads >= small_reads_for_receive) {
        s.poll_mode = false;
        s.small_reads = s.full_buffers = 0;
    }
}

void uring_engine::arm_poll(uring_stream& s) noexcept {
    io_uring_sqe* sqe = arm(s, s.poll, tag::poll);
    if (!sqe) return;
    s.unread_polls = 0;
    if (features_.multishot_poll) {
        io_uring_prep_poll_multishot(sqe, s.descriptor(), POLLIN | POLLRDHUP);
    } else {
        io_uring_prep_poll_add(sqe, s.descriptor(), POLLIN | POLLRDHUP);
    }
}

[[gnu::hot]] void uring_engine::on_poll(uring_stream& s, const completion& c) noexcept {
    if (c.last()) s.poll = {};
    if (!s.closing) {
        if (c.result >= 0) {
            s.readable = true;
            s.quiet = false;
            s.hung_up = s.hung_up || (static_cast<unsigned>(c.result) & end_events) != 0;
        }
        // A poll that failed also wakes the reader: the read finds out why.
        const bool polls = s.reader && !s.receive.armed && reads_after_poll(s, *s.reader);
        if (polls && (c.result >= 0 || c.last())) schedule_read(s);
        s.unread_polls = s.reader ? 0 : static_cast<std::uint8_t>(s.unread_polls + 1);
        if (s.unread_polls == max_unread_polls || faults::happens(&faults::knobs::stops)) stop(s, s.poll, tag::poll);
    }
    if (c.last()) request_done(s);
}

// The reader goes through the ready queue, where it tries before it is resumed.
[[gnu::hot]] void uring_engine::schedule_read(uring_stream& s) noexcept {
    operation& op = *s.reader;
    if (op.linked()) return;
    op.run = run_read;
    completed.push_back(op);
}

[[gnu::hot]] bool uring_engine::run_read(detail::ready_node* node) noexcept {
    auto& op = *static_cast<operation*>(node);
    auto& s = static_cast<uring_stream&>(io::socket_of(op));
    auto& self = *static_cast<uring_engine*>(s.owner);
    op.run = nullptr;
    if (!self.read_now(s, op)) {
        self.await_data(s);
        return false;
    }
    memory_guard::let_go(memory_guard::holder::engine, op);
    s.reader = nullptr;
    op.state = op_state::done;
    return true;
}

}  // namespace async::inline v0::io::uring
