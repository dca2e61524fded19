// The PROXY protocol, versions 1 and 2: how a load balancer tells a server whose connection it passes on
// (https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt). A server reads it if it is asked to:
//
//   async::tcp_server server{where, handler, {.proxy = async::proxy_protocol::required}};
//
// Here is the parser, which needs no connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <libasync/io/buffer.hpp>
#include <libasync/io/endpoint.hpp>

namespace async::inline v0 {

enum class proxy_protocol : std::uint8_t {
    off,
    // Whoever connects must send a header first; others are turned away. For servers that only the proxy can reach:
    // whoever sends a header says who he is.
    required,
    // A header is taken where there is one. Dangerous: every client may send one and pass for somebody else. For the time
    // in which a proxy is being changed over, in a network without strangers.
    optional,
};

struct proxy_header {
    int version = 0;  // 1 or 2
    // Whether there are addresses: not if the proxy speaks for itself, to see whether the server is well (LOCAL), nor for
    // what it has no addresses for (UNKNOWN, UNSPEC), or no endpoints (unix sockets).
    bool has_addresses = false;
    endpoint source;       // the client
    endpoint destination;  // whom it has called
    // Further fields of version 2, in the bytes that were parsed, each with type, length (2 bytes, big-endian) and value.
    std::span<const std::byte> fields;
};

struct proxy_parse_result {
    enum class status : std::uint8_t {
        complete,    // `size` bytes were the header; what follows is the client's
        incomplete,  // the header is `size` bytes long, or longer: it is safe to read so many before the next attempt
        absent,      // these bytes do not begin a header
        invalid,     // they do, but it is none: the connection is to be closed
    };

    status status = status::incomplete;
    std::size_t size = 0;
    const char* reason = "";  // if it is invalid
    proxy_header header;      // if it is complete
};

// The longest header that is accepted, in bytes. Version 1 ends at 107, version 2 could have 65551.
inline constexpr std::size_t max_proxy_header = 4096;

// Parses the header at the front of `bytes`. Fields of version 2 are checked for their lengths, and the checksum
// (PP2_TYPE_CRC32C), where there is one. Throws std::bad_alloc.
proxy_parse_result parse_proxy_header(const_bytes bytes);

// The value of the first field of that type, such as 0x01 (ALPN), 0x02 (the name of the host, from SNI), 0x05 (a unique
// id); nothing if there is none.
std::optional<std::span<const std::byte>> find_proxy_field(std::span<const std::byte> fields,
                                                           std::uint8_t type) noexcept;

}  // namespace async::inline v0
