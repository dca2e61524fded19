// The operations on sockets, and the phases that an operation passes through.
#include <cerrno>
#include <cstring>

#include <libasync/io/native_socket.hpp>
#include <libasync/io/sim/sim_engine.hpp>

namespace async::inline v0::io {

namespace {

using namespace std::chrono_literals;
using sim::event_kind;
using sim::fault;

enum phase : std::uint8_t {
    none,
    not_taken_over,  // the world does not know of it yet
    recorded,        // the outcome is there, and told later
};

struct place {
    sim_socket& s;
    sim_direction& d;
};

place place_of(operation& op) noexcept {
    auto& s = static_cast<sim_socket&>(socket_of(op));
    return {s, is_reading(op) ? s.reading : s.writing};
}

bool ends_the_connection(int error) noexcept { return error == ECONNRESET || error == EPIPE || error == ETIMEDOUT; }

std::uint64_t outcome_of(const operation& op) noexcept {
    return static_cast<std::uint64_t>(op.result) << 16 | (static_cast<std::uint64_t>(op.error) & 0xFFFF);
}

}  // namespace

void sim_socket::readable() noexcept { static_cast<sim_engine*>(owner)->proceed(*this, reading); }
void sim_socket::writable() noexcept { static_cast<sim_engine*>(owner)->proceed(*this, writing); }

bool sim_engine::start(operation& op) noexcept {
    const detail::unfailing no_failures;
    ++statistics_.submissions;
    world_->events.note(event_kind::start, static_cast<std::uint64_t>(op.kind));
    if (is_on_socket(op) && op.kind != op_kind::pause) return start_on_socket(op);
    switch (op.kind) {
        case op_kind::wait_handle:
            if (!start_foreign_wait(static_cast<wait_op&>(op))) return false;
            break;
        case op_kind::pause: pause(static_cast<pause_op&>(op)); break;
        case op_kind::shut_down: shut_down_writing(static_cast<shut_down_op&>(op)); break;
        case op_kind::close: close(static_cast<sim_socket&>(*static_cast<close_op&>(op).target)); break;
        case op_kind::work: return start_work(op);
        default: return start_on_file(op);
    }
    return done_at_once(op);
}

// Mostly it is; where completions come late it may be told later.
bool sim_engine::done_at_once(operation& op) noexcept {
    if (world_->strikes(fault::late_completion)) {
        op.state = op_state::pending;
        tell_later(op);
        return false;
    }
    op.state = op_state::done;
    ++statistics_.completions;
    world_->events.note(event_kind::finish, static_cast<std::uint64_t>(op.kind), outcome_of(op));
    return true;
}

bool sim_engine::start_on_socket(operation& op) noexcept {
    auto [s, d] = place_of(op);
    if (!s.open()) {
        op.fail(errc::closed);
        return done_at_once(op);
    }
    if (d.waiter) {
        op.fail(errc::busy);
        op.state = op_state::done;
        return true;
    }
    const bool multishot = op.kind == op_kind::accept || op.kind == op_kind::receive_chunk;
    const bool armed = !(multishot && world_->strikes(fault::read_ahead_stops));
    if (!armed || world_->strikes(fault::late_start)) {
        wait_for_object(op, d);
        op.phase = not_taken_over;
        set_timer(op, world_->delay(1us, 5ms), [this, &op, &s = s, &d = d] {
            op.phase = none;
            proceed(s, d);
        });
        return false;
    }
    d.trying = true;
    const bool done = attempt(op, s);
    d.trying = false;
    if (!done) {
        wait_for_object(op, d);
        return false;
    }
    if (op.kind != op_kind::connect) return done_at_once(op);
    // A connection is never there at once, however near.
    op.state = op_state::pending;
    op.phase = recorded;
    set_timer(op, 0ns, [this, &op] { tell(op); });
    return false;
}

void sim_engine::wait_for_object(operation& op, sim_direction& d) noexcept {
    op.state = op_state::pending;
    op.phase = none;
    d.waiter = &op;
    scribble(op, 0xCA);
}

// Shows who reads a buffer before the operation is done, or uses it for something else.
void sim_engine::scribble(operation& op, unsigned char pattern) noexcept {
    constexpr std::size_t most = 4096;
    if (op.kind != op_kind::receive) return;
    auto& receive = static_cast<receive_op&>(op);
    std::memset(receive.data, pattern, std::min(receive.size, most));
}

void sim_engine::proceed(sim_socket& s, sim_direction& d) noexcept {
    operation* op = d.waiter;
    if (op == nullptr || d.trying || op->phase == not_taken_over) return;
    d.trying = true;
    const bool done = attempt(*op, s);
    d.trying = false;
    if (!done) return;
    d.waiter = nullptr;
    forget_timer(*op);
    if (world_->strikes(fault::late_completion)) {
        tell_later(*op);
    } else {
        tell(*op);
    }
}

void sim_engine::set_timer(operation& op, std::chrono::nanoseconds delay, unique_function<void()> action) noexcept {
    timers_[&op] = world_->after(delay, [this, &op, act = std::move(action)]() mutable {
        timers_.erase(&op);
        act();
    });
}

void sim_engine::forget_timer(operation& op) noexcept {
    const auto found = timers_.find(&op);
    if (found == timers_.end()) return;
    world_->forget(found->second);
    timers_.erase(found);
}

void sim_engine::tell_later(operation& op) noexcept {
    op.phase = recorded;
    set_timer(op, world_->delay(1us, 50ms), [this, &op] { tell(op); });
}

void sim_engine::tell(operation& op) noexcept {
    op.phase = none;
    ++statistics_.completions;
    world_->events.note(event_kind::finish, static_cast<std::uint64_t>(op.kind), outcome_of(op));
    complete(op);
}

// Cancellation.

void sim_engine::cancel(operation& op) noexcept {
    const detail::unfailing no_failures;
    if (op.state != op_state::pending) return;
    world_->events.note(event_kind::cancel, static_cast<std::uint64_t>(op.kind), op.phase);
    if (op.kind == op_kind::work) return cancel_work(op);
    if (op.kind == op_kind::wait_handle || op.kind == op_kind::pause) {
        if (op.phase == recorded) return;
        end_foreign_wait(static_cast<wait_op&>(op));
        op.error = error_cancelled;
        return tell(op);
    }
    if (!is_on_socket(op)) return cancel_on_file(op);
    if (op.phase == recorded) return;
    auto [s, d] = place_of(op);
    if (op.phase == none && world_->strikes(fault::completion_beats_cancel)) {
        scribble(op, 0xA5);
        set_timer(op, world_->delay(1us, 20ms), [this, &op] { end_cancelled(op); });
        return;
    }
    forget_timer(op);
    if (world_->strikes(fault::late_cancel)) {
        d.waiter = nullptr;
        op.error = error_cancelled;
        tell_later(op);
        if (op.kind == op_kind::connect) close(s);
        return;
    }
    end_cancelled(op);
}

void sim_engine::end_cancelled(operation& op) noexcept {
    auto [s, d] = place_of(op);
    d.waiter = nullptr;
    op.error = error_cancelled;
    tell(op);
    if (op.kind == op_kind::connect) close(s);
}

void sim_engine::cancel_and_wait(operation& op) noexcept {
    const detail::unfailing no_failures;
    if (op.kind == op_kind::work) return abandon_work(op);
    forget_timer(op);
    if (op.kind == op_kind::wait_handle) {
        end_foreign_wait(static_cast<wait_op&>(op));
    } else if (op.kind == op_kind::pause) {
        // there is nothing to take back
    } else if (is_on_socket(op) && op.state == op_state::pending) {
        auto [s, d] = place_of(op);
        if (d.waiter == &op) {
            d.waiter = nullptr;
        } else {
            give_back(op);
        }
        if (op.kind == op_kind::connect) close(s);
    } else if (op.state == op_state::pending) {
        abandon_on_file(op);
    }
    op.state = op_state::done;
    op.unlink_if_linked();
}

// Bytes that nobody was told of are still there for the next reader.
void sim_engine::give_back(operation& op) noexcept {
    if (op.error != 0) return;
    sim_socket& s = place_of(op).s;
    sim::connection* stream = s.stream();
    if (!s.open() || stream == nullptr) return;
    if (op.kind == op_kind::receive) {
        const auto& receive = static_cast<receive_op&>(op);
        stream->put_back(s.end->stream_side(), receive.data, static_cast<std::size_t>(op.result));
    } else if (op.kind == op_kind::receive_chunk) {
        const chunk& received = static_cast<receive_chunk_op&>(op).received;
        stream->put_back(s.end->stream_side(), received.data(), received.size());
    }
}

// The calls.

bool sim_engine::attempt(operation& op, sim_socket& s) noexcept {
    switch (op.kind) {
        case op_kind::accept: return attempt_accept(static_cast<accept_op&>(op), s);
        case op_kind::connect: return attempt_connect(static_cast<connect_op&>(op), s);
        case op_kind::receive: {
            auto& receive = static_cast<receive_op&>(op);
            return receive.size == 0 || attempt_receive(op, s, receive.data, receive.size);
        }
        case op_kind::receive_chunk: return attempt_receive_chunk(static_cast<receive_chunk_op&>(op), s);
        case op_kind::wait: {
            const bool reads = static_cast<wait_op&>(op).what == readiness::readable;
            return reads ? s.read_error != 0 || s.object->readable() : s.object->writable();
        }
        default: return attempt_send(static_cast<send_op&>(op), s);
    }
}

bool sim_engine::attempt_receive(operation& op, sim_socket& s, void* data, std::size_t size) noexcept {
    sim::connection* stream = s.stream();
    if (stream == nullptr) {
        op.error = ENOTCONN;
        return true;
    }
    const sim::side side = s.end->stream_side();
    if (s.read_error != 0) {
        op.error = s.read_error;
        return true;
    }
    if (!stream->readable(side)) return false;
    if (world_->strikes(fault::receive_error)) {
        op.error = world_->error_of(fault::receive_error);
        if (ends_the_connection(op.error)) stream->break_off(side, 0);
        return true;
    }
    if (world_->strikes(fault::short_read)) size = world_->shortened(std::min<std::size_t>(size, 16));
    const transfer_result r = stream->receive(side, data, size);
    for (const auto& o : stream->take_attached(side)) o->release();  // nobody asked for them
    op.error = s.read_error = r.error;
    op.result = static_cast<std::int64_t>(r.bytes);
    return true;
}

bool sim_engine::attempt_receive_chunk(receive_chunk_op& op, sim_socket& s) noexcept {
    std::byte* buffer = chunks_->peek();
    const std::size_t size = world_->strikes(fault::no_buffers) ? 1 : hot_pool::buffer_size;
    if (!attempt_receive(op, s, buffer, size)) return false;
    if (op.error == 0 && op.result != 0) op.received = chunks_->take(static_cast<std::uint32_t>(op.result));
    return true;
}

bool sim_engine::attempt_send(send_op& op, sim_socket& s) noexcept {
    sim::connection* stream = s.stream();
    if (stream == nullptr) {
        op.error = EPIPE;
        return true;
    }
    const sim::side side = s.end->stream_side();
    advance(op.buffers, op.count, 0);
    while (op.count != 0) {
        if (world_->strikes(fault::send_error)) {
            op.error = world_->error_of(fault::send_error);
            if (ends_the_connection(op.error)) stream->break_off(side, 0);
            return true;
        }
        const transfer_result r = stream->send(side, op.buffers, op.count);
        if (would_block(r.error)) return false;
        op.error = r.error;
        if (r.error != 0) return true;
        op.result += static_cast<std::int64_t>(r.bytes);
        advance(op.buffers, op.count, r.bytes);
    }
    return true;
}

bool sim_engine::attempt_accept(accept_op& op, sim_socket& s) noexcept {
    if (s.end == nullptr || !s.end->acceptable()) return false;
    if (world_->strikes(fault::accept_error)) {
        op.error = world_->error_of(fault::accept_error);
        return true;
    }
    if (world_->descriptors.full()) {
        op.error = EMFILE;
        return true;
    }
    const std::shared_ptr<sim::stream_object> accepted = s.end->accept(op.error);
    if (accepted) op.accepted = adopt(world_->descriptors.add(accepted), socket_role::stream);
    return true;
}

bool sim_engine::attempt_connect(connect_op& op, sim_socket& s) noexcept {
    if (world_->strikes(fault::connect_error)) {
        op.error = world_->error_of(fault::connect_error);
        return true;
    }
    op.error = s.end == nullptr ? EOPNOTSUPP : s.end->connect(op.to);
    if (op.error != EINPROGRESS) return true;
    op.error = 0;
    return false;
}

void sim_engine::pause(pause_op& op) noexcept {
    auto& s = static_cast<sim_socket&>(*op.target);
    if (!s.open()) {
        op.fail(errc::closed);
    } else if (s.reading.waiter || s.writing.waiter) {
        op.fail(errc::busy);
    }
}

foreign_wait::foreign_wait(sim_engine& e, wait_op& op, std::shared_ptr<sim::object> o) noexcept
    : op_(op),
      engine_(e),
      object_(std::move(o)) {
    object_->watch(this);
}

void foreign_wait::end() noexcept {
    wait_op& op = op_;
    sim_engine& engine = engine_;
    engine.end_foreign_wait(op);
    engine.tell(op);
}

void foreign_wait::readable() noexcept {
    if (op_.what == io::readiness::readable && object_->readable()) end();
}

void foreign_wait::writable() noexcept {
    if (op_.what == io::readiness::writable && object_->writable()) end();
}

// One may wait for an object at a time.
bool sim_engine::is_ready(const wait_op& op) const noexcept {
    const bool reads = op.what == readiness::readable;
    if (op.kind == op_kind::wait_handle) {
        const std::shared_ptr<sim::object> object = world_->descriptors.find(op.handle);
        return object && (reads ? object->readable() : object->writable());
    }
    const auto& s = static_cast<const sim_socket&>(*op.target);
    if (!s.open() || (reads ? s.reading : s.writing).waiter) return false;
    return reads ? s.object->readable() : s.object->writable();
}

bool sim_engine::start_foreign_wait(wait_op& op) noexcept {
    const std::shared_ptr<sim::object> object = world_->descriptors.find(op.handle);
    if (!object) {
        op.error = EBADF;
    } else if (op.what == readiness::readable ? object->readable() : object->writable()) {
        return true;
    } else if (object->watcher != nullptr) {
        op.fail(errc::busy);
    } else {
        op.state = op_state::pending;
        foreign_waits_.push_back(std::make_unique<foreign_wait>(*this, op, object));
        return false;
    }
    return true;
}

void sim_engine::end_foreign_wait(const wait_op& op) noexcept {
    std::erase_if(foreign_waits_, [&](const auto& w) { return &w->op() == &op; });
}

void sim_engine::shut_down_writing(shut_down_op& op) noexcept {
    auto& s = static_cast<sim_socket&>(*op.target);
    sim::connection* stream = s.stream();
    if (!s.open()) {
        op.fail(errc::closed);
    } else if (s.writing.waiter) {
        op.fail(errc::busy);
    } else {
        op.error = stream == nullptr ? ENOTCONN : stream->shut_down_writes(s.end->stream_side());
    }
}

}  // namespace async::inline v0::io
