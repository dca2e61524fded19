#include <libasync/net/tcp_listener.hpp>

#include <libasync/io/inherited_sockets.hpp>
#include <libasync/net/accept.hpp>
#include <libasync/net/socket_setup.hpp>

namespace async::inline v0 {

tcp_listener tcp_listener::bind(endpoint where, const listen_options& options) {
    detail::loop_core& core = detail::require_core("tcp_listener::bind");
    detail::open_socket socket = detail::open_socket::tcp(core.engine->calls(), where, "listen on");
    using io::socket_option;
    socket.set_option(socket_option::reuse_address, 1, "SO_REUSEADDR");
    if (options.reuse_port) {
        socket.set_option(socket_option::reuse_port, 1, "SO_REUSEPORT");
    }
    if (where.family() == address_family::ipv6) {
        socket.set_option(socket_option::ipv6_only, !options.dual_stack, "IPV6_V6ONLY");
    }
    int error = core.engine->calls().bind_socket(socket.get(), where);
    if (error == 0) error = core.engine->calls().listen_socket(socket.get(), options.backlog);
    if (error != 0) detail::throw_socket_error(error, "listen on", where);
    tcp_listener listener;
    listener.state_ =
        detail::keep_socket(core.engine->adopt(socket.release(), io::socket_role::listener));
    listener.connection_ = options.connection;
    return listener;
}

tcp_listener tcp_listener::adopt(native_handle handle, const tcp_options& connection) {
    detail::open_socket guard(io::native_calls(), handle);
    detail::loop_core& core = detail::require_core("tcp_listener::adopt");
    if (&core.engine->calls() != &io::native_calls()) {
        throw std::system_error(std::make_error_code(std::errc::function_not_supported),
                                "tcp_listener::adopt: a simulated world has no sockets of the system");
    }
    if (!io::is_tcp_listener(handle)) {
        throw std::system_error(std::make_error_code(std::errc::invalid_argument),
                                "tcp_listener::adopt: not a TCP socket that listens");
    }
    tcp_listener listener;
    listener.state_ =
        detail::keep_socket(core.engine->adopt(guard.release(), io::socket_role::listener));
    listener.connection_ = connection;
    return listener;
}

task<tcp_stream> tcp_listener::accept_on(detail::stream_ref listener, tcp_options options) {
    io::socket_ptr socket = co_await detail::accept_socket(std::move(listener));
    try {
        detail::apply_options(io::calls_of(*socket), socket->handle, options);
    } catch (const std::system_error&) {
        // A peer that has gone already may forbid it; the first read will tell.
    }
    co_return tcp_stream(std::move(socket));
}

endpoint tcp_listener::local_endpoint() const {
    if (!is_open()) throw std::system_error(make_error_code(errc::closed), "local_endpoint");
    return detail::local_endpoint_of(*state_->socket);
}

}  // namespace async::inline v0
