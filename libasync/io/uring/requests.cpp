// Requests to the kernel, and what becomes of those that find the submission queue full: they wait in lists
// and in flags of their sockets until the next visit.
#include <libasync/io/uring/uring_engine.hpp>

#include <cerrno>

#include <libasync/io/memory_guard.hpp>

namespace async::inline v0::io::uring {

io_uring_sqe* uring_engine::next_entry(std::uint64_t data) noexcept {
    io_uring_sqe* sqe = ring_.next_entry(data);
    if (sqe) ++in_flight_;
    count_queued();
    return sqe;
}

io_uring_sqe* uring_engine::arm(uring_socket& s, standing_request& request, tag t) noexcept {
    io_uring_sqe* sqe = next_entry(user_data(t, s));
    if (!sqe) {
        starve(s);
        return nullptr;
    }
    request.armed = true;
    ++s.in_flight;
    return sqe;
}

void uring_engine::stop(uring_socket& s, standing_request& request, tag t) noexcept {
    if (!request.armed || request.stop_sent) return;
    request.stopping = true;
    request.stop_sent = send_cancel(user_data(t, s));
    if (request.stop_sent) {
        ++s.in_flight;
    } else {
        starve(s);
    }
}

void uring_engine::submit(operation& op) noexcept {
    if (io_uring_sqe* sqe = next_entry(user_data(op))) {
        prepare(op, *sqe);
        memory_guard::hold(memory_guard::holder::kernel, op);
        op.phase = submitted;
        return;
    }
    op.phase = unsubmitted;
    unsubmitted_.push_back(op);
    starve();
}

void uring_engine::prepare(operation& op, io_uring_sqe& sqe) noexcept {
    switch (op.kind) {
        case op_kind::send: return prepare_send(static_cast<send_op&>(op), sqe);
        case op_kind::connect: return prepare_connect(static_cast<connect_op&>(op), sqe);
        case op_kind::wait:
        case op_kind::wait_handle: return prepare_wait(static_cast<wait_op&>(op), sqe);
        default: return prepare_file(op, sqe);
    }
}

bool uring_engine::send_cancel(std::uint64_t target) noexcept {
    io_uring_sqe* sqe = next_entry(target | cancel_bit);
    if (!sqe) return false;
    io_uring_prep_cancel64(sqe, target, 0);
    return true;
}

// Ends an operation that is in the kernel, or on its way there.
void uring_engine::cancel_request_of(operation& op) noexcept {
    // A close cannot be undone, and one that is cancelled would leave the descriptor open.
    if (op.kind == op_kind::close_file || op.phase == cancelling) return;
    op.cancel_requested = true;
    if (op.phase == unsubmitted) {
        detach(op);
        finish(op, error_cancelled);
        return;
    }
    op.phase = cancelling;
    if (send_cancel(user_data(op))) {
        cancelling_.push_back(op);
    } else {
        uncancelled_.push_back(op);
        starve();
    }
}

// The engine's own requests are stopped when it shuts down.

void uring_engine::stop_own(standing_request& request, std::uint64_t data) noexcept {
    if (!request.armed || request.stop_sent) return;
    request.stop_sent = send_cancel(data);
    if (!request.stop_sent) starve();
}

void uring_engine::on_cancel_own(standing_request& request, std::uint64_t data, bool missed) noexcept {
    if (!missed) return;
    request.stop_sent = false;
    if (shutting_down_) stop_own(request, data);
}

standing_request& uring_engine::request_of(uring_socket& s, tag t) noexcept {
    if (t == tag::accept) return static_cast<uring_listener&>(s).accept;
    return t == tag::receive ? static_cast<uring_stream&>(s).receive : static_cast<uring_stream&>(s).poll;
}

// The kernel does not find a request that is between two attempts of its own: then it has to be told again.
void uring_engine::on_cancel(std::uint64_t target, int result) noexcept {
    const tag t = tag_of(target);
    const bool missed = result == -ENOENT;
    if (t == tag::operation) {
        if (missed) cancel_again(operation_of(target));
        return;
    }
    if (t == tag::wake) return on_cancel_own(wake_poll_, wake_data, missed);
    if (t == tag::tick) return on_cancel_own(tick_, tick_data, missed);
    uring_socket& s = socket_of(target);
    standing_request& request = request_of(s, t);
    if (missed && request.stop_sent) {
        request.stop_sent = false;
        stop(s, request, t);
    }
    request_done(s);
}

// `target` may be gone; it is alive if it stands in the list. Files are not asked again: theirs end by
// themselves.
void uring_engine::cancel_again(const operation* target) noexcept {
    for (operation* op = cancelling_.first(); op; op = cancelling_.after(op)) {
        if (op != target) continue;
        if (!is_on_socket(*op) && op->kind != op_kind::wait_handle) return;
        op->unlink();
        op->phase = submitted;
        return cancel_request_of(*op);
    }
}

// The socket forgets the operation that is pending on it.
[[gnu::hot]] void uring_engine::detach(operation& op) noexcept {
    memory_guard::let_go(memory_guard::holder::engine, op);
    op.unlink_if_linked();
    op.run = nullptr;
    if (op.kind == op_kind::close) {
        static_cast<uring_socket*>(static_cast<close_op&>(op).target)->closer = nullptr;
    } else if (is_on_socket(op)) {
        auto& s = static_cast<uring_socket&>(io::socket_of(op));
        if (op.kind == op_kind::pause) {
            s.closer = nullptr;
        } else if (is_reading(op)) {
            s.reader = nullptr;
        } else {
            static_cast<uring_stream&>(s).writer = nullptr;
        }
    }
}

void uring_engine::starve() noexcept {
    starving_ = true;
    count_queued();
}

void uring_engine::starve(uring_socket& s) noexcept {
    s.starved = true;
    starve();
}

void uring_engine::serve_starved() noexcept {
    starving_ = false;
    if (shutting_down_) {
        stop_own(wake_poll_, wake_data);
        stop_own(tick_, tick_data);
    } else {
        if (!wake_poll_.armed) arm_wake();
        if (!doubted_.empty() && !tick_.armed) arm_tick();
    }
    detail::list<operation> operations;
    operations.splice_back(unsubmitted_);
    while (!operations.empty()) submit(*operations.pop_front());
    operations.splice_back(uncancelled_);
    while (!operations.empty()) {
        operation& op = *operations.pop_front();
        op.phase = submitted;
        cancel_request_of(op);
    }
    for (uring_socket* s = sockets_.first(); s; s = sockets_.after(s)) {
        if (s->starved) serve_starved(*s);
    }
    count_queued();
}

void uring_engine::serve_starved(uring_socket& s) noexcept {
    s.starved = false;
    if (s.role == socket_role::listener) {
        auto& l = static_cast<uring_listener&>(s);
        if (l.accept.stopping) stop(l, l.accept, tag::accept);
        if (l.reader && !l.accept.armed) arm_accept(l);
        return;
    }
    auto& stream = static_cast<uring_stream&>(s);
    if (stream.receive.stopping) stop(stream, stream.receive, tag::receive);
    if (stream.poll.stopping) stop(stream, stream.poll, tag::poll);
    if (stream.reader) await_data(stream);
}

// Cancelling.

void uring_engine::cancel(operation& op) noexcept {
    if (op.state != op_state::pending || op.kind == op_kind::close) return;
    if (is_reading(op) || op.kind == op_kind::pause) {  // what is armed stays so, and nothing is lost
        detach(op);
        finish(op, error_cancelled);
    } else if (runs_in_pool(op.kind)) {
        op.cancel_requested = true;
        cancel_in_pool(op);
    } else {
        cancel_request_of(op);
    }
}

void uring_engine::cancel_and_wait(operation& op) noexcept {
    if (op.state != op_state::pending) return op.unlink_if_linked();
    if (runs_in_pool(op.kind)) {
        wait_for_pool(op);
    } else if (op.kind == op_kind::close || op.kind == op_kind::pause || is_reading(op)) {
        detach(op);
        op.error = error_cancelled;
    } else {
        cancel_request_of(op);
        wait_for_kernel(op);
    }
    op.state = op_state::done;
}

// Other completions are only recorded.
void uring_engine::wait_for_kernel(operation& op) noexcept {
    constexpr __kernel_timespec patience{0, 10'000'000};
    if (op.state == op_state::pending) ring_.submit_and_collect();
    drain();
    for (bool again = false; op.state == op_state::pending; again = true) {
        if (starving_) serve_starved();
        if (again && op.kind != op_kind::close_file) send_cancel(user_data(op));  // the first may have missed it
        ring_.submit_and_wait(&patience);
        drain();
    }
    op.unlink_if_linked();
}

}  // namespace async::inline v0::io::uring
