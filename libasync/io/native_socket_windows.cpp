#ifdef _WIN32

#include <libasync/io/native_socket.hpp>
#include <libasync/io/windows_error.hpp>

#include <algorithm>
#include <cerrno>

#include <winsock2.h>
#include <ws2tcpip.h>

namespace async::inline v0::io {

namespace {

SOCKET socket_of(native_handle handle) noexcept { return static_cast<SOCKET>(handle); }

int last_error() noexcept { return errno_from_windows(static_cast<unsigned long>(::WSAGetLastError())); }

int error_of(int result) noexcept { return result == 0 ? 0 : last_error(); }

// Winsock stays loaded until the process ends.
int start_winsock() noexcept {
    static const int error = [] {
        WSADATA data;
        return ::WSAStartup(MAKEWORD(2, 2), &data);
    }();
    return error == 0 ? 0 : errno_from_windows(static_cast<unsigned long>(error));
}

struct option_name {
    int level;
    int name;
};

constexpr int no_such_option = -1;

constexpr option_name name_of(socket_option option, bool six) noexcept {
    switch (option) {
        case socket_option::no_delay: return {IPPROTO_TCP, TCP_NODELAY};
        case socket_option::keep_alive: return {SOL_SOCKET, SO_KEEPALIVE};
        case socket_option::reuse_address: return {SOL_SOCKET, SO_REUSEADDR};
        case socket_option::reuse_port: return {SOL_SOCKET, no_such_option};
        case socket_option::receive_buffer: return {SOL_SOCKET, SO_RCVBUF};
        case socket_option::send_buffer: return {SOL_SOCKET, SO_SNDBUF};
        case socket_option::ipv6_only: return {IPPROTO_IPV6, IPV6_V6ONLY};
        case socket_option::broadcast: return {SOL_SOCKET, SO_BROADCAST};
        case socket_option::multicast_loop:
            return six ? option_name{IPPROTO_IPV6, IPV6_MULTICAST_LOOP} : option_name{IPPROTO_IP, IP_MULTICAST_LOOP};
        case socket_option::multicast_hops:
            return six ? option_name{IPPROTO_IPV6, IPV6_MULTICAST_HOPS} : option_name{IPPROTO_IP, IP_MULTICAST_TTL};
        case socket_option::multicast_interface:
            return six ? option_name{IPPROTO_IPV6, IPV6_MULTICAST_IF} : option_name{IPPROTO_IP, IP_MULTICAST_IF};
        case socket_option::hops:
            return six ? option_name{IPPROTO_IPV6, IPV6_UNICAST_HOPS} : option_name{IPPROTO_IP, IP_TTL};
    }
    return {SOL_SOCKET, no_such_option};
}

bool is_ipv6(native_handle handle) noexcept {
    WSAPROTOCOL_INFOW info{};
    int size = sizeof info;
    ::getsockopt(socket_of(handle), SOL_SOCKET, SO_PROTOCOL_INFOW, reinterpret_cast<char*>(&info), &size);
    return info.iAddressFamily == AF_INET6;
}

using name_call = int(WSAAPI*)(SOCKET, sockaddr*, int*);

int read_name(name_call call, native_handle handle, endpoint& where) noexcept {
    sockaddr_storage address{};
    int size = sizeof address;
    if (call(socket_of(handle), reinterpret_cast<sockaddr*>(&address), &size) != 0) return last_error();
    where = from_native(&address);
    return 0;
}

ULONG bounded(std::size_t size) noexcept { return static_cast<ULONG>(std::min<std::size_t>(size, 1u << 30)); }

}  // namespace

bool would_block(int error) noexcept { return error == EAGAIN || error == EWOULDBLOCK; }

native_handle open_socket(socket_domain domain, socket_type type, int& error) noexcept {
    error = domain == socket_domain::local ? ENOSYS : start_winsock();
    if (error != 0) return invalid_handle;
    const bool stream = type == socket_type::stream;
    const SOCKET s = ::WSASocketW(domain == socket_domain::ipv4 ? AF_INET : AF_INET6, stream ? SOCK_STREAM : SOCK_DGRAM,
                                  stream ? IPPROTO_TCP : IPPROTO_UDP, nullptr, 0,
                                  WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
    if (s == INVALID_SOCKET) error = last_error();
    return static_cast<native_handle>(s);
}

void close_socket(native_handle handle) noexcept { ::closesocket(socket_of(handle)); }

int reset_on_close(native_handle handle) noexcept {
    const linger now{1, 0};
    return error_of(
        ::setsockopt(socket_of(handle), SOL_SOCKET, SO_LINGER, reinterpret_cast<const char*>(&now), sizeof now));
}

int bind_socket(native_handle handle, const endpoint& where) noexcept {
    alignas(8) std::byte address[32];
    const int size = static_cast<int>(to_native(where, address));
    return error_of(::bind(socket_of(handle), reinterpret_cast<const sockaddr*>(address), size));
}

int listen_socket(native_handle handle, int backlog) noexcept { return error_of(::listen(socket_of(handle), backlog)); }

int shut_down_writes(native_handle handle) noexcept { return error_of(::shutdown(socket_of(handle), SD_SEND)); }

int set_option(native_handle handle, socket_option option, int value) noexcept {
    // Here SO_REUSEADDR would let another program take the port away, and a port in TIME_WAIT can be bound
    // without it.
    if (option == socket_option::reuse_address) return 0;
    const option_name o = name_of(option, is_ipv6(handle));
    if (o.name == no_such_option) return ENOPROTOOPT;
    return error_of(::setsockopt(socket_of(handle), o.level, o.name, reinterpret_cast<const char*>(&value),
                                 static_cast<int>(sizeof value)));
}

int get_option(native_handle handle, socket_option option, int& value) noexcept {
    const option_name o = name_of(option, is_ipv6(handle));
    value = 0;
    if (o.name == no_such_option) return ENOPROTOOPT;
    int size = sizeof value;
    return error_of(::getsockopt(socket_of(handle), o.level, o.name, reinterpret_cast<char*>(&value), &size));
}

int local_endpoint(native_handle handle, endpoint& where) noexcept { return read_name(&::getsockname, handle, where); }

int remote_endpoint(native_handle handle, endpoint& where) noexcept { return read_name(&::getpeername, handle, where); }

native_handle accept_now(native_handle listener, int& error) noexcept {
    const SOCKET s = ::accept(socket_of(listener), nullptr, nullptr);
    error = s == INVALID_SOCKET ? last_error() : 0;
    return static_cast<native_handle>(s);
}

int connect_now(native_handle handle, const endpoint& to) noexcept {
    alignas(8) std::byte address[32];
    const int size = static_cast<int>(to_native(to, address));
    const int error = error_of(::connect(socket_of(handle), reinterpret_cast<const sockaddr*>(address), size));
    return would_block(error) ? EINPROGRESS : error;
}

int connect_outcome(native_handle handle) noexcept {
    int error = 0;
    int size = sizeof error;
    if (::getsockopt(socket_of(handle), SOL_SOCKET, SO_ERROR, reinterpret_cast<char*>(&error), &size) != 0)
        return last_error();
    if (error != 0) return errno_from_windows(static_cast<unsigned long>(error));
    endpoint peer;
    return remote_endpoint(handle, peer) == ENOTCONN ? EINPROGRESS : 0;
}

transfer_result receive_now(native_handle handle, void* data, std::size_t size) noexcept {
    WSABUF buffer{bounded(size), static_cast<char*>(data)};
    DWORD count = 0;
    DWORD flags = 0;
    if (::WSARecv(socket_of(handle), &buffer, 1, &count, &flags, nullptr, nullptr) != 0) return {0, last_error()};
    return {count, 0};
}

transfer_result send_now(native_handle handle, const const_bytes* buffers, std::size_t count) noexcept {
    if (count == 0) return {};
    WSABUF vector[64];
    count = std::min(count, std::size(vector));
    for (std::size_t i = 0; i < count; ++i)
        vector[i] = {bounded(buffers[i].size()), static_cast<char*>(const_cast<void*>(buffers[i].data()))};
    // A buffer that was cut ends the list: nothing may follow a gap.
    for (std::size_t i = 0; i < count; ++i)
        if (vector[i].len != buffers[i].size()) count = i + 1;
    DWORD sent = 0;
    if (::WSASend(socket_of(handle), vector, static_cast<DWORD>(count), &sent, 0, nullptr, nullptr) != 0)
        return {0, last_error()};
    return {sent, 0};
}

transfer_result read_pipe_now(native_handle, void*, std::size_t) noexcept { return {0, ENOSYS}; }
transfer_result write_pipe_now(native_handle, const const_bytes*, std::size_t) noexcept { return {0, ENOSYS}; }

bool is_ready_now(native_handle handle, readiness what) noexcept {
    WSAPOLLFD look{socket_of(handle), static_cast<SHORT>(what == readiness::readable ? POLLRDNORM : POLLWRNORM), 0};
    return ::WSAPoll(&look, 1, 0) != 0 && (look.revents & POLLNVAL) == 0;
}

int set_non_blocking(native_handle handle, blocking mode) noexcept {
    u_long on = mode == blocking::no ? 1 : 0;
    return error_of(::ioctlsocket(socket_of(handle), static_cast<long>(FIONBIO), &on));
}

}  // namespace async::inline v0::io

#endif
