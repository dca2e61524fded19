#ifndef _WIN32

#include <libasync/io/native_socket.hpp>

#include <algorithm>
#include <cerrno>
#include <climits>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

namespace async::inline v0::io {

namespace {

int fd(native_handle handle) noexcept { return static_cast<int>(handle); }

int error_of(int result) noexcept { return result == 0 ? 0 : errno; }

#ifdef MSG_NOSIGNAL
constexpr int send_flags = MSG_DONTWAIT | MSG_NOSIGNAL;
#else
constexpr int send_flags = MSG_DONTWAIT;
#endif

// What SOCK_CLOEXEC and MSG_NOSIGNAL do where they exist.
void prepare([[maybe_unused]] int descriptor) noexcept {
#ifndef SOCK_CLOEXEC
    ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
#endif
#ifdef SO_NOSIGPIPE
    const int on = 1;
    ::setsockopt(descriptor, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
}

struct option_name {
    int level;
    int name;
};

constexpr option_name name_of(socket_option option, bool six) noexcept {
    switch (option) {
        case socket_option::no_delay: return {IPPROTO_TCP, TCP_NODELAY};
        case socket_option::keep_alive: return {SOL_SOCKET, SO_KEEPALIVE};
        case socket_option::reuse_address: return {SOL_SOCKET, SO_REUSEADDR};
        case socket_option::reuse_port: return {SOL_SOCKET, SO_REUSEPORT};
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
    return {SOL_SOCKET, -1};
}

constexpr bool depends_on_family(socket_option option) noexcept {
    return option == socket_option::multicast_loop || option == socket_option::multicast_hops ||
           option == socket_option::multicast_interface || option == socket_option::hops;
}

bool is_ipv6(native_handle handle) noexcept {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    return ::getsockname(fd(handle), reinterpret_cast<sockaddr*>(&address), &size) == 0 &&
           address.ss_family == AF_INET6;
}

using name_call = int (*)(int, sockaddr*, socklen_t*);

int read_name(name_call call, native_handle handle, endpoint& where) noexcept {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (call(fd(handle), reinterpret_cast<sockaddr*>(&address), &size) != 0) return errno;
    if (address.ss_family != AF_INET && address.ss_family != AF_INET6) return EAFNOSUPPORT;
    where = from_native(&address);
    return 0;
}

transfer_result transferred(ssize_t count) noexcept {
    if (count < 0) return {0, errno};
    return {static_cast<std::size_t>(count), 0};
}

ssize_t send_vector(int descriptor, const const_bytes* buffers, std::size_t count) noexcept {
    iovec vector[64];
    static_assert(std::size(vector) <= IOV_MAX);
    count = std::min(count, std::size(vector));
    for (std::size_t i = 0; i < count; ++i) vector[i] = {const_cast<void*>(buffers[i].data()), buffers[i].size()};
    msghdr message{};
    message.msg_iov = vector;
    message.msg_iovlen = static_cast<decltype(message.msg_iovlen)>(count);
    return ::sendmsg(descriptor, &message, send_flags);
}

}  // namespace

bool would_block(int error) noexcept { return error == EAGAIN || error == EWOULDBLOCK; }

native_handle open_socket(socket_domain domain, socket_type type, int& error) noexcept {
    int how = type == socket_type::stream ? SOCK_STREAM : SOCK_DGRAM;
#ifdef SOCK_CLOEXEC
    how |= SOCK_CLOEXEC;
#endif
    const int family =
        domain == socket_domain::ipv4 ? AF_INET : (domain == socket_domain::ipv6 ? AF_INET6 : AF_UNIX);
    const int descriptor = ::socket(family, how, 0);
    if (descriptor < 0) {
        error = errno;
        return invalid_handle;
    }
    prepare(descriptor);
    error = 0;
    return descriptor;
}

void close_socket(native_handle handle) noexcept { ::close(fd(handle)); }

int reset_on_close(native_handle handle) noexcept {
    const linger now{1, 0};
    return error_of(::setsockopt(fd(handle), SOL_SOCKET, SO_LINGER, &now, sizeof now));
}

int bind_socket(native_handle handle, const endpoint& where) noexcept {
    alignas(8) std::byte address[32];
    const auto size = static_cast<socklen_t>(to_native(where, address));
    return error_of(::bind(fd(handle), reinterpret_cast<const sockaddr*>(address), size));
}

int listen_socket(native_handle handle, int backlog) noexcept { return error_of(::listen(fd(handle), backlog)); }

int shut_down_writes(native_handle handle) noexcept { return error_of(::shutdown(fd(handle), SHUT_WR)); }

int set_option(native_handle handle, socket_option option, int value) noexcept {
    const option_name o = name_of(option, depends_on_family(option) && is_ipv6(handle));
    if (option == socket_option::multicast_interface && o.level == IPPROTO_IP) {
        ip_mreqn request{};
        request.imr_ifindex = value;
        return error_of(::setsockopt(fd(handle), o.level, o.name, &request, sizeof request));
    }
    return error_of(::setsockopt(fd(handle), o.level, o.name, &value, sizeof value));
}

int get_option(native_handle handle, socket_option option, int& value) noexcept {
    const option_name o = name_of(option, depends_on_family(option) && is_ipv6(handle));
    socklen_t size = sizeof value;
    value = 0;
    return error_of(::getsockopt(fd(handle), o.level, o.name, &value, &size));
}

int local_endpoint(native_handle handle, endpoint& where) noexcept { return read_name(&::getsockname, handle, where); }

int remote_endpoint(native_handle handle, endpoint& where) noexcept { return read_name(&::getpeername, handle, where); }

native_handle accept_now(native_handle listener, int& error) noexcept {
    int descriptor;
    do {
#if defined(SOCK_CLOEXEC) && !defined(__APPLE__)
        descriptor = ::accept4(fd(listener), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
#else
        descriptor = ::accept(fd(listener), nullptr, nullptr);
#endif
    } while (descriptor < 0 && (errno == EINTR || errno == ECONNABORTED));
    if (descriptor < 0) {
        error = errno;
        return invalid_handle;
    }
    prepare(descriptor);
    error = 0;
    return descriptor;
}

int connect_now(native_handle handle, const endpoint& to) noexcept {
    alignas(8) std::byte address[32];
    const auto size = static_cast<socklen_t>(to_native(to, address));
    if (::connect(fd(handle), reinterpret_cast<const sockaddr*>(address), size) == 0) return 0;
    return errno == EINTR ? EINPROGRESS : errno;  // interrupted, it goes on by itself
}

int connect_outcome(native_handle handle) noexcept {
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(fd(handle), SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
    if (error != 0) return error;
    endpoint peer;
    return remote_endpoint(handle, peer) == ENOTCONN ? EINPROGRESS : 0;
}

[[gnu::hot]] transfer_result receive_now(native_handle handle, void* data, std::size_t size) noexcept {
    ssize_t count;
    do {
        count = ::recv(fd(handle), data, size, MSG_DONTWAIT);
    } while (count < 0 && errno == EINTR);
    return transferred(count);
}

[[gnu::hot]] transfer_result send_now(native_handle handle, const const_bytes* buffers, std::size_t count) noexcept {
    if (count == 0) return {};
    ssize_t sent;
    do {
        sent = count == 1 ? ::send(fd(handle), buffers->data(), buffers->size(), send_flags)
                          : send_vector(fd(handle), buffers, count);
    } while (sent < 0 && errno == EINTR);
    return transferred(sent);
}

transfer_result read_pipe_now(native_handle handle, void* data, std::size_t size) noexcept {
    ssize_t count;
    do {
        count = ::read(fd(handle), data, size);
    } while (count < 0 && errno == EINTR);
    return transferred(count);
}

transfer_result write_pipe_now(native_handle handle, const const_bytes* buffers, std::size_t count) noexcept {
    if (count == 0) return {};
    iovec vector[64];
    count = std::min(count, std::size(vector));
    for (std::size_t i = 0; i < count; ++i) vector[i] = {const_cast<void*>(buffers[i].data()), buffers[i].size()};
    ssize_t written;
    do {
        written = ::writev(fd(handle), vector, static_cast<int>(count));
    } while (written < 0 && errno == EINTR);
    return transferred(written);
}

bool is_ready_now(native_handle handle, readiness what) noexcept {
    pollfd look{fd(handle), static_cast<short>(what == readiness::readable ? POLLIN : POLLOUT), 0};
    int result;
    do {
        result = ::poll(&look, 1, 0);
    } while (result < 0 && errno == EINTR);
    return result != 0 && (look.revents & POLLNVAL) == 0;
}

int set_non_blocking(native_handle handle, blocking mode) noexcept {
    const int flags = ::fcntl(fd(handle), F_GETFL);
    if (flags < 0) return errno;
    const int wanted = mode == blocking::no ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
    if (wanted == flags) return 0;
    return error_of(::fcntl(fd(handle), F_SETFL, wanted));
}

}  // namespace async::inline v0::io

#endif
