#include <libasync/io/asio/asio_engine.hpp>

#include <cerrno>
#include <exception>
#include <new>
#include <string>
#include <system_error>

#include <libasync/io/asio/wait_handler.hpp>
#include <libasync/io/fault_knobs.hpp>
#include <libasync/io/memory_guard.hpp>
#include <libasync/io/native_socket.hpp>

namespace async::inline v0::io {

namespace {

// Where waking takes no lock of Asio's, one thread alone uses the context.
#ifdef _WIN32
constexpr int concurrency = 1;
#else
constexpr int concurrency = BOOST_ASIO_CONCURRENCY_HINT_UNSAFE;
#endif

constexpr int closed = -static_cast<int>(errc::closed);

struct place {
    asio_socket& s;
    asio_direction& d;
};

place place_of(operation& op) noexcept {
    auto& s = static_cast<asio_socket&>(socket_of(op));
    return {s, is_reading(op) ? s.reading : s.writing};
}

bool is_read(const operation& op) noexcept { return op.kind == op_kind::receive || op.kind == op_kind::receive_chunk; }

}  // namespace

asio_engine::asio_engine(const engine_settings& settings) : context_(concurrency), chunks_(new hot_pool) {
    pool_threads_ = settings.pool_threads;
}

asio_engine::~asio_engine() { shut_down(); }

socket_ptr asio_engine::adopt(native_handle handle, socket_role role) {
    std::unique_ptr<asio_socket> s;
    try {
        s = std::make_unique<asio_socket>(role);
    } catch (...) {
        close_socket(handle);
        throw;
    }
    if (const int error = attach(*s, handle)) throw std::system_error(error, std::generic_category(), "adopt");
    add(*s);
    return socket_ptr(s.release());
}

void asio_engine::add(asio_socket& s) noexcept {
    s.owner = this;
    sockets_.push_back(s);
}

bool asio_engine::start(operation& op) noexcept {
    if (is_on_socket(op) && op.kind != op_kind::pause) return start_on_socket(op);
    switch (op.kind) {
        case op_kind::pause: pause(static_cast<pause_op&>(op)); break;
        case op_kind::wait_handle:
            if (start_foreign_wait(static_cast<wait_op&>(op))) break;
            memory_guard::hold(memory_guard::holder::engine, op);
            return false;
        case op_kind::shut_down: shut_down_writing(static_cast<shut_down_op&>(op)); break;
        case op_kind::close: close(static_cast<asio_socket&>(*static_cast<close_op&>(op).target)); break;
        default: return start_in_pool(op);
    }
    op.state = op_state::done;
    ++statistics_.completions;
    return true;
}

bool asio_engine::start_on_socket(operation& op) noexcept {
    auto [s, d] = place_of(op);
    if (!s.open()) {
        op.fail(errc::closed);
    } else if (d.waiter) {
        op.fail(errc::busy);
    } else if (!proceed(op, s, d)) {
        op.state = op_state::pending;
        d.waiter = &op;
        memory_guard::hold(memory_guard::holder::engine, op);
        return false;
    }
    op.state = op_state::done;
    ++statistics_.completions;
    return true;
}

// True if the operation has ended. The system tells of a reset once, and of a mere end from then on: the error stays.
bool asio_engine::proceed(operation& op, asio_socket& s, asio_direction& d) noexcept {
    if (op.kind == op_kind::receive && static_cast<receive_op&>(op).size == 0) return true;
    if (op.kind == op_kind::wait && is_reading(op) && s.read_error != 0) return true;
    if (!is_read(op)) return try_or_wait(op, s, d);
    if (s.read_error != 0) {
        op.error = s.read_error;
        return true;
    }
    if (!try_or_wait(op, s, d)) return false;
    if (op.error != ENOMEM) s.read_error = op.error;
    return true;
}

// Tries, and sees to it that a wait is armed where that was in vain.
bool asio_engine::try_or_wait(operation& op, asio_socket& s, asio_direction& d) noexcept {
    const bool opens = op.kind == op_kind::accept || op.kind == op_kind::connect;
    const bool waits = op.kind == op_kind::wait;
    if ((d.ready || opens || waits) && attempt(op, s)) {
        if (waits) return true;
        // A system may tell a reset once: to the wait, and then the call finds a mere end.
        if (!opens && op.result == 0 && op.error == 0) op.error = d.error;
        d.error = 0;
        return true;
    }
    d.ready = false;
    if (d.error == 0 && !d.armed) d.error = arm(s, d, op);
    op.error = std::exchange(d.error, 0);
    return op.error != 0;
}

// In the loop's step: a wait has ended, and its operation still waits.
bool asio_engine::run_waiter(detail::ready_node* node) noexcept {
    auto& op = *static_cast<operation*>(node);
    auto [s, d] = place_of(op);
    auto& engine = *static_cast<asio_engine*>(s.owner);
    if (!engine.proceed(op, s, d)) return false;
    memory_guard::let_go(memory_guard::holder::engine, op);
    d.waiter = nullptr;
    op.run = nullptr;
    op.state = op_state::done;
    ++engine.statistics_.completions;
    return true;
}

void asio_engine::on_ready(asio_socket& s, asio_direction& d, int error) noexcept {
    --armed_waits_;
    d.armed = false;
    d.ready = true;
    d.error = error;
    if (s.released && !s.has_waits()) {
        s.unlink();
        delete &s;
    } else if (d.waiter) {
        d.waiter->run = &run_waiter;
        completed.push_back(*d.waiter);
    }
}

int asio_engine::arm(asio_socket& s, asio_direction& d, operation& op) noexcept {
    try {
        start_wait(s, d, op);
    } catch (const std::bad_alloc&) {
        return ENOMEM;
    } catch (const boost::system::system_error& e) {
        return to_errno(e.code());
    } catch (...) {
        return EIO;
    }
    d.armed = true;
    ++armed_waits_;
    ++statistics_.submissions;
    return 0;
}

// Ends a pending operation in place; its wait stays armed.
void asio_engine::forget(operation& op, int error) noexcept {
    memory_guard::let_go(memory_guard::holder::engine, op);
    place_of(op).d.waiter = nullptr;
    op.run = nullptr;
    op.error = error;
    op.state = op_state::done;
    ++statistics_.completions;
}

// It may stand in a ready queue already, as one that was to try again.
void asio_engine::finish(operation& op, int error) noexcept {
    forget(op, error);
    if (!op.linked()) completed.push_back(op);
}

void asio_engine::cancel(operation& op) noexcept {
    if (op.state != op_state::pending) return;
    if (op.kind == op_kind::wait_handle) {
        forget_foreign_wait(static_cast<wait_op&>(op));
        return finish_foreign(op, error_cancelled);
    }
    if (!is_on_socket(op)) return cancel_in_pool(op);
    finish(op, error_cancelled);
    if (op.kind == op_kind::connect) close(place_of(op).s);
}

void asio_engine::cancel_and_wait(operation& op) noexcept {
    if (op.kind == op_kind::wait_handle) {
        if (op.state == op_state::pending) {
            forget_foreign_wait(static_cast<wait_op&>(op));
            memory_guard::let_go(memory_guard::holder::engine, op);
            op.state = op_state::done;
        }
        return op.unlink_if_linked();
    }
    if (!is_on_socket(op)) return wait_for_pool(op);
    if (op.state == op_state::pending) {
        forget(op, error_cancelled);
        if (op.kind == op_kind::connect) close(place_of(op).s);
    }
    op.unlink_if_linked();
}

void asio_engine::finish_foreign(operation& op, int error) noexcept {
    memory_guard::let_go(memory_guard::holder::engine, op);
    op.error = error;
    ++statistics_.completions;
    complete(op);
}

void asio_engine::pause(pause_op& op) noexcept {
    auto& s = static_cast<asio_socket&>(*op.target);
    if (!s.open()) {
        op.fail(errc::closed);
    } else if (s.reading.waiter || s.writing.waiter) {
        op.fail(errc::busy);
    }
}

native_handle asio_engine::give_away(socket& given) noexcept {
    auto& s = static_cast<asio_socket&>(given);
    const native_handle handle = std::exchange(s.handle, invalid_handle);
    return part_from(s) ? handle : invalid_handle;
}

bool asio_engine::is_sending(const socket& s) const noexcept {
    return static_cast<const asio_socket&>(s).writing.waiter != nullptr;
}

bool asio_engine::is_ready(const wait_op& op) const noexcept {
    if (op.kind == op_kind::wait_handle) return is_ready_now(op.handle, op.what);
    const auto& s = static_cast<const asio_socket&>(*op.target);
    const asio_direction& d = op.what == readiness::readable ? s.reading : s.writing;
    return s.open() && !d.waiter && is_ready_now(s.handle, op.what);
}

bool asio_engine::attempt_wait(const wait_op& op, const asio_socket& s) noexcept {
    return is_ready_now(s.handle, op.what);
}

void asio_engine::close(asio_socket& s) noexcept {
    if (!s.open()) return;
    if (s.reading.waiter) finish(*s.reading.waiter, closed);
    if (s.writing.waiter) finish(*s.writing.waiter, closed);
    s.handle = invalid_handle;
    detach(s);
}

void asio_engine::shut_down_writing(shut_down_op& op) noexcept {
    auto& s = static_cast<asio_socket&>(*op.target);
    if (!s.open()) {
        op.fail(errc::closed);
    } else if (s.writing.waiter) {
        op.fail(errc::busy);
    } else {
        op.error = shut_down_writes(s.handle);
    }
}

void asio_engine::release(socket& released) noexcept {
    auto& s = static_cast<asio_socket&>(released);
    close(s);
    s.released = true;
    if (s.has_waits()) return;
    s.unlink();
    delete &s;
}

void asio_engine::shut_down() noexcept {
    stop_pool();
    for (asio_socket* s = sockets_.first(); s; s = sockets_.after(s)) close(*s);
    // The waits of closed sockets end at once.
    while (armed_waits_ != 0) {
        restart_if_stopped();
        run_handlers([this] { return context_.run_one(); });
    }
    while (!sockets_.empty()) sockets_.pop_front()->owner = nullptr;
}

// Without memory Asio may throw between the end of a wait and the call of its handler, which it destroys then.
template <class Run>
std::size_t asio_engine::run_handlers(Run run) noexcept {
    try {
        return run();
    } catch (...) {
        end_lost_waits();
        return 1;
    }
}

std::size_t asio_engine::poll() noexcept {
    return run_handlers([this] { return context_.poll(); });
}

void asio_engine::end_lost_waits() noexcept {
    for (asio_socket* s = sockets_.first(); s;) {
        asio_socket& current = *std::exchange(s, sockets_.after(s));
        const bool reading = current.reading.lost();
        const bool writing = current.writing.lost();
        if (reading) on_ready(current, current.reading, ENOMEM);
        if (writing) on_ready(current, current.writing, ENOMEM);
    }
    end_lost_foreign_waits();
}

void asio_engine::restart_if_stopped() {
    if (context_.stopped()) context_.restart();
}

void asio_engine::visit(time_point deadline) noexcept {
    ++statistics_.enters;
    memory_guard::check();
    restart_if_stopped();
    if (completed.empty() && deadline > time_point{}) {
        if (begin_wait()) {
            wait_until(deadline);
        } else {
            poll();
        }
        end_wait();
    } else {
        poll();
    }
    collect_posts();
    chunks_->collect();
}

// Asio runs one handler after a wait. Whether more stand in its queue only a poll can tell, and that asks the
// system again: in vain where one connection alone is busy, so it is left out while it was in vain lately.
void asio_engine::wait_until(time_point deadline) noexcept {
    const std::size_t ran = run_handlers([&] {
        return deadline == time_point::max() ? context_.run_one() : context_.run_one_until(deadline);
    });
    restart_if_stopped();
    if (ran == 0) {
        poll();  // run_one_until does not even look when its deadline has passed already
        return;
    }
    if (vain_polls_ >= 4 && ++skipped_polls_ % 16 != 0) return;
    vain_polls_ = poll() == 0 ? vain_polls_ + 1 : 0;
}

native_handle asio_engine::wait_handle() {
    throw std::system_error(std::make_error_code(std::errc::function_not_supported), "wait_handle");
}

// The calls.

bool asio_engine::attempt(operation& op, asio_socket& s) noexcept {
    switch (op.kind) {
        case op_kind::accept:
            if (faults::happens(&faults::knobs::accept_errors)) {
                op.error = EMFILE;
                return true;
            }
            return attempt_accept(static_cast<accept_op&>(op), s);
        case op_kind::connect: return attempt_connect(static_cast<connect_op&>(op), s);
        case op_kind::wait: return attempt_wait(static_cast<wait_op&>(op), s);
        case op_kind::receive: return attempt_receive(static_cast<receive_op&>(op), s);
        case op_kind::receive_chunk: return attempt_receive_chunk(static_cast<receive_chunk_op&>(op), s);
        default: return attempt_send(static_cast<send_op&>(op), s);
    }
}

namespace {

// A call that filled its buffer, found the end or failed may be repeated at once; after a short one there is
// nothing left. After a fault the wait that is armed anew finds what is there still.
bool receive_into(void* data, std::size_t size, operation& op, asio_socket& s, engine_statistics& counted) noexcept {
    if (faults::happens(&faults::knobs::read_blocks)) {
        ++counted.vain_reads;
        return false;
    }
    size = faults::cut(size, &faults::knobs::read_max);
    const bool cut_short = faults::happens(&faults::knobs::short_reads);
    const transfer_result r = receive_now(s.role, s.handle, data, cut_short ? 1 : size);
    if (would_block(r.error)) {
        ++counted.vain_reads;
        return false;
    }
    op.error = r.error;
    op.result = static_cast<std::int64_t>(r.bytes);
    s.reading.ready = r.bytes == 0 || r.bytes == size;
    return true;
}

}  // namespace

bool asio_engine::attempt_receive(receive_op& op, asio_socket& s) noexcept {
    return receive_into(op.data, op.size, op, s, statistics_);
}

bool asio_engine::attempt_receive_chunk(receive_chunk_op& op, asio_socket& s) noexcept {
    std::byte* buffer = chunks_->peek();
    if (!buffer) {
        op.error = ENOMEM;
        return true;
    }
    if (!receive_into(buffer, hot_pool::buffer_size, op, s, statistics_)) return false;
    if (op.result != 0) op.received = chunks_->take(static_cast<std::uint32_t>(op.result));
    return true;
}

bool asio_engine::attempt_send(send_op& op, asio_socket& s) noexcept {
    advance(op.buffers, op.count, 0);
    while (op.count != 0) {
        if (faults::happens(&faults::knobs::write_blocks)) return false;
        const transfer_result r = faults::send_now(s.role, s.handle, op.buffers, op.count);
        if (would_block(r.error)) return false;
        op.error = r.error;
        if (r.error != 0) return true;
        op.result += static_cast<std::int64_t>(r.bytes);
        advance(op.buffers, op.count, r.bytes);
    }
    return true;
}

std::unique_ptr<engine> make_asio_engine(const engine_settings& settings, std::string& why) {
    faults::active();
    try {
        return std::make_unique<asio_engine>(settings);
    } catch (const std::bad_alloc&) {
        throw;
    } catch (const std::exception& e) {
        why = e.what();
        return nullptr;
    }
}

}  // namespace async::inline v0::io
