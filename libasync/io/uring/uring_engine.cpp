#include <libasync/io/uring/uring_engine.hpp>

#include <cerrno>
#include <climits>
#include <string>

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <libasync/io/fault_knobs.hpp>
#include <libasync/io/memory_guard.hpp>
#include <libasync/io/native_socket.hpp>

namespace async::inline v0::io::uring {

static_assert(alignof(operation) >= 8 && alignof(uring_stream) >= 8 && alignof(uring_listener) >= 8,
              "three low bits of a pointer are free for the tag");

event_descriptor::event_descriptor() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (fd_ < 0) throw refusal("eventfd", errno);
}

event_descriptor::~event_descriptor() { ::close(fd_); }

void event_descriptor::signal() noexcept {
    const int saved = errno;
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(fd_, &one, sizeof one);
    errno = saved;
}

void event_descriptor::clear() noexcept {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(fd_, &count, sizeof count);
}

namespace {

provided_buffers* make_buffers(const features& enabled, io_uring& ring, const engine_settings& settings) {
    if (!enabled.buffer_ring) return nullptr;
    try {
        const std::uint32_t count = faults::replaced(settings.receive_buffers, &faults::knobs::receive_buffers);
        return new provided_buffers(ring, count, settings.receive_buffer_size);
    } catch (const refusal&) {
        return nullptr;
    }
}

}  // namespace

uring_engine::uring_engine(const engine_settings& settings)
    : features_(enabled_features()),
      ring_(features_),
      buffers_(make_buffers(features_, ring_.native(), settings)),
      hot_(new hot_pool) {
    news_.tail = ring_.completion_tail();
    news_.seen = ring_.head();
    news_.flags = ring_.submission_flags();
    news_.flag_mask = ring::work_flags;
    pool_threads_ = settings.pool_threads;
    arm_wake();
}

uring_engine::~uring_engine() {
    shut_down();
    stop_pool();
}

socket_ptr uring_engine::adopt(native_handle handle, socket_role role) {
    uring_socket* s = nullptr;
    try {
        if (role == socket_role::listener) {
            s = new uring_listener;
        } else {
            s = new uring_stream(role);
        }
    } catch (...) {
        close_socket(handle);
        throw;
    }
    // A request on a descriptor in non-blocking mode may fail where it should wait; a pipe knows no other mode to look.
    set_non_blocking(handle, role == socket_role::pipe ? blocking::no : blocking::yes);
    s->owner = this;
    s->handle = handle;
    sockets_.push_back(*s);
    return socket_ptr(s);
}

[[gnu::hot]] bool uring_engine::start(operation& op) noexcept {
    const bool done = start_now(op);
    if (!done) memory_guard::hold(memory_guard::holder::engine, op);
    return done;
}

[[gnu::hot]] bool uring_engine::start_now(operation& op) noexcept {
    switch (op.kind) {
        case op_kind::accept: return start_accept(static_cast<accept_op&>(op));
        case op_kind::connect: return start_connect(static_cast<connect_op&>(op));
        case op_kind::receive:
            return start_receive(op, *static_cast<uring_stream*>(static_cast<receive_op&>(op).source));
        case op_kind::receive_chunk:
            return start_receive(op, *static_cast<uring_stream*>(static_cast<receive_chunk_op&>(op).source));
        case op_kind::wait:
        case op_kind::wait_handle: return start_wait(static_cast<wait_op&>(op));
        case op_kind::pause: return start_pause(static_cast<pause_op&>(op));
        case op_kind::send: return start_send(static_cast<send_op&>(op));
        case op_kind::shut_down: return start_shut_down(static_cast<shut_down_op&>(op));
        case op_kind::close: return start_close(static_cast<close_op&>(op));
        default: return start_file(op);
    }
}

// Outcomes.

bool uring_engine::refuse(operation& op, errc why) noexcept {
    op.fail(why);
    return done_in_place(op);
}

[[gnu::hot]] bool uring_engine::done_in_place(operation& op) noexcept {
    op.state = op_state::done;
    return true;
}

[[gnu::hot]] void uring_engine::finish(operation& op, int error) noexcept {
    memory_guard::let_go(memory_guard::holder::engine, op);
    op.unlink_if_linked();
    op.run = nullptr;
    op.phase = none;
    op.error = error;
    complete(op);
}

void uring_engine::finish_closed(operation& op) noexcept { finish(op, -static_cast<int>(errc::closed)); }

// Visits.

[[gnu::hot]] void uring_engine::visit(time_point deadline) noexcept {
    ring_.check_process();
    memory_guard::check();
    if (watch_event_) watch_event_->clear();
    if (starving_) serve_starved();
    enter_until(deadline);
    crowd_ = ring_.available();
    drain();
    collect_posts();
    if (buffers_) buffers_->collect();
    hot_->collect();
    if (watch_event_ && !begin_wait()) wake();
}

