// Accepting and connecting by readiness, as everything else.
#ifndef _WIN32

#include <cerrno>
#include <memory>
#include <new>

#include <fcntl.h>
#include <unistd.h>

#include <boost/asio/error.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include <libasync/io/asio/wait_handler.hpp>
#include <libasync/io/native_socket.hpp>

namespace async::inline v0::io {

int to_errno(const boost::system::error_code& error) noexcept { return error.value(); }

// For Asio a listener is a stream like any other; it reads addresses from neither.
int asio_engine::attach(asio_socket& s, native_handle handle) {
    boost::system::error_code error;
    try {
        s.stream.emplace(context_);
        s.stream->assign(boost::asio::ip::tcp::v4(), static_cast<int>(handle), error);
    } catch (...) {  // no memory, and the descriptor is not the stream's yet
        s.stream.reset();
        close_socket(handle);
        throw;
    }
    if (error) {
        close_socket(handle);
        return to_errno(error);
    }
    s.stream->native_non_blocking(true, error);
    if (!error) s.handle = handle;
    return to_errno(error);
}

void asio_engine::detach(asio_socket& s) noexcept {
    boost::system::error_code ignored;
    if (s.stream) s.stream->close(ignored);
    s.stream.reset();
}

// What was armed on it ends soon, with an error that nobody waits for.
bool asio_engine::part_from(asio_socket& s) noexcept {
    boost::system::error_code error;
    if (s.stream) s.stream->release(error);
    s.stream.reset();
    return !error;
}

// One may stand on the same file as another: each has a descriptor of its own.
struct asio_engine::foreign_wait : detail::list_node {
    foreign_wait(asio_engine& e, wait_op& o, int descriptor) : engine(e), op(&o), stream(e.context_, descriptor) {}

    // The handler of its wait is gone and was not called.
    bool lost() const noexcept { return slot.unused(); }

    // Ends the operation, if it still waits, and this.
    void end(const boost::system::error_code& error) noexcept {
        const std::unique_ptr<foreign_wait> ended(this);
        --engine.armed_waits_;
        unlink();
        // What epoll cannot watch, as a file, is always ready.
        const bool watched = error != boost::asio::error::operation_not_supported;
        if (!op) return;
        op->watch = nullptr;
        engine.finish_foreign(*op, watched ? to_errno(error) : 0);
    }

    asio_engine& engine;
    wait_op* op;  // null once it was cancelled
    handler_slot slot;
    boost::asio::posix::basic_stream_descriptor<asio_executor> stream;
};

struct asio_engine::foreign_handler {
    using allocator_type = slot_allocator<void>;

    foreign_wait* wait;

    allocator_type get_allocator() const noexcept { return allocator_type(wait->slot); }
    void operator()(const boost::system::error_code& error) const noexcept { wait->end(error); }
};

bool asio_engine::start_foreign_wait(wait_op& op) noexcept {
    const int descriptor = ::fcntl(static_cast<int>(op.handle), F_DUPFD_CLOEXEC, 0);
    if (descriptor < 0) {
        op.error = errno;
        return true;
    }
    std::unique_ptr<foreign_wait> wait;
    try {
        wait = std::make_unique<foreign_wait>(*this, op, descriptor);
    } catch (const std::bad_alloc&) {
        ::close(descriptor);
        op.error = ENOMEM;
        return true;
    } catch (const boost::system::system_error& e) {
        ::close(descriptor);
        op.error = to_errno(e.code());
        return true;
    }
    const auto what = op.what == readiness::readable ? boost::asio::posix::descriptor_base::wait_read
                                                     : boost::asio::posix::descriptor_base::wait_write;
    try {
        wait->stream.async_wait(what, foreign_handler{wait.get()});
    } catch (...) {
        op.error = ENOMEM;
        return true;
    }
    ++armed_waits_;
    op.watch = wait.get();
    foreign_waits_.push_back(*wait.release());
    op.state = op_state::pending;
    return false;
}

void asio_engine::forget_foreign_wait(wait_op& op) noexcept {
    auto* wait = static_cast<foreign_wait*>(std::exchange(op.watch, nullptr));
    if (!wait) return;
    wait->op = nullptr;
    boost::system::error_code ignored;
    wait->stream.cancel(ignored);
}

void asio_engine::end_lost_foreign_waits() noexcept {
    for (foreign_wait* w = foreign_waits_.first(); w;) {
        foreign_wait& current = *std::exchange(w, foreign_waits_.after(w));
        if (current.lost()) current.end(boost::asio::error::no_memory);
    }
}

void asio_engine::start_wait(asio_socket& s, asio_direction& d, operation&) {
    asio_stream& stream = *s.stream;  // NOLINT(bugprone-unchecked-optional-access): the socket is open
    stream.async_wait(&d == &s.reading ? asio_stream::wait_read : asio_stream::wait_write, wait_handler{&s, &d});
}

bool asio_engine::attempt_accept(accept_op& op, asio_socket& s) noexcept {
    const native_handle handle = accept_now(s.handle, op.error);
    if (handle == invalid_handle) return !would_block(op.error);
    try {
        op.accepted = adopt(handle, socket_role::stream);
    } catch (const std::system_error& e) {
        op.error = e.code().value();
    } catch (const std::bad_alloc&) {
        op.error = ENOMEM;
    }
    return true;
}

bool asio_engine::attempt_connect(connect_op& op, asio_socket& s) noexcept {
    op.error = s.connecting ? connect_outcome(s.handle) : connect_now(s.handle, op.to);
    s.connecting = op.error == EINPROGRESS;
    return !s.connecting;
}

}  // namespace async::inline v0::io

#endif
