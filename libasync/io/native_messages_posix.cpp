// Datagrams, and bytes that the kernel moves by itself.
#ifndef _WIN32

#include <libasync/io/native_messages.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/sendfile.h>
#endif

#include <libasync/io/native_socket.hpp>

namespace async::inline v0::io::native {

namespace {

int fd(native_handle handle) noexcept { return static_cast<int>(handle); }

int error_of(int result) noexcept { return result == 0 ? 0 : errno; }

// The system's form of an address.
struct native_address {
    alignas(8) std::byte bytes[sizeof(sockaddr_un)];
    socklen_t size = 0;

    void set(const message_address& address) noexcept {
        if (address.which == message_address::kind::inet) {
            std::byte inet[32];
            size = static_cast<socklen_t>(io::to_native(address.inet, inet));
            std::memcpy(bytes, inet, size);
        } else if (address.which == message_address::kind::local) {
            sockaddr_un local{};
            local.sun_family = AF_UNIX;
            std::memcpy(local.sun_path, address.local.bytes().data(), address.local.bytes().size());
            const std::size_t end = address.local.is_abstract() ? 0 : 1;
            size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.local.bytes().size() + end);
            std::memcpy(bytes, &local, sizeof local);
        }
    }

    message_address get() const noexcept {
        if (size < sizeof(sa_family_t)) return {};
        sa_family_t family;
        std::memcpy(&family, bytes + offsetof(sockaddr, sa_family), sizeof family);
        if (family == AF_UNIX) return message_address(unix_name_of(bytes, size));
        return message_address(from_native(bytes));
    }
};

void describe(const outgoing_message& m, native_address& address, iovec& vector, msghdr& head) noexcept {
    head = {};
    vector = {const_cast<void*>(m.data.data()), m.data.size()};
    head.msg_iov = &vector;
    head.msg_iovlen = 1;
    if (m.to == nullptr) return;
    address.set(*m.to);
    head.msg_name = address.bytes;
    head.msg_namelen = address.size;
}

void describe(incoming_message& m, native_address& address, iovec& vector, msghdr& head) noexcept {
    head = {};
    vector = {m.into.data(), m.into.size()};
    head.msg_iov = &vector;
    head.msg_iovlen = 1;
    head.msg_name = address.bytes;
    head.msg_namelen = sizeof address.bytes;
}

void record(incoming_message& m, std::size_t bytes, bool truncated, const native_address& address) noexcept {
    m.size = std::min(bytes, m.into.size());
    m.truncated = truncated;
    m.from = address.get();
}

#ifdef MSG_NOSIGNAL
constexpr int send_flags = MSG_DONTWAIT | MSG_NOSIGNAL;
#else
constexpr int send_flags = MSG_DONTWAIT;
#endif

constexpr std::size_t most_at_once = 32;

}  // namespace

int connect_datagrams(native_handle handle, const endpoint* to) noexcept {
    native_address address;
    if (to != nullptr) {
        address.set(message_address(*to));
        return error_of(::connect(fd(handle), reinterpret_cast<const sockaddr*>(address.bytes), address.size));
    }
    sockaddr nobody{};
    nobody.sa_family = AF_UNSPEC;
    return error_of(::connect(fd(handle), &nobody, sizeof nobody));
}

#ifdef __linux__

namespace {

// One by one the calls that take no msghdr are faster: the kernel has none to copy.
message_count send_one(int socket, const outgoing_message& m) noexcept {
    native_address address;
    if (m.to != nullptr) address.set(*m.to);
    const auto* const to = m.to != nullptr ? reinterpret_cast<const sockaddr*>(address.bytes) : nullptr;
    ssize_t sent;
    do {
        sent = ::sendto(socket, m.data.data(), m.data.size(), send_flags, to, address.size);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) return {0, errno};
    return {1, 0};
}

message_count receive_one(int socket, incoming_message& m) noexcept {
    native_address address;
    address.size = sizeof address.bytes;
    ssize_t bytes;
    do {
        bytes = ::recvfrom(socket, m.into.data(), m.into.size(), MSG_DONTWAIT | MSG_TRUNC,
                           reinterpret_cast<sockaddr*>(address.bytes), &address.size);
    } while (bytes < 0 && errno == EINTR);
    if (bytes < 0) return {0, errno};
    record(m, static_cast<std::size_t>(bytes), static_cast<std::size_t>(bytes) > m.into.size(), address);
    return {1, 0};
}

}  // namespace

message_count send_messages(native_handle handle, std::span<const outgoing_message> messages) noexcept {
    if (messages.size() == 1) return send_one(fd(handle), messages[0]);
    mmsghdr heads[most_at_once];
    iovec vectors[most_at_once];
    native_address addresses[most_at_once];
    const std::size_t count = std::min(messages.size(), most_at_once);
    for (std::size_t i = 0; i < count; ++i) describe(messages[i], addresses[i], vectors[i], heads[i].msg_hdr);
    int sent;
    do {
        sent = ::sendmmsg(fd(handle), heads, static_cast<unsigned>(count), send_flags);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) return {0, errno};
    return {static_cast<std::size_t>(sent), 0};
}

