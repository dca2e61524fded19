// Reading: a multishot receive fills provided buffers ahead of the reader, within bounds.
#include <libasync/io/uring/uring_engine.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <libasync/io/fault_knobs.hpp>

namespace async::inline v0::io::uring {

namespace {

constexpr std::uint16_t max_queued_buffers = 16;  // beyond it the kernel keeps the data
constexpr std::uint8_t full_buffers_for_poll_mode = 2;
constexpr std::uint8_t lonely_reads_for_poll_mode = 64;

}  // namespace

[[gnu::hot]] bool uring_engine::start_receive(operation& op, uring_stream& s) noexcept {
    if (s.closing) return refuse(op, errc::closed);
    if (s.reader || s.closer) return refuse(op, errc::busy);
    if (op.kind == op_kind::receive && static_cast<receive_op&>(op).size == 0) return done_in_place(op);
    if (s.queued != 0) {
        give_queued(s, op);
        return done_in_place(op);
    }
    if (s.ended || s.read_error != 0) {
        op.error = s.ended ? 0 : s.read_error;
        return done_in_place(op);
    }
    // Whoever waits reads past the engine, and may have left something.
    const bool worth_a_try = s.readable || !s.poll.armed || op.kind == op_kind::wait;
    if (!s.receive.armed && worth_a_try && reads_after_poll(s, op) && read_now(s, op)) return done_in_place(op);
    s.reader = &op;
    op.state = op_state::pending;
    await_data(s);
    return false;
}

// Somebody reads, and nothing has arrived.
void uring_engine::await_data(uring_stream& s) noexcept {
    if (s.doubtful) doubt(s);
    if (s.receive.armed) return;
    if (!reads_after_poll(s, *s.reader)) return arm_receive(s);
    if (!s.poll.armed) arm_poll(s);
}

void uring_engine::arm_receive(uring_stream& s) noexcept {
    io_uring_sqe* sqe = arm(s, s.receive, tag::receive);
    if (!sqe) return;
    s.group = buffers_->newest_group();
    if (features_.multishot_receive) {
        io_uring_prep_recv_multishot(sqe, s.descriptor(), nullptr, 0, 0);
    } else {
        io_uring_prep_recv(sqe, s.descriptor(), nullptr, buffers_->buffer_size(), 0);
    }
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = s.group;
    stop(s, s.poll, tag::poll);
}

[[gnu::hot]] void uring_engine::on_receive(uring_stream& s, const completion& c) noexcept {
    std::uint32_t index = provided_buffers::none;
    if ((c.flags & IORING_CQE_F_BUFFER) != 0)
        index = buffers_->take(s.group, static_cast<std::uint16_t>(c.flags >> IORING_CQE_BUFFER_SHIFT));
    if (c.last()) s.receive = {};
    s.doubtful = !c.last();
    s.quiet = false;
    if (index != provided_buffers::none) {
        if (c.result > 0 && !s.closing) {
            buffers_->length(index) = static_cast<std::uint32_t>(c.result);
            note_size(s, static_cast<std::uint32_t>(c.result));
            enqueue(s, index);
        } else {
            if (c.result > 0) tell_of_unread(s);
            buffers_->give_back(index);
        }
    }
    if (c.last()) {
        if (!s.closing) on_receive_end(s, c.result);
        request_done(s);
    } else if (faults::happens(&faults::knobs::stops)) {
        stop(s, s.receive, tag::receive);
    }
}

// The kernel receives no more; a reader may still wait.
void uring_engine::on_receive_end(uring_stream& s, int result) noexcept {
    switch (result) {
        case 0: s.ended = true; break;
        case -ECANCELED:
        case -EINTR: break;
        case -EAGAIN: s.poll_mode = true; break;
        case -ENOBUFS: out_of_buffers(s); break;
        case -ENOMEM: break;  // passes
        default:
            if (result < 0) s.read_error = -result;
    }
    if (!s.reader) return;
    const int error = result == -ENOMEM ? ENOMEM : s.read_error;
    if (s.ended || error != 0) {
        operation& op = *s.reader;
        detach(op);
        finish(op, error);
    } else if (reads_after_poll(s, *s.reader)) {
        schedule_read(s);
    } else {
        arm_receive(s);
    }
}

void uring_engine::out_of_buffers(uring_stream& s) noexcept {
    ++buffers_exhausted_;
    if (!buffers_->has_room_beyond(s.group) && !buffers_->grow()) s.poll_mode = true;
}

// Messages that fill whole buffers are better read in large pieces; and where few things finish in one visit, a poll
// and a receive cost less than a multishot receive, which pays off by the batch.
[[gnu::hot]] void uring_engine::note_size(uring_stream& s, std::uint32_t size) noexcept {
    s.full_buffers = size < buffers_->buffer_size() ? 0 : static_cast<std::uint8_t>(s.full_buffers + 1);
    s.lonely_reads = crowded() ? 0 : static_cast<std::uint8_t>(s.lonely_reads + 1);
    const bool change = s.full_buffers >= full_buffers_for_poll_mode || s.lonely_reads >= lonely_reads_for_poll_mode;
    if (change && !s.poll_mode) {
        s.poll_mode = true;
        s.full_buffers = s.lonely_reads = s.small_reads = 0;
    }
    if (s.poll_mode) stop(s, s.receive, tag::receive);
}

[[gnu::hot]] void uring_engine::enqueue(uring_stream& s, std::uint32_t index) noexcept {
    buffers_->next(index) = provided_buffers::none;
    if (s.queued++ == 0) {
        s.first_buffer = index;
    } else {
        buffers_->next(s.last_buffer) = index;
    }
    s.last_buffer = index;
    if (s.reader) {
        operation& op = *s.reader;
        detach(op);
        give_queued(s, op);
        finish(op, 0);
    } else if (s.queued > max_queued_buffers) {
        stop(s, s.receive, tag::receive);
    }
}

// Hands the first queued bytes over.
[[gnu::hot]] void uring_engine::give_queued(uring_stream& s, operation& op) noexcept {
    if (op.kind == op_kind::receive) return copy_queued(s, static_cast<receive_op&>(op));
    if (op.kind == op_kind::wait) {
        op.result = s.queued;
        return;
    }
    const std::uint32_t index = s.first_buffer;
    op.result = buffers_->length(index) - s.first_offset;
    s.first_buffer = buffers_->next(index);
    --s.queued;
    static_cast<receive_chunk_op&>(op).received = buffers_->hand_out(s, index, std::exchange(s.first_offset, 0));
}

void uring_engine::copy_queued(uring_stream& s, receive_op& op) noexcept {
    auto* to = static_cast<std::byte*>(op.data);
    std::size_t room = op.size;
    while (room != 0 && s.queued != 0) {
        const std::uint32_t index = s.first_buffer;
        const std::size_t count = std::min<std::size_t>(room, buffers_->length(index) - s.first_offset);
        std::memcpy(to, buffers_->data(index) + s.first_offset, count);
        to += count;
        room -= count;
        s.first_offset += static_cast<std::uint32_t>(count);
        if (s.first_offset != buffers_->length(index)) break;
        s.first_offset = 0;
        s.first_buffer = buffers_->next(index);
        --s.queued;
        buffers_->give_back(index);
    }
    op.result = static_cast<std::int64_t>(op.size - room);
}

void uring_engine::drop_queued(uring_stream& s) noexcept {
    for (; s.queued != 0; --s.queued) {
        const std::uint32_t index = s.first_buffer;
        s.first_buffer = buffers_->next(index);
        buffers_->give_back(index);
    }
    s.first_offset = 0;
}

}  // namespace async::inline v0::io::uring
