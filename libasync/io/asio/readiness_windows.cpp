// Accepting and connecting by completion ports, behind the face of readiness: the outcome of what was begun
// waits on the socket until an operation takes it.
#ifdef _WIN32

#include <cerrno>
#include <cstring>
#include <new>
#include <type_traits>

#include <libasync/io/asio/wait_handler.hpp>
#include <libasync/io/native_socket.hpp>
#include <libasync/io/windows_error.hpp>

namespace async::inline v0::io {

int to_errno(const boost::system::error_code& error) noexcept {
    return error ? errno_from_windows(static_cast<unsigned long>(error.value())) : 0;
}

namespace {

// An unbound socket has no address to tell its family by.
WSAPROTOCOL_INFOW describe(native_handle handle) noexcept {
    WSAPROTOCOL_INFOW info{};
    int size = sizeof info;
    ::getsockopt(static_cast<SOCKET>(handle), SOL_SOCKET, SO_PROTOCOL_INFOW, reinterpret_cast<char*>(&info), &size);
    return info;
}

template <class Object>
int open(std::optional<Object>& object, boost::asio::io_context& context, native_handle handle,
         const WSAPROTOCOL_INFOW& info) {
    using protocol = typename Object::protocol_type;
    boost::system::error_code error;
    try {
        object.emplace(context);
    } catch (...) {
        close_socket(handle);
        throw;
    }
    const protocol family = info.iAddressFamily == AF_INET6 ? protocol::v6() : protocol::v4();
    object->assign(family, static_cast<SOCKET>(handle), error);
    if (error) {
        close_socket(handle);
    } else {
        object->native_non_blocking(true, error);
    }
    return to_errno(error);
}

template <class Object>
void shut(std::optional<Object>& object) noexcept {
    boost::system::error_code ignored;
    if (object) object->close(ignored);
    object.reset();
}

}  // namespace

int asio_engine::attach(asio_socket& s, native_handle handle) {
    const WSAPROTOCOL_INFOW info = describe(handle);
    int error = 0;
    if (s.role == socket_role::listener) {
        error = open(s.acceptor, context_, handle, info);
    } else if (info.iSocketType == SOCK_DGRAM) {
        error = open(s.datagram, context_, handle, info);
    } else {
        error = open(s.stream, context_, handle, info);
    }
    if (error == 0) s.handle = handle;
    return error;
}

void asio_engine::detach(asio_socket& s) noexcept {
    shut(s.stream);
    shut(s.datagram);
    shut(s.acceptor);
    if (s.accepted) reset_on_close(static_cast<native_handle>(s.accepted->native_handle()));
    shut(s.accepted);
}

bool asio_engine::part_from(asio_socket& s) noexcept {
    boost::system::error_code error;
    if (s.stream) s.stream->release(error);
    if (s.datagram) s.datagram->release(error);
    s.stream.reset();
    s.datagram.reset();
    return !error;
}

struct asio_engine::foreign_wait : detail::list_node {};

bool asio_engine::start_foreign_wait(wait_op& op) noexcept {
    op.error = ENOSYS;
    return true;
}

void asio_engine::forget_foreign_wait(wait_op&) noexcept {}
void asio_engine::end_lost_foreign_waits() noexcept {}

void asio_engine::start_wait(asio_socket& s, asio_direction& d, operation& op) {
    const wait_handler handler{&s, &d};
    if (op.kind == op_kind::accept) return s.acceptor->async_accept(handler);
    if (op.kind != op_kind::connect) {
        const auto what = &d == &s.reading ? asio_stream::wait_read : asio_stream::wait_write;
        return s.datagram ? s.datagram->async_wait(what, handler) : s.stream->async_wait(what, handler);
    }

    alignas(8) std::byte address[32];
    const endpoint& to = static_cast<connect_op&>(op).to;
    const std::size_t size = to_native(to, address);
    const auto connect_to = [&](auto& object) {
        using protocol = typename std::remove_reference_t<decltype(object)>::protocol_type;
        typename protocol::endpoint peer(to.family() == address_family::ipv4 ? protocol::v4() : protocol::v6(), 0);
        std::memcpy(peer.data(), address, size);
        object.async_connect(peer, handler);
    };
    if (s.datagram) {
        connect_to(*s.datagram);
    } else {
        connect_to(*s.stream);
    }
    s.connecting = true;
}

void asio_engine::wait_handler::operator()(const boost::system::error_code& error,
                                           asio_stream accepted) const noexcept {
    if (!error && s->open()) s->accepted.emplace(std::move(accepted));
    (*this)(error);
}

bool asio_engine::attempt_accept(accept_op& op, asio_socket& s) noexcept {
    if (!s.accepted) return false;
    try {
        auto fresh = std::make_unique<asio_socket>(socket_role::stream);
        fresh->handle = static_cast<native_handle>(s.accepted->native_handle());
        fresh->stream.emplace(std::move(*s.accepted));
        boost::system::error_code error;
        fresh->stream->native_non_blocking(true, error);
        op.error = to_errno(error);
        if (op.error == 0) {
            add(*fresh);
            op.accepted.reset(fresh.release());
        }
    } catch (const std::bad_alloc&) {
        op.error = ENOMEM;
    }
    s.accepted.reset();
    return true;
}

bool asio_engine::attempt_connect(connect_op& op, asio_socket& s) noexcept {
    if (!s.connecting || s.writing.armed) return false;
    s.connecting = false;
    op.error = std::exchange(s.writing.error, 0);
    return true;
}

}  // namespace async::inline v0::io

#endif
