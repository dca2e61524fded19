// Writing and connecting.
#include <libasync/io/uring/uring_engine.hpp>

#include <algorithm>
#include <cerrno>
#include <new>

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <libasync/io/fault_knobs.hpp>
#include <libasync/io/native_socket.hpp>

namespace async::inline v0::io::uring {

namespace {

constexpr std::size_t max_bytes = 0x7ffff000;  // what the kernel transfers at once
constexpr std::size_t max_buffers = 1024;      // IOV_MAX

static_assert(sizeof(const_bytes) == sizeof(iovec) && alignof(const_bytes) == alignof(iovec) &&
                  std::is_standard_layout_v<const_bytes>,
              "a list of const_bytes is passed as a list of iovec");
static_assert(sizeof(msghdr) <= 64, "the operation has room for a message header");

[[gnu::hot]] void skip_empty(send_op& op) noexcept {
    while (op.count != 0 && op.buffers->size() == 0) {
        ++op.buffers;
        --op.count;
    }
}

[[gnu::hot]] void record_sent(send_op& op, std::size_t bytes) noexcept {
    op.result += static_cast<std::int64_t>(bytes);
    advance(op.buffers, op.count, bytes);
    skip_empty(op);
}

}  // namespace

[[gnu::hot]] bool uring_engine::start_send(send_op& op) noexcept {
    auto& s = *static_cast<uring_stream*>(op.target);
    if (s.closing) return refuse(op, errc::closed);
    if (s.writer || s.closer) return refuse(op, errc::busy);
    skip_empty(op);
    if (features_.direct_send && op.count != 0 && !faults::happens(&faults::knobs::write_blocks)) {
        const transfer_result sent = faults::send_now(s.role, s.handle, op.buffers, std::min(op.count, max_buffers));
        record_sent(op, sent.bytes);
        if (sent.error != 0 && !would_block(sent.error)) {
            op.error = sent.error;
            return done_in_place(op);
        }
    }
    if (op.count == 0) return done_in_place(op);
    s.writer = &op;
    op.state = op_state::pending;
    submit(op);
    return false;
}

void uring_engine::prepare_send(send_op& op, io_uring_sqe& sqe) noexcept {
    auto& s = *static_cast<uring_stream*>(op.target);
    ++s.in_flight;
    s.writer_polls =
        s.writer_polls || s.role == socket_role::pipe || faults::happens(&faults::knobs::write_blocks);
    constexpr int flags = MSG_NOSIGNAL | MSG_WAITALL;  // the kernel goes on after a short send
    if (s.writer_polls) {
        io_uring_prep_poll_add(&sqe, s.descriptor(), POLLOUT);
    } else if (op.count == 1 || op.native_message == nullptr || faults::limits(&faults::knobs::write_max)) {
        const std::size_t size = faults::cut(std::min(op.buffers->size(), max_bytes), &faults::knobs::write_max);
        io_uring_prep_send(&sqe, s.descriptor(), op.buffers->data(), size, flags);
    } else {
        auto* message = ::new (op.native_message) msghdr{};
        message->msg_iov = reinterpret_cast<iovec*>(op.buffers);
        message->msg_iovlen = std::min(op.count, max_buffers);
        io_uring_prep_sendmsg(&sqe, s.descriptor(), message, static_cast<unsigned>(flags));
    }
}

void uring_engine::on_send(send_op& op, int result) noexcept {
    auto& s = *static_cast<uring_stream*>(op.target);
    const bool polled = s.writer_polls;
    if (s.role == socket_role::pipe && result >= 0 && !s.closing && op.phase != cancelling) result = write_to_pipe(op);
    if (result > 0 && !polled) record_sent(op, static_cast<std::size_t>(result));
    s.writer_polls = result == -EAGAIN;
    const bool failed = result < 0 && result != -EAGAIN && result != -EINTR;
    if (op.count != 0 && !failed && op.phase != cancelling && !s.closing) {
        submit(op);
    } else {
        s.writer_polls = false;
        detach(op);
        if (op.count == 0) {
            finish(op, 0);
        } else if (s.closing) {
            finish_closed(op);
        } else {
            finish(op, failed ? -result : error_cancelled);
        }
    }
    request_done(s);
}

// The system says that there is room: 0, or a negated errno value.
int uring_engine::write_to_pipe(send_op& op) noexcept {
    const uring_stream& s = *static_cast<uring_stream*>(op.target);
    const transfer_result sent = faults::send_now(s.role, s.handle, op.buffers, std::min(op.count, max_buffers));
    record_sent(op, sent.bytes);
    return would_block(sent.error) ? 0 : -sent.error;
}

bool uring_engine::start_shut_down(shut_down_op& op) noexcept {
    auto& s = *static_cast<uring_stream*>(op.target);
    if (s.closing) return refuse(op, errc::closed);
    if (s.writer || s.closer) return refuse(op, errc::busy);
    op.error = shut_down_writes(s.handle);
    return done_in_place(op);
}

bool uring_engine::start_connect(connect_op& op) noexcept {
    auto& s = *static_cast<uring_stream*>(op.target);
    if (s.closing) return refuse(op, errc::closed);
    if (s.writer || s.closer) return refuse(op, errc::busy);
    s.writer = &op;
    op.state = op_state::pending;
    submit(op);
    return false;
}

void uring_engine::prepare_connect(connect_op& op, io_uring_sqe& sqe) noexcept {
    auto& s = *static_cast<uring_stream*>(op.target);
    ++s.in_flight;
    const std::size_t size = to_native(op.to, op.native_address);
    io_uring_prep_connect(&sqe, s.descriptor(), reinterpret_cast<const sockaddr*>(op.native_address),
                          static_cast<socklen_t>(size));
}

void uring_engine::on_connect(connect_op& op, int result) noexcept {
    auto& s = *static_cast<uring_stream*>(op.target);
    detach(op);
    if (result < 0 && s.closing) {
        finish_closed(op);
    } else {
        finish(op, -result);
    }
    request_done(s);
}

}  // namespace async::inline v0::io::uring
