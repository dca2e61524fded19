#include <libasync/net/proxy_protocol.hpp>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string_view>

namespace async::inline v0 {

namespace {

using status = enum proxy_parse_result::status;
using byte_span = std::span<const std::byte>;

constexpr std::string_view signature_1 = "PROXY ";
constexpr std::string_view signature_2("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t shortest_1 = 15;  // "PROXY UNKNOWN\r\n"
constexpr std::size_t longest_1 = 107;
constexpr std::size_t fixed_2 = 16;  // signature, command, family, length
constexpr std::uint8_t type_crc32c = 0x03;

proxy_parse_result invalid(const char* reason) {
    proxy_parse_result r;
    r.status = status::invalid;
    r.reason = reason;
    return r;
}

proxy_parse_result incomplete(std::size_t needed) {
    proxy_parse_result r;
    r.size = needed;
    return r;
}

proxy_parse_result complete(std::size_t size, const proxy_header& header) {
    proxy_parse_result r;
    r.status = status::complete;
    r.size = size;
    r.header = header;
    return r;
}

// Version 1: a line of text.

// Takes a field and the space behind it off the front.
std::string_view take_field(std::string_view& rest) {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    const std::string_view field = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return field;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
    if (text.empty() || text.size() > 5) return {};
    unsigned value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return {};
        value = 10 * value + static_cast<unsigned>(c - '0');
    }
    if (value > 65535 || (text.size() > 1 && text[0] == '0')) return {};
    return static_cast<std::uint16_t>(value);
}

std::optional<endpoint> parse_address(std::string_view text, std::string_view port, address_family family) {
    const std::string_view allowed = family == address_family::ipv4 ? "0123456789." : "0123456789abcdefABCDEF:.";
    const std::optional<std::uint16_t> number = parse_port(port);
    if (!number || text.empty() || text.find_first_not_of(allowed) != text.npos) return {};
    try {
        const endpoint where(text, *number);
        if (where.family() == family) return where;
    } catch (const std::invalid_argument&) {  // no address
    }
    return {};
}

// The fewest bytes that must still come, of a line that has begun.
std::size_t rest_of_line(std::string_view line, bool has_addresses) {
    if (line.back() == '\r') return 1;
    if (!has_addresses) return 2;
    const auto spaces = static_cast<std::size_t>(std::count(line.begin(), line.end(), ' '));
    const std::size_t missing_fields = 5 - std::min<std::size_t>(spaces, 5);
    return 2 * missing_fields + (line.back() == ' ') + 2;
}

proxy_parse_result parse_1(std::string_view text) {
    if (text.size() < shortest_1) return incomplete(shortest_1);
    const std::string_view line = text.substr(0, longest_1);
    const std::size_t end = line.find_first_of("\r\n");
    const bool unknown = line.starts_with("PROXY UNKNOWN") && (line[13] == ' ' || line[13] == '\r');
    const bool ipv4 = line.starts_with("PROXY TCP4 ");
    const bool ipv6 = line.starts_with("PROXY TCP6 ");
    if (!unknown && !ipv4 && !ipv6) return invalid("neither TCP4 nor TCP6 nor UNKNOWN");
    if (end == line.npos || end + 1 == line.size()) {
        if (line.size() == longest_1) return invalid("the line does not end");
        if (end != line.npos && line[end] != '\r') return invalid("a line without a carriage return");
        return incomplete(std::min(line.size() + rest_of_line(line, !unknown), longest_1));
    }
    if (line.substr(end, 2) != "\r\n") return invalid("the line does not end as it should");
    proxy_header header;
    header.version = 1;
    if (unknown) return complete(end + 2, header);

    std::string_view rest = line.substr(11, end - 11);
    const std::string_view source = take_field(rest);
    const std::string_view destination = take_field(rest);
    const std::string_view source_port = take_field(rest);
    const address_family family = ipv4 ? address_family::ipv4 : address_family::ipv6;
    const std::optional<endpoint> from = parse_address(source, source_port, family);
    const std::optional<endpoint> to = parse_address(destination, rest, family);
    if (!from || !to) return invalid("not two addresses with their ports");
    header.has_addresses = true;
    header.source = *from;
    header.destination = *to;
    return complete(end + 2, header);
}

// Version 2: binary.

std::size_t number_at(byte_span bytes, std::size_t at) {
    return static_cast<std::size_t>(bytes[at]) << 8 | static_cast<std::size_t>(bytes[at + 1]);
}

endpoint endpoint_at(byte_span bytes, std::size_t at, std::size_t port_at, address_family family) {
    std::array<std::uint8_t, 16> address{};
    const std::size_t size = family == address_family::ipv4 ? 4 : 16;
    for (std::size_t i = 0; i < size; ++i) address[i] = static_cast<std::uint8_t>(bytes[at + i]);
    return endpoint::from_bytes(family, address, static_cast<std::uint16_t>(number_at(bytes, port_at)));
}

// Calls `see(type, value)` for each field, until it says no. False if the lengths are wrong.
template <class See>
bool walk_fields(byte_span fields, See see) {
    while (!fields.empty()) {
        if (fields.size() < 3) return false;
        const std::size_t length = number_at(fields, 1);
        if (length > fields.size() - 3) return false;
        if (!see(static_cast<std::uint8_t>(fields[0]), fields.subspan(3, length))) return true;
        fields = fields.subspan(3 + length);
    }
    return true;
}

// RFC 3720, appendix B.4; the bytes of [skip, skip + 4) count as zero.
std::uint32_t crc32c(byte_span bytes, std::size_t skip) {
    std::uint32_t crc = ~0u;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (i < skip || i >= skip + 4) crc ^= static_cast<std::uint32_t>(bytes[i]);
        for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (0x82f63b78u & (0u - (crc & 1)));
    }
    return ~crc;
}

// Null if all is well.
const char* what_is_wrong_with(byte_span header, byte_span fields) {
    const char* wrong = nullptr;
    const bool whole = walk_fields(fields, [&](std::uint8_t type, byte_span value) {
        if (type != type_crc32c) return true;
        if (value.size() != 4) {
            wrong = "a checksum that is none";
            return false;
        }
        const std::size_t stated = number_at(value, 0) << 16 | number_at(value, 2);
        if (crc32c(header, static_cast<std::size_t>(value.data() - header.data())) != stated) wrong = "the checksum";
        return wrong == nullptr;
    });
    return whole ? wrong : "a field that is longer than the header";
}

proxy_parse_result parse_2(byte_span bytes) {
    if (bytes.size() < fixed_2) return incomplete(fixed_2);
    const auto command = static_cast<unsigned>(bytes[12]);
    const auto family = static_cast<unsigned>(bytes[13]);
    const std::size_t size = fixed_2 + number_at(bytes, 14);
    if (command != 0x20 && command != 0x21) return invalid("an unknown version or command");
    if (family >> 4 > 3 || (family & 15) > 2) return invalid("an unknown address family or protocol");
    if (size > max_proxy_header) return invalid("it is too long");
    if (bytes.size() < size) return incomplete(size);
    const byte_span whole = bytes.first(size);

    proxy_header header;
    header.version = 2;
    if (command == 0x20) return complete(size, header);  // LOCAL: what follows is to be ignored
    constexpr std::array<std::size_t, 4> address_sizes{0, 12, 36, 216};
    const std::size_t fields_at = fixed_2 + address_sizes[family >> 4];
    if (size < fields_at) return invalid("the addresses are cut short");
    header.fields = whole.subspan(fields_at);
    if (const char* wrong = what_is_wrong_with(whole, header.fields)) return invalid(wrong);
    if (family == 0x11 || family == 0x12) {
        header.has_addresses = true;
        header.source = endpoint_at(whole, fixed_2, fixed_2 + 8, address_family::ipv4);
        header.destination = endpoint_at(whole, fixed_2 + 4, fixed_2 + 10, address_family::ipv4);
    } else if (family == 0x21 || family == 0x22) {
        header.has_addresses = true;
        header.source = endpoint_at(whole, fixed_2, fixed_2 + 32, address_family::ipv6);
        header.destination = endpoint_at(whole, fixed_2 + 16, fixed_2 + 34, address_family::ipv6);
    }
    return complete(size, header);
}

}  // namespace

proxy_parse_result parse_proxy_header(const_bytes bytes) {
    const std::string_view text(static_cast<const char*>(bytes.data()), bytes.size());
    if (text.empty()) return incomplete(shortest_1);
    const auto begins = [text](std::string_view signature) {
        const std::size_t common = std::min(text.size(), signature.size());
        return text.substr(0, common) == signature.substr(0, common);
    };
    if (begins(signature_1)) return parse_1(text);
    if (begins(signature_2)) return parse_2({static_cast<const std::byte*>(bytes.data()), bytes.size()});
    proxy_parse_result r;
    r.status = status::absent;
    return r;
}

std::optional<std::span<const std::byte>> find_proxy_field(std::span<const std::byte> fields,
                                                           std::uint8_t type) noexcept {
    std::optional<std::span<const std::byte>> found;
    walk_fields(fields, [&](std::uint8_t t, byte_span value) {
        if (t == type) found = value;
        return !found;
    });
    return found;
}

}  // namespace async::inline v0
