// Closing: what is pending ends, the kernel gives up its requests, and only then the descriptor is closed. A
// request would keep the file open, and one that is still queued would act on whoever gets the number next.
#include <libasync/io/uring/uring_engine.hpp>

#include <libasync/io/native_socket.hpp>

namespace async::inline v0::io::uring {

bool uring_engine::start_close(close_op& op) noexcept {
    auto& s = *static_cast<uring_socket*>(op.target);
    if (s.closing) return refuse(op, s.closer ? errc::busy : errc::closed);
    if (operation* paused = s.closer) {
        detach(*paused);
        finish_closed(*paused);
    }
    s.closer = &op;
    op.state = op_state::pending;
    begin_close(s);
    if (s.in_flight != 0) return false;
    s.closer = nullptr;
    close_if_idle(s);
    return done_in_place(op);
}

void uring_engine::begin_close(uring_socket& s) noexcept {
    s.closing = true;
    if (operation* op = s.reader) {
        detach(*op);
        finish_closed(*op);
    }
    if (s.role == socket_role::listener) {
        auto& l = static_cast<uring_listener&>(s);
        stop(l, l.accept, tag::accept);
        while (!l.accepted.empty()) reset_on_close(take_accepted(l)->handle);  // as the kernel does with its queue
        return;
    }
    auto& stream = static_cast<uring_stream&>(s);
    if (stream.queued != 0) tell_of_unread(stream);
    drop_queued(stream);
    stream.doubt.unlink_if_linked();
    stop(stream, stream.receive, tag::receive);
    stop(stream, stream.poll, tag::poll);
    if (operation* op = stream.writer) {
        if (op->phase == unsubmitted) {
            detach(*op);
            finish_closed(*op);
        } else {
            cancel_request_of(*op);
        }
    }
}

// Of data that nobody has read the peer hears by a reset; the kernel sees to that (tcp(7)) for what it still has.
void uring_engine::tell_of_unread(uring_stream& s) noexcept {
    if (s.descriptor_open()) reset_on_close(s.handle);
}

void uring_engine::close_if_idle(uring_socket& s) noexcept {
    if (!s.closing || s.in_flight != 0) return;
    if (s.descriptor_open()) {
        close_socket(s.handle);
        s.handle = invalid_handle;
    }
    if (operation* op = s.closer) {
        detach(*op);
        finish(*op, 0);
    }
    delete_if_idle(s);
}

// The last completion of one of the socket's requests is handled.
void uring_engine::request_done(uring_socket& s) noexcept {
    --s.in_flight;
    if (s.closer && !s.closing && s.in_flight == 0) {
        operation& paused = *s.closer;
        detach(paused);
        finish(paused, 0);
    }
    close_if_idle(s);
}

void uring_engine::delete_if_idle(uring_socket& s) noexcept {
    if (!s.released || s.in_flight != 0) return;
    if (s.role == socket_role::stream && static_cast<uring_stream&>(s).lent != 0) return;
    s.unlink();
    delete &s;
}

void uring_stream::chunk_returned() noexcept {
    if (released) static_cast<uring_engine*>(owner)->delete_if_idle(*this);
}

native_handle uring_engine::give_away(socket& given) noexcept {
    auto& s = static_cast<uring_socket&>(given);
    s.closing = true;
    return std::exchange(s.handle, invalid_handle);
}

void uring_engine::release(socket& released) noexcept {
    auto& s = static_cast<uring_socket&>(released);
    s.released = true;
    if (s.closer) {
        operation& op = *s.closer;
        detach(op);
        op.kind == op_kind::pause ? finish_closed(op) : finish(op, 0);
    }
    if (!s.closing) begin_close(s);
    close_if_idle(s);
}

void uring_engine::shut_down() noexcept {
    if (shutting_down_) return;
    shutting_down_ = true;
    if (ring_.forked()) return;
    for (uring_socket* s = sockets_.first(); s; s = sockets_.after(s)) {
        if (!s->closing) begin_close(*s);
    }
    stop_own(wake_poll_, wake_data);
    stop_own(tick_, tick_data);
    while (in_flight_ != 0) {
        if (starving_) serve_starved();
        ring_.submit_and_wait(nullptr);
        drain();
    }
    if (buffers_) buffers_->unregister(ring_.native());
    buffers_.abandon();
    hot_.abandon();
    while (!sockets_.empty()) {
        uring_socket& s = *sockets_.pop_front();
        if (s.descriptor_open()) close_socket(std::exchange(s.handle, invalid_handle));
        s.owner = nullptr;
        if (s.released) delete &s;
    }
}

}  // namespace async::inline v0::io::uring
