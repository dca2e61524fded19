#include <libasync/net/unix_listener.hpp>

#include <libasync/net/accept.hpp>
#include <libasync/net/socket_setup.hpp>

namespace async::inline v0 {

unix_listener unix_listener::bind(unix_endpoint where, const unix_listen_options& options) {
    detail::loop_core& core = detail::require_core("unix_listener::bind");
    io::system_calls& system = core.engine->calls();
    auto socket = detail::open_socket::unix_domain(io::socket_type::stream, system, "listen");
    unix_listener listener;
    listener.bound_ = detail::bound_path::bind(system, socket.get(), io::socket_type::stream, where,
                                               {options.permissions, options.replace_stale}, "listen on");
    if (const int error = system.listen_socket(socket.get(), options.backlog))
        detail::throw_socket_error(error, "listen on", where);
    listener.state_ = detail::keep_socket(core.engine->adopt(socket.release(), io::socket_role::listener));
    listener.connection_ = options.connection;
    return listener;
}

task<unix_stream> unix_listener::accept() { return accept_on(detail::stream_ref(state_.get()), connection_); }

task<unix_stream> unix_listener::accept_on(detail::stream_ref listener, unix_options options) {
    io::socket_ptr socket = co_await detail::accept_socket(std::move(listener));
    if (!options.receives_handles) co_return unix_stream(detail::keep_socket(std::move(socket)));
    co_return unix_stream::make(detail::take_from_engine(*socket, "accept"), options);
}

task<void> unix_listener::close() {
    bound_.remove();
    return detail::close_stream(std::move(state_));
}

}  // namespace async::inline v0