message_count receive_messages(native_handle handle, std::span<incoming_message> messages) noexcept {
    if (messages.size() == 1) return receive_one(fd(handle), messages[0]);
    mmsghdr heads[most_at_once];
    iovec vectors[most_at_once];
    native_address addresses[most_at_once];
    const std::size_t count = std::min(messages.size(), most_at_once);
    for (std::size_t i = 0; i < count; ++i) describe(messages[i], addresses[i], vectors[i], heads[i].msg_hdr);
    int got;
    do {
        got = ::recvmmsg(fd(handle), heads, static_cast<unsigned>(count), MSG_DONTWAIT, nullptr);
    } while (got < 0 && errno == EINTR);
    if (got < 0) return {0, errno};
    for (std::size_t i = 0; i < static_cast<std::size_t>(got); ++i) {
        const msghdr& head = heads[i].msg_hdr;
        addresses[i].size = head.msg_namelen;
        record(messages[i], heads[i].msg_len, (head.msg_flags & MSG_TRUNC) != 0, addresses[i]);
    }
    return {static_cast<std::size_t>(got), 0};
}

#else

message_count send_messages(native_handle handle, std::span<const outgoing_message> messages) noexcept {
    std::size_t sent = 0;
    for (const outgoing_message& m : messages) {
        native_address address;
        iovec vector;
        msghdr head;
        describe(m, address, vector, head);
        ssize_t result;
        do {
            result = ::sendmsg(fd(handle), &head, send_flags);
        } while (result < 0 && errno == EINTR);
        if (result < 0) return {sent, sent == 0 ? errno : 0};
        ++sent;
    }
    return {sent, 0};
}

message_count receive_messages(native_handle handle, std::span<incoming_message> messages) noexcept {
    std::size_t received = 0;
    for (incoming_message& m : messages) {
        native_address address;
        iovec vector;
        msghdr head;
        describe(m, address, vector, head);
        ssize_t result;
        do {
            result = ::recvmsg(fd(handle), &head, MSG_DONTWAIT);
        } while (result < 0 && errno == EINTR);
        if (result < 0) return {received, received == 0 ? errno : 0};
        address.size = head.msg_namelen;
        record(m, static_cast<std::size_t>(result), (head.msg_flags & MSG_TRUNC) != 0, address);
        ++received;
    }
    return {received, 0};
}

#endif

int change_membership(native_handle handle, const multicast_group& group, membership m) noexcept {
    const int level = group.group.family() == address_family::ipv4 ? IPPROTO_IP : IPPROTO_IPV6;
    const auto place = [](const endpoint& e, sockaddr_storage& where) {
        std::byte bytes[32];
        std::memcpy(&where, bytes, io::to_native(e, bytes));
    };
    const bool joins = m == membership::join;
    if (group.has_source) {
        group_source_req request{};
        request.gsr_interface = group.interface_index;
        place(group.group, request.gsr_group);
        place(group.source, request.gsr_source);
        const int name = joins ? MCAST_JOIN_SOURCE_GROUP : MCAST_LEAVE_SOURCE_GROUP;
        return error_of(::setsockopt(fd(handle), level, name, &request, sizeof request));
    }
    group_req request{};
    request.gr_interface = group.interface_index;
    place(group.group, request.gr_group);
    const int name = joins ? MCAST_JOIN_GROUP : MCAST_LEAVE_GROUP;
    return error_of(::setsockopt(fd(handle), level, name, &request, sizeof request));
}

#ifdef __linux__

namespace {

// The calls below know no flag for it.
class without_waiting {
public:
    explicit without_waiting(native_handle handle) noexcept : fd_(fd(handle)), flags_(::fcntl(fd_, F_GETFL)) {
        changed_ = flags_ >= 0 && (flags_ & O_NONBLOCK) == 0 && ::fcntl(fd_, F_SETFL, flags_ | O_NONBLOCK) == 0;
    }
    without_waiting(const without_waiting&) = delete;
    without_waiting& operator=(const without_waiting&) = delete;
    ~without_waiting() {
        if (changed_) ::fcntl(fd_, F_SETFL, flags_);
    }

private:
    int fd_;
    int flags_;
    bool changed_;
};

transfer_result transferred(ssize_t count, int error) noexcept {
    if (count < 0) return {0, error};
    return {static_cast<std::size_t>(count), 0};
}

}  // namespace

transfer_result send_file(native_handle to, native_handle file, std::uint64_t offset, std::size_t count) noexcept {
    // As with pipes: a peer that is gone would end the program, and no flag of the call keeps it away.
    static const bool ignored = (ignore_sigpipe(), true);
    static_cast<void>(ignored);
    const without_waiting here(to);
    auto position = static_cast<off_t>(offset);
    ssize_t sent;
    do {
        sent = ::sendfile(fd(to), fd(file), &position, count);
    } while (sent < 0 && errno == EINTR);
    return transferred(sent, errno);
}

transfer_result splice(native_handle from, native_handle to, std::size_t count) noexcept {
    const without_waiting source(from);
    const without_waiting target(to);
    ssize_t moved;
    do {
        moved = ::splice(fd(from), nullptr, fd(to), nullptr, count, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    } while (moved < 0 && errno == EINTR);
    return transferred(moved, errno);
}

#else

transfer_result send_file(native_handle, native_handle, std::uint64_t, std::size_t) noexcept { return {0, ENOSYS}; }
transfer_result splice(native_handle, native_handle, std::size_t) noexcept { return {0, ENOSYS}; }

#endif

}  // namespace async::inline v0::io::native

#endif
