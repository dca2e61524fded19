// Accepting and connecting by readiness, as everything else.
#ifndef _WIN32

#include <cerrno>
#include <new>

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
