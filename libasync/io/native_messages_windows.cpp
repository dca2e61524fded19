// Datagrams. Unix sockets and pipes are not offered here: ENOSYS.
#ifdef _WIN32

#include <libasync/io/native_messages.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <winsock2.h>
#include <ws2tcpip.h>

#include <libasync/io/native_socket.hpp>
#include <libasync/io/windows_error.hpp>

namespace async::inline v0::io::native {

namespace {

SOCKET socket_of(native_handle handle) noexcept { return static_cast<SOCKET>(handle); }

int last_error() noexcept { return errno_from_windows(static_cast<unsigned long>(::WSAGetLastError())); }

int error_of(int result) noexcept { return result == 0 ? 0 : last_error(); }

ULONG bounded(std::size_t size) noexcept { return static_cast<ULONG>(std::min<std::size_t>(size, 1u << 30)); }

}  // namespace

unix_endpoint unix_name_of(const void*, std::size_t) noexcept { return {}; }
void ignore_sigpipe() noexcept {}
int open_pair(socket_type, handle_pair&) noexcept { return ENOSYS; }
int open_pipe(handle_pair&) noexcept { return ENOSYS; }
int bind_local(native_handle, const unix_endpoint&) noexcept { return ENOSYS; }
int connect_local(native_handle, const unix_endpoint&) noexcept { return ENOSYS; }
int local_name(native_handle, unix_endpoint&) noexcept { return ENOSYS; }
int remote_name(native_handle, unix_endpoint&) noexcept { return ENOSYS; }
int identify_path(const char*, file_identity&) noexcept { return ENOSYS; }
int remove_path(const char*) noexcept { return ENOSYS; }
int set_permissions(const char*, std::uint32_t) noexcept { return ENOSYS; }
int peer_credentials(native_handle, process_credentials&) noexcept { return ENOSYS; }
handle_transfer send_handles(native_handle, const_bytes, std::span<const native_handle>) noexcept {
    return {0, 0, ENOSYS};
}
handle_transfer receive_handles(native_handle, std::span<std::byte>, std::span<native_handle>) noexcept {
    return {0, 0, ENOSYS};
}
transfer_result send_file(native_handle, native_handle, std::uint64_t, std::size_t) noexcept { return {0, ENOSYS}; }
transfer_result splice(native_handle, native_handle, std::size_t) noexcept { return {0, ENOSYS}; }

int connect_datagrams(native_handle handle, const endpoint* to) noexcept {
    std::byte address[32]{};
    std::size_t size = sizeof(sockaddr_in);  // of zeros: no family, and nobody
    if (to != nullptr) size = to_native(*to, address);
    return error_of(
        ::connect(socket_of(handle), reinterpret_cast<const sockaddr*>(address), static_cast<int>(size)));
}

message_count send_messages(native_handle handle, std::span<const outgoing_message> messages) noexcept {
    std::size_t sent = 0;
    for (const outgoing_message& m : messages) {
        WSABUF buffer{bounded(m.data.size()), static_cast<char*>(const_cast<void*>(m.data.data()))};
        DWORD bytes = 0;
        std::byte address[32];
        const sockaddr* to = nullptr;
        int size = 0;
        if (m.to != nullptr) {
            size = static_cast<int>(to_native(m.to->inet, address));
            to = reinterpret_cast<const sockaddr*>(address);
        }
        if (::WSASendTo(socket_of(handle), &buffer, 1, &bytes, 0, to, size, nullptr, nullptr) != 0)
            return {sent, sent == 0 ? last_error() : 0};
        ++sent;
    }
    return {sent, 0};
}

message_count receive_messages(native_handle handle, std::span<incoming_message> messages) noexcept {
    std::size_t received = 0;
    for (incoming_message& m : messages) {
        WSABUF buffer{bounded(m.into.size()), reinterpret_cast<char*>(m.into.data())};
        DWORD bytes = 0;
        DWORD flags = 0;
        sockaddr_storage address{};
        int size = sizeof address;
        const int result = ::WSARecvFrom(socket_of(handle), &buffer, 1, &bytes, &flags,
                                         reinterpret_cast<sockaddr*>(&address), &size, nullptr, nullptr);
        m.truncated = result != 0 && ::WSAGetLastError() == WSAEMSGSIZE;
        if (result != 0 && !m.truncated) return {received, received == 0 ? last_error() : 0};
        m.size = m.truncated ? m.into.size() : bytes;
        m.from = message_address(from_native(&address));
        ++received;
    }
    return {received, 0};
}

int change_membership(native_handle handle, const multicast_group& group, membership m) noexcept {
    const int level = group.group.family() == address_family::ipv4 ? IPPROTO_IP : IPPROTO_IPV6;
    const auto place = [](const endpoint& e, SOCKADDR_STORAGE& where) {
        std::byte bytes[32];
        std::memcpy(&where, bytes, to_native(e, bytes));
    };
    const auto set = [&](int name, const auto& request) {
        return error_of(::setsockopt(socket_of(handle), level, name, reinterpret_cast<const char*>(&request),
                                     static_cast<int>(sizeof request)));
    };
    const bool joins = m == membership::join;
    if (group.has_source) {
        GROUP_SOURCE_REQ request{};
        request.gsr_interface = group.interface_index;
        place(group.group, request.gsr_group);
        place(group.source, request.gsr_source);
        return set(joins ? MCAST_JOIN_SOURCE_GROUP : MCAST_LEAVE_SOURCE_GROUP, request);
    }
    GROUP_REQ request{};
    request.gr_interface = group.interface_index;
    place(group.group, request.gr_group);
    return set(joins ? MCAST_JOIN_GROUP : MCAST_LEAVE_GROUP, request);
}

}  // namespace async::inline v0::io::native

#endif
