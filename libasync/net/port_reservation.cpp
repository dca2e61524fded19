#include <libasync/net/port_reservation.hpp>

#include <libasync/net/socket_setup.hpp>

namespace async::inline v0 {

port_reservation::port_reservation(const endpoint& where) {
    io::system_calls& system = io::native_calls();
    detail::open_socket socket = detail::open_socket::tcp(system, where, "reserve");
    socket.set_option(io::socket_option::reuse_address, 1, "SO_REUSEADDR");
    socket.set_option(io::socket_option::reuse_port, 1, "SO_REUSEPORT");
    int error = system.bind_socket(socket.get(), where);
    if (error == 0) error = system.local_endpoint(socket.get(), where_);
    if (error != 0) detail::throw_socket_error(error, "reserve", where);
    handle_ = socket.release();
}

port_reservation::~port_reservation() { io::native_calls().close_socket(handle_); }

}  // namespace async::inline v0
