// Accepting: a multishot accept runs ahead of the accept operations, within bounds.
#include <libasync/io/uring/uring_engine.hpp>

#include <cerrno>
#include <new>

#include <sys/socket.h>

#include <libasync/io/fault_knobs.hpp>
#include <libasync/io/native_socket.hpp>

namespace async::inline v0::io::uring {

namespace {

constexpr std::uint32_t max_accepted = 64;  // beyond it connections stay in the kernel's backlog

}  // namespace

bool uring_engine::start_accept(accept_op& op) noexcept {
    auto& l = *static_cast<uring_listener*>(op.listener);
    if (l.closing) return refuse(op, errc::closed);
    if (l.reader) return refuse(op, errc::busy);
    if (!l.accepted.empty()) {
        op.accepted = take_accepted(l);
        return done_in_place(op);
    }
    if (l.read_error != 0) {
        op.error = std::exchange(l.read_error, 0);
        return done_in_place(op);
    }
    if (faults::happens(&faults::knobs::accept_errors)) {
        op.error = EMFILE;
        return done_in_place(op);
    }
    l.reader = &op;
    op.state = op_state::pending;
    if (!l.accept.armed) arm_accept(l);
    return false;
}

void uring_engine::arm_accept(uring_listener& l) noexcept {
    io_uring_sqe* sqe = arm(l, l.accept, tag::accept);
    if (!sqe) return;
    if (features_.multishot_accept) {
        io_uring_prep_multishot_accept(sqe, l.descriptor(), nullptr, nullptr, SOCK_CLOEXEC);
    } else {
        io_uring_prep_accept(sqe, l.descriptor(), nullptr, nullptr, SOCK_CLOEXEC);
    }
}

void uring_engine::on_accept(uring_listener& l, const completion& c) noexcept {
    if (c.last()) l.accept = {};
    if (c.result >= 0) on_connection(l, c.result);
    if (!c.last()) {
        if (faults::happens(&faults::knobs::stops)) stop(l, l.accept, tag::accept);
        return;
    }
    // A request that was stopped ends as one that found no descriptor: it takes no connection either.
    const bool out_of_descriptors = c.result == -ECANCELED && faults::happens(&faults::knobs::accept_errors);
    if (!l.closing) on_accept_end(l, out_of_descriptors ? -EMFILE : c.result);
    request_done(l);
}

void uring_engine::on_connection(uring_listener& l, int descriptor) noexcept {
    auto* s = l.closing ? nullptr : new (std::nothrow) uring_stream;
    if (!s) {
        reset_on_close(descriptor);
        close_socket(descriptor);
        if (!l.closing) on_accept_end(l, -ENOMEM);
        return;
    }
    s->owner = this;
    s->handle = descriptor;
    l.accepted.push_back(*s);
    ++l.accepted_count;
    if (l.reader) {
        auto& op = static_cast<accept_op&>(*l.reader);
        detach(op);
        op.accepted = take_accepted(l);
        finish(op, 0);
    } else if (l.accepted_count > max_accepted) {
        stop(l, l.accept, tag::accept);
    }
}

socket_ptr uring_engine::take_accepted(uring_listener& l) noexcept {
    uring_stream* s = l.accepted.pop_front();
    --l.accepted_count;
    sockets_.push_back(*s);
    return socket_ptr(s);
}

// What went wrong is told once, to the operation that waits or the next one; only an operation accepts again.
void uring_engine::on_accept_end(uring_listener& l, int result) noexcept {
    const bool passing = result == -ECONNABORTED || result == -EINTR || result == -EPROTO || result == -ECANCELED;
    if (result >= 0 || passing) {
        if (l.reader && !l.accept.armed) arm_accept(l);
    } else if (l.reader) {
        operation& op = *l.reader;
        detach(op);
        finish(op, -result);
    } else {
        l.read_error = -result;
    }
}

}  // namespace async::inline v0::io::uring
