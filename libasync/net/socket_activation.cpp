#include <libasync/net/socket_activation.hpp>

#include <libasync/io/inherited_sockets.hpp>
#include <libasync/io/system_calls.hpp>

namespace async::inline v0 {

inherited_socket::~inherited_socket() {
    if (handle_ != invalid_handle) io::native_calls().close_socket(handle_);
}

bool inherited_socket::is_tcp_listener() const noexcept {
    return handle_ != invalid_handle && io::is_tcp_listener(handle_);
}

std::vector<inherited_socket> inherited_sockets() {
    std::vector<inherited_socket> sockets;
    for (io::inherited_handle& inherited : io::take_inherited()) {
        sockets.emplace_back(inherited.handle, std::move(inherited.name));
    }
    return sockets;
}

}  // namespace async::inline v0
