// What goes through sockets beside plain bytes: datagrams with their addresses, open handles, membership of groups.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <libasync/io/buffer.hpp>
#include <libasync/io/endpoint.hpp>
#include <libasync/io/handle.hpp>
#include <libasync/io/unix_endpoint.hpp>

namespace async::inline v0::io {

// A count of bytes, or an error (an errno value; 0 means none).
struct transfer_result {
    std::size_t bytes = 0;
    int error = 0;
};

// Where a message comes from or goes to: nowhere in particular, an endpoint, or the name of a unix socket.
struct message_address {
    enum class kind : std::uint8_t { none, inet, local };
    message_address() = default;
    explicit message_address(const endpoint& e) noexcept : which(kind::inet), inet(e) {}
    explicit message_address(const unix_endpoint& e) noexcept : which(kind::local), local(e) {}

    kind which = kind::none;
    endpoint inet;
    unix_endpoint local;
};

struct outgoing_message {
    const_bytes data;
    const message_address* to = nullptr;  // null: to whom the socket is connected
};

struct incoming_message {
    std::span<std::byte> into;
    std::size_t size = 0;  // of what is in `into`
    bool truncated = false;
    message_address from;
};

// Of a batch of messages: how many, or the error of the first.
struct message_count {
    std::size_t count = 0;
    int error = 0;
};

struct multicast_group {
    endpoint group;          // the port does not matter
    endpoint source;         // only what comes from there, if there is one
    bool has_source = false;
    std::uint32_t interface_index = 0;  // 0: the system chooses
};
enum class membership : std::uint8_t { join, leave };

// Who is at the other end of a unix socket (SO_PEERCRED, unix(7)).
struct process_credentials {
    std::int64_t pid = 0;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
};

// Bytes that came, and the handles that came with them; those that found no room are closed. Of a datagram, also whether
// it had more bytes than that.
struct handle_transfer {
    std::size_t bytes = 0;
    std::size_t handles = 0;
    int error = 0;
    bool truncated = false;
};

}  // namespace async::inline v0::io
