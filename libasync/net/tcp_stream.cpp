#include <libasync/net/tcp_stream.hpp>

#include <libasync/net/connect_operation.hpp>
#include <libasync/net/socket_setup.hpp>

namespace async::inline v0 {

namespace detail {

void apply_options(io::system_calls& system, native_handle handle, const tcp_options& options) {
    using io::socket_option;
    const auto set = [&](socket_option option, int value, const char* name) {
        set_option_or_throw(system, handle, option, value, name);
    };
    set(socket_option::no_delay, options.no_delay, "TCP_NODELAY");
    set(socket_option::keep_alive, options.keep_alive, "SO_KEEPALIVE");
    if (options.receive_buffer > 0) set(socket_option::receive_buffer, options.receive_buffer, "SO_RCVBUF");
    if (options.send_buffer > 0) set(socket_option::send_buffer, options.send_buffer, "SO_SNDBUF");
}

}  // namespace detail

task<tcp_stream> tcp_stream::connect(endpoint peer, tcp_options options) {
    return connect_bound(std::nullopt, peer, options);
}

task<tcp_stream> tcp_stream::connect_from(endpoint local, endpoint peer, tcp_options options) {
    return connect_bound(local, peer, options);
}

task<tcp_stream> tcp_stream::connect_bound(std::optional<endpoint> local, endpoint peer, tcp_options options) {
    detail::loop_core& core = detail::require_core("connect");
    io::system_calls& system = core.engine->calls();
    detail::open_socket handle = detail::open_socket::tcp(system, peer, "connect to");
    detail::apply_options(system, handle.get(), options);
    if (local) {
        const int error = system.bind_socket(handle.get(), *local);
        if (error != 0) detail::throw_socket_error(error, "connect from", *local);
    }
    io::socket_ptr socket = core.engine->adopt(handle.release(), io::socket_role::stream);
    co_await detail::connect_description(socket.get(), &peer);
    co_return tcp_stream(std::move(socket));
}

tcp_stream tcp_stream::adopt(native_handle handle, const tcp_options& options) {
    io::system_calls& system = detail::this_core ? detail::this_core->engine->calls() : io::native_calls();
    detail::open_socket guard(system, handle);
    detail::loop_core& core = detail::require_core("tcp_stream::adopt");
    detail::apply_options(system, handle, options);
    return tcp_stream(core.engine->adopt(guard.release(), io::socket_role::stream));
}

void tcp_stream::set_options(const tcp_options& options) {
    const io::socket& s = require("set_options");
    detail::apply_options(io::calls_of(s), s.handle, options);
}

endpoint tcp_stream::local_endpoint() const { return detail::local_endpoint_of(require("local_endpoint")); }

endpoint tcp_stream::remote_endpoint() const { return detail::remote_endpoint_of(require("remote_endpoint")); }

}  // namespace async::inline v0
