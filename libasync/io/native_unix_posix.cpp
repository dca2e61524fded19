// Unix sockets and pipes.
#ifndef _WIN32

#include <libasync/io/native_messages.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <libasync/io/native_socket.hpp>

namespace async::inline v0::io::native {

namespace {

int fd(native_handle handle) noexcept { return static_cast<int>(handle); }

int error_of(int result) noexcept { return result == 0 ? 0 : errno; }

socklen_t to_native(const unix_endpoint& name, sockaddr_un& address) noexcept {
    address = {};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.bytes().data(), name.bytes().size());
    const std::size_t end = name.empty() || name.is_abstract() ? 0 : 1;  // a path has a zero byte behind it
    return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.bytes().size() + end);
}

using name_call = int (*)(int, sockaddr*, socklen_t*);

int read_name(name_call call, native_handle handle, unix_endpoint& where) noexcept {
    sockaddr_un address{};
    socklen_t size = sizeof address;
    if (call(fd(handle), reinterpret_cast<sockaddr*>(&address), &size) != 0) return errno;
    if (address.sun_family != AF_UNIX) return EAFNOSUPPORT;
    where = unix_name_of(&address, size);
    return 0;
}

void close_on_exec(const int (&fds)[2]) noexcept {
    for (const int descriptor : fds) ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
}

}  // namespace

unix_endpoint unix_name_of(const void* native, std::size_t size) noexcept {
    constexpr std::size_t head = offsetof(sockaddr_un, sun_path);
    if (size <= head) return {};
    const char* const name = static_cast<const sockaddr_un*>(native)->sun_path;
    std::size_t length = std::min(size - head, sizeof(sockaddr_un::sun_path));
    if (name[0] != '\0') length = ::strnlen(name, length);
    return unix_endpoint::from_bytes({name, length});
}

int open_pair(socket_type type, handle_pair& pair) noexcept {
    int fds[2];
    if (::socketpair(AF_UNIX, type == socket_type::stream ? SOCK_STREAM : SOCK_DGRAM, 0, fds) != 0) return errno;
    close_on_exec(fds);
    pair = {fds[0], fds[1]};
    return 0;
}

// Who writes to a pipe that nobody reads gets SIGPIPE, which ends the program, and no flag of the call keeps it away.
int open_pipe(handle_pair& pipe) noexcept {
    int fds[2];
    if (::pipe(fds) != 0) return errno;
    close_on_exec(fds);
    ignore_sigpipe();
    pipe = {fds[0], fds[1]};
    return 0;
}

void ignore_sigpipe() noexcept {
    struct sigaction current {};
    if (::sigaction(SIGPIPE, nullptr, &current) != 0 || (current.sa_flags & SA_SIGINFO) != 0) return;
    if (current.sa_handler != SIG_DFL) return;
    current.sa_handler = SIG_IGN;
    ::sigaction(SIGPIPE, &current, nullptr);
}

int bind_local(native_handle handle, const unix_endpoint& where) noexcept {
    sockaddr_un address;
    const socklen_t size = to_native(where, address);
    return error_of(::bind(fd(handle), reinterpret_cast<const sockaddr*>(&address), size));
}

int connect_local(native_handle handle, const unix_endpoint& to) noexcept {
    sockaddr_un address;
    const socklen_t size = to_native(to, address);
    set_non_blocking(handle, blocking::no);
    int result;
    do {
        result = ::connect(fd(handle), reinterpret_cast<const sockaddr*>(&address), size);
    } while (result != 0 && errno == EINTR);
    return error_of(result);
}

int local_name(native_handle handle, unix_endpoint& where) noexcept { return read_name(&::getsockname, handle, where); }

int remote_name(native_handle handle, unix_endpoint& where) noexcept {
    return read_name(&::getpeername, handle, where);
}

int identify_path(const char* path, file_identity& identity) noexcept {
    struct stat status {};
    if (::lstat(path, &status) != 0) return errno;
    identity = {static_cast<std::uint64_t>(status.st_dev), static_cast<std::uint64_t>(status.st_ino)};
    return 0;
}

int remove_path(const char* path) noexcept { return error_of(::unlink(path)); }

int set_permissions(const char* path, std::uint32_t permissions) noexcept {
    return error_of(::chmod(path, static_cast<mode_t>(permissions)));
}

int peer_credentials(native_handle handle, process_credentials& peer) noexcept {
#ifdef SO_PEERCRED
    ucred who{};
    socklen_t size = sizeof who;
    if (::getsockopt(fd(handle), SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return errno;
    peer = {who.pid, who.uid, who.gid};
    return 0;
#else
    uid_t uid = 0;
    gid_t gid = 0;
    if (::getpeereid(fd(handle), &uid, &gid) != 0) return errno;
    peer = {-1, uid, gid};
    return 0;
#endif
}

namespace {

constexpr std::size_t most_handles = 253;  // SCM_MAX_FD

}  // namespace

handle_transfer send_handles(native_handle handle, const_bytes bytes, std::span<const native_handle> handles) noexcept {
    if (handles.size() > most_handles) return {0, 0, EINVAL};
    alignas(cmsghdr) char control[CMSG_SPACE(most_handles * sizeof(int))]{};
    iovec vector{const_cast<void*>(bytes.data()), bytes.size()};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    if (!handles.empty()) {
        message.msg_control = control;
        message.msg_controllen = static_cast<decltype(message.msg_controllen)>(CMSG_SPACE(handles.size() * sizeof(int)));
        cmsghdr* const head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = static_cast<decltype(head->cmsg_len)>(CMSG_LEN(handles.size() * sizeof(int)));
        for (std::size_t i = 0; i < handles.size(); ++i) {
            const int descriptor = fd(handles[i]);
            std::memcpy(CMSG_DATA(head) + i * sizeof(int), &descriptor, sizeof(int));
        }
    }
    ssize_t sent;
    do {
        sent = ::sendmsg(fd(handle), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) return {0, 0, errno};
    return {static_cast<std::size_t>(sent), handles.size(), 0};
}

handle_transfer receive_handles(native_handle handle, std::span<std::byte> into,
                                std::span<native_handle> handles) noexcept {
    alignas(cmsghdr) char control[CMSG_SPACE(most_handles * sizeof(int))];
    iovec vector{into.data(), into.size()};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    int flags = MSG_DONTWAIT;
#ifdef MSG_CMSG_CLOEXEC
    flags |= MSG_CMSG_CLOEXEC;
#endif
    ssize_t got;
    do {
        got = ::recvmsg(fd(handle), &message, flags);
    } while (got < 0 && errno == EINTR);
    if (got < 0) return {0, 0, errno};
    handle_transfer result{static_cast<std::size_t>(got), 0, 0, (message.msg_flags & MSG_TRUNC) != 0};
    for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr; head = CMSG_NXTHDR(&message, head)) {
        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int descriptor;
            std::memcpy(&descriptor, CMSG_DATA(head) + i * sizeof(int), sizeof(int));
            if (result.handles < handles.size()) {
                handles[result.handles++] = descriptor;
            } else {
                ::close(descriptor);
                result.error = EMSGSIZE;
            }
        }
    }
    return result;
}

}  // namespace async::inline v0::io::native

#endif
