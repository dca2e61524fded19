#include <libasync/net/socket_setup.hpp>

namespace async::inline v0::detail {

open_socket open_socket::tcp(const endpoint& address, const char* operation) {
    int error = 0;
    open_socket socket(io::open_tcp_socket(address.family(), error));
    if (socket.get() == invalid_handle) throw_socket_error(error, operation, address);
    return socket;
}

void throw_socket_error(int error, const char* operation, const endpoint& address) {
    throw std::system_error(io::operation::to_error_code(error), std::string(operation) + " " + address.to_string());
}

void set_option_or_throw(native_handle handle, io::socket_option option, int value, const char* name) {
    const int error = io::set_option(handle, option, value);
    if (error != 0) {
        throw std::system_error(io::operation::to_error_code(error), std::string("setting ") + name);
    }
}

endpoint endpoint_or_throw(int (*call)(native_handle, endpoint&) noexcept, native_handle handle, const char* name) {
    endpoint where;
    const int error = call(handle, where);
    if (error != 0) throw std::system_error(io::operation::to_error_code(error), name);
    return where;
}

}  // namespace async::inline v0::detail
