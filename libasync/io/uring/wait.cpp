// Waiting for readiness: of the engine's own sockets, whose reading side is watched already where somebody has read, and
// of handles that are not its own.
#include <libasync/io/uring/uring_engine.hpp>

#include <cerrno>

#include <poll.h>

#include <libasync/io/native_socket.hpp>

namespace async::inline v0::io::uring {

bool uring_engine::is_ready(const wait_op& op) const noexcept {
    if (op.kind == op_kind::wait_handle) return is_ready_now(op.handle, op.what);
    const auto& s = *static_cast<const uring_stream*>(op.target);
    if (s.closing || s.closer) return false;
    if (op.what == readiness::writable) return !s.writer && is_ready_now(s.handle, op.what);
    if (s.reader || s.read_error != 0) return false;
    return s.queued != 0 || s.ended || is_ready_now(s.handle, op.what);
}

bool uring_engine::start_wait(wait_op& op) noexcept {
    if (op.kind == op_kind::wait) {
        auto& s = *static_cast<uring_stream*>(op.target);
        if (op.what == readiness::readable) return start_receive(op, s);
        if (s.closing) return refuse(op, errc::closed);
        if (s.writer || s.closer) return refuse(op, errc::busy);
        if (is_ready_now(s.handle, readiness::writable)) return done_in_place(op);
        s.writer = &op;
    }
    op.state = op_state::pending;
    submit(op);
    return false;
}

void uring_engine::prepare_wait(wait_op& op, io_uring_sqe& sqe) noexcept {
    native_handle handle = op.handle;
    if (op.kind == op_kind::wait) {
        auto& s = *static_cast<uring_stream*>(op.target);
        ++s.in_flight;
        handle = s.handle;
    }
    const unsigned events = op.what == readiness::readable ? POLLIN | POLLRDHUP : POLLOUT;
    io_uring_prep_poll_add(&sqe, static_cast<int>(handle), events);
}

void uring_engine::on_wait(wait_op& op, int result) noexcept {
    if (op.kind == op_kind::wait_handle) {
        const bool invalid = result > 0 && (static_cast<unsigned>(result) & POLLNVAL) != 0;
        return finish(op, invalid ? EBADF : (result < 0 ? -result : 0));
    }
    auto& s = *static_cast<uring_stream*>(op.target);
    detach(op);
    if (s.closing) {
        finish_closed(op);
    } else {
        finish(op, result < 0 ? -result : 0);
    }
    request_done(s);
}

bool uring_engine::holds_read_ahead(const socket& s) const noexcept {
    return static_cast<const uring_stream&>(s).queued != 0;
}

bool uring_engine::is_sending(const socket& s) const noexcept {
    return static_cast<const uring_stream&>(s).writer != nullptr;
}

bool uring_engine::start_pause(pause_op& op) noexcept {
    auto& s = *static_cast<uring_stream*>(op.target);
    if (s.closing) return refuse(op, errc::closed);
    if (s.reader || s.writer || s.closer) return refuse(op, errc::busy);
    s.poll_mode = true;
    s.doubt.unlink_if_linked();
    stop(s, s.receive, tag::receive);
    stop(s, s.poll, tag::poll);
    if (s.in_flight == 0) return done_in_place(op);
    s.closer = &op;
    op.state = op_state::pending;
    return false;
}

}  // namespace async::inline v0::io::uring