namespace {

// The time left, or false if there is none. `timeout` stays null if there is no deadline.
bool time_left(time_point deadline, __kernel_timespec& storage, const __kernel_timespec*& timeout) noexcept {
    timeout = nullptr;
    if (deadline == time_point::max()) return true;
    if (deadline <= time_point{}) return false;
    const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    storage = {left.count() / 1'000'000'000, left.count() % 1'000'000'000};
    timeout = &storage;
    return true;
}

}  // namespace

[[gnu::hot]] void uring_engine::enter_until(time_point deadline) noexcept {
    __kernel_timespec storage;
    const __kernel_timespec* timeout = nullptr;
    const bool nothing_yet = completed.empty() && !ring_.has_completions() && !ring_.has_work_inside();
    if (nothing_yet && time_left(deadline, storage, timeout)) {
        const bool may_wait = begin_wait();
        if (may_wait) ring_.submit_and_wait(timeout);
        end_wait();
        if (may_wait) return;
    }
    if (ring_.queued() != 0 || ring_.has_work_inside()) ring_.submit_and_collect();
}

[[gnu::hot]] void uring_engine::drain() noexcept {
    ring_.drain([this](const completion& c) { dispatch(c); });
    news_.seen = ring_.head();
    count_queued();
}

[[gnu::hot]] void uring_engine::dispatch(const completion& c) noexcept {
    if (c.last()) --in_flight_;
    if ((c.user_data & cancel_bit) != 0) return on_cancel(c.user_data & ~cancel_bit, c.result);
    switch (tag_of(c.user_data)) {
        case tag::operation: return on_operation(*operation_of(c.user_data), c.result);
        case tag::receive: return on_receive(static_cast<uring_stream&>(socket_of(c.user_data)), c);
        case tag::poll: return on_poll(static_cast<uring_stream&>(socket_of(c.user_data)), c);
        case tag::accept: return on_accept(static_cast<uring_listener&>(socket_of(c.user_data)), c);
        case tag::wake: return on_wake(c);
        case tag::tick: return on_tick();
    }
}

void uring_engine::on_operation(operation& op, int result) noexcept {
    memory_guard::let_go(memory_guard::holder::kernel, op);
    op.unlink_if_linked();
    switch (op.kind) {
        case op_kind::send: return on_send(static_cast<send_op&>(op), result);
        case op_kind::connect: return on_connect(static_cast<connect_op&>(op), result);
        case op_kind::wait:
        case op_kind::wait_handle: return on_wait(static_cast<wait_op&>(op), result);
        default: return on_file(op, result);
    }
}

// The wake-up: with a multishot poll nobody ever reads the descriptor.

void uring_engine::wake() noexcept {
    wake_event_.signal();
    // The kernel passes that on to a watched descriptor too, but late: not before the signalling of the first ends.
    if (event_descriptor* watched = watched_.load(std::memory_order_acquire)) watched->signal();
}

void uring_engine::arm_wake() noexcept {
    io_uring_sqe* sqe = next_entry(wake_data);
    if (!sqe) return starve();
    if (features_.multishot_poll) {
        io_uring_prep_poll_multishot(sqe, wake_event_.get(), POLLIN);
    } else {
        io_uring_prep_poll_add(sqe, wake_event_.get(), POLLIN);
    }
    wake_poll_.armed = true;
}

void uring_engine::on_wake(const completion& c) noexcept {
    if (!c.last()) {
        if (faults::happens(&faults::knobs::stops)) stop_own(wake_poll_, wake_data);
        return;
    }
    wake_poll_ = {};
    if (shutting_down_) return;
    wake_event_.clear();
    arm_wake();
}

native_handle uring_engine::wait_handle() {
    if (!watch_event_) {
        // The ring's own descriptor is no good: with deferred work it does not wake who polls it.
        auto event = std::make_unique<event_descriptor>();
        const int fd = event->get();
        const int result = io_uring_register_eventfd(&ring_.native(), fd);
        if (result < 0) throw std::system_error(-result, std::generic_category(), "wait_handle");
        watch_event_ = std::move(event);
        watched_.store(watch_event_.get(), std::memory_order_release);
        wake();  // what was there before is seen too
    }
    return watch_event_->get();
}

engine_statistics uring_engine::statistics() const noexcept {
    return {ring_.enters(), ring_.submissions(), ring_.completions(), buffers_exhausted_, vain_reads_};
}

}  // namespace async::inline v0::io::uring

namespace async::inline v0::io {

std::unique_ptr<engine> make_uring_engine(const engine_settings& settings, std::string& why) {
    faults::active();
    try {
        return std::make_unique<uring::uring_engine>(settings);
    } catch (const std::bad_alloc&) {
        throw;
    } catch (const std::exception& e) {
        why = e.what();
        return nullptr;
    }
}

}  // namespace async::inline v0::io
