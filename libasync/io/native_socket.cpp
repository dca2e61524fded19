#include <libasync/io/native_socket.hpp>

#include <cstring>

#ifdef _WIN32
#include <winsock2.h>
#include <ws2tcpip.h>
#else
#include <netinet/in.h>
#include <sys/socket.h>
#endif

namespace async::inline v0::io {

std::size_t advance(const_bytes*& buffers, std::size_t& count, std::size_t bytes) noexcept {
    std::size_t spent = 0;
    for (; count != 0 && bytes >= buffers->size(); ++spent) {
        bytes -= buffers->size();
        ++buffers;
        --count;
    }
    if (bytes != 0 && count != 0)
        *buffers = {static_cast<const std::byte*>(buffers->data()) + bytes, buffers->size() - bytes};
    return spent;
}

std::size_t to_native(const endpoint& where, std::byte (&storage)[32]) noexcept {
    static_assert(sizeof(sockaddr_in6) <= sizeof storage);
    if (where.family() == address_family::ipv4) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(where.port());
        std::memcpy(&address.sin_addr, where.bytes().data(), sizeof address.sin_addr);
        std::memcpy(storage, &address, sizeof address);
        return sizeof address;
    }
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(where.port());
    address.sin6_scope_id = where.scope();
    std::memcpy(&address.sin6_addr, where.bytes().data(), sizeof address.sin6_addr);
    std::memcpy(storage, &address, sizeof address);
    return sizeof address;
}

endpoint from_native(const void* native) noexcept {
    sockaddr head;
    std::memcpy(&head, native, sizeof head);
    std::array<std::uint8_t, 16> bytes{};
    if (head.sa_family == AF_INET) {
        sockaddr_in address;
        std::memcpy(&address, native, sizeof address);
        std::memcpy(bytes.data(), &address.sin_addr, sizeof address.sin_addr);
        return endpoint::from_bytes(address_family::ipv4, bytes, ntohs(address.sin_port));
    }
    if (head.sa_family == AF_INET6) {
        sockaddr_in6 address;
        std::memcpy(&address, native, sizeof address);
        std::memcpy(bytes.data(), &address.sin6_addr, sizeof address.sin6_addr);
        return endpoint::from_bytes(address_family::ipv6, bytes, ntohs(address.sin6_port), address.sin6_scope_id);
    }
    return {};
}

}  // namespace async::inline v0::io
