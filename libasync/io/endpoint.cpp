#include <libasync/io/endpoint.hpp>

#include <charconv>
#include <cstring>
#include <stdexcept>

#ifdef _WIN32
#include <winsock2.h>
#include <ws2tcpip.h>
#else
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#endif

namespace async::inline v0 {

namespace {

// Room for the longest numeric address.
using address_text = char[64];

int native_family(address_family family) noexcept { return family == address_family::ipv4 ? AF_INET : AF_INET6; }

// inet_pton wants a terminated string.
bool parse_bytes(address_family family, std::string_view text, std::array<std::uint8_t, 16>& bytes) noexcept {
    address_text copy;
    if (text.size() >= sizeof copy || text.find('\0') != text.npos) return false;
    std::memcpy(copy, text.data(), text.size());
    copy[text.size()] = '\0';
    return ::inet_pton(native_family(family), copy, bytes.data()) == 1;
}

// A zone is an interface index or, where the system knows names, an interface's name.
bool parse_scope(std::string_view text, std::uint32_t& scope) noexcept {
    const char* end = text.data() + text.size();
    auto [stop, error] = std::from_chars(text.data(), end, scope);
    if (error == std::errc{} && stop == end) return true;
    scope = 0;
#ifndef _WIN32
    char name[IF_NAMESIZE];
    if (text.size() >= sizeof name || text.find('\0') != text.npos) return false;
    std::memcpy(name, text.data(), text.size());
    name[text.size()] = '\0';
    scope = ::if_nametoindex(name);
#endif
    return scope != 0;
}

}  // namespace

std::optional<endpoint> endpoint::parse(std::string_view text, std::uint16_t port) noexcept {
    endpoint e;
    e.port_ = port;
    if (parse_bytes(address_family::ipv4, text, e.bytes_)) return e;

    e.family_ = address_family::ipv6;
    if (text.size() >= 2 && text.front() == '[' && text.back() == ']') text = text.substr(1, text.size() - 2);
    const std::size_t zone = text.find('%');
    if (!parse_bytes(e.family_, text.substr(0, zone), e.bytes_)) return std::nullopt;
    if (zone != text.npos && !parse_scope(text.substr(zone + 1), e.scope_)) return std::nullopt;
    return e;
}

endpoint::endpoint(std::string_view address, std::uint16_t port) {
    const std::optional<endpoint> parsed = parse(address, port);
    if (!parsed) throw std::invalid_argument("'" + std::string(address) + "' is not a numeric address");
    *this = *parsed;
}

endpoint endpoint::loopback(std::uint16_t port, address_family family) noexcept {
    std::array<std::uint8_t, 16> bytes{};
    if (family == address_family::ipv4) {
        bytes[0] = 127;
        bytes[3] = 1;
    } else {
        bytes[15] = 1;
    }
    return from_bytes(family, bytes, port);
}

endpoint endpoint::any(std::uint16_t port, address_family family) noexcept { return from_bytes(family, {}, port); }

endpoint endpoint::from_bytes(address_family family, const std::array<std::uint8_t, 16>& bytes, std::uint16_t port,
                              std::uint32_t scope) noexcept {
    endpoint e;
    e.family_ = family;
    e.port_ = port;
    if (family == address_family::ipv6) {
        e.bytes_ = bytes;
        e.scope_ = scope;
    } else {
        std::memcpy(e.bytes_.data(), bytes.data(), 4);
    }
    return e;
}

std::string endpoint::address() const {
    address_text text{};
    ::inet_ntop(native_family(family_), bytes_.data(), text, sizeof text);
    std::string result = text;
    if (scope_ != 0) result += '%' + std::to_string(scope_);
    return result;
}

std::string endpoint::to_string() const {
    const std::string port = ':' + std::to_string(port_);
    return family_ == address_family::ipv4 ? address() + port : '[' + address() + ']' + port;
}

}  // namespace async::inline v0
