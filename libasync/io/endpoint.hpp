// A network address with a port: IPv4 or IPv6. A value type; names are resolved elsewhere.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <libasync/config.hpp>

namespace async::inline v0 {

enum class address_family : std::uint8_t { ipv4, ipv6 };

class endpoint {
public:
    // 0.0.0.0, port 0.
    constexpr endpoint() = default;

    // Parses a numeric address such as "127.0.0.1", "::1" or "fe80::1%2"; brackets around IPv6 are accepted.
    // Throws std::invalid_argument, naming the text, if it is no numeric address.
    endpoint(std::string_view address, std::uint16_t port);

    // The same, or nothing if it is no numeric address.
    static std::optional<endpoint> parse(std::string_view address, std::uint16_t port) noexcept;

    // 127.0.0.1, or ::1.
    static endpoint loopback(std::uint16_t port, address_family family = address_family::ipv4) noexcept;
    // All interfaces: 0.0.0.0, or ::.
    static endpoint any(std::uint16_t port, address_family family = address_family::ipv4) noexcept;
    // From bytes in network order (the first 4 of them for IPv4).
    static endpoint from_bytes(address_family family, const std::array<std::uint8_t, 16>& bytes, std::uint16_t port,
                               std::uint32_t scope = 0) noexcept;

    address_family family() const noexcept { return family_; }
    std::uint16_t port() const noexcept { return port_; }
    // The IPv6 zone index; 0 if there is none.
    std::uint32_t scope() const noexcept { return scope_; }
    // In network order; an IPv4 address fills the first 4.
    const std::array<std::uint8_t, 16>& bytes() const noexcept { return bytes_; }

    // "127.0.0.1" or "::1".
    std::string address() const;
    // "127.0.0.1:80" or "[::1]:80".
    std::string to_string() const;

    friend auto operator<=>(const endpoint&, const endpoint&) = default;

private:
    std::array<std::uint8_t, 16> bytes_{};
    std::uint32_t scope_ = 0;
    std::uint16_t port_ = 0;
    address_family family_ = address_family::ipv4;
};

}  // namespace async::inline v0
