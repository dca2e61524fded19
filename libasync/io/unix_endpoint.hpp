// The name of a unix socket: a path, or a name that is in no file system (unix(7)). A value type.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include <libasync/config.hpp>

namespace async::inline v0 {

class unix_endpoint {
public:
    static constexpr std::size_t longest = 107;  // bytes of a path, or of an abstract name

    // No name: that of a socket which was never bound.
    constexpr unix_endpoint() = default;

    // A path. Throws std::invalid_argument, naming it, if it is empty, too long, or contains a zero byte.
    unix_endpoint(std::string_view path);
    unix_endpoint(const char* path) : unix_endpoint(std::string_view(path)) {}
    unix_endpoint(const std::string& path) : unix_endpoint(std::string_view(path)) {}

    // A name of Linux' abstract namespace, of any bytes; it vanishes with its socket. Throws std::invalid_argument if it
    // is too long.
    static unix_endpoint abstract(std::string_view name);

    bool is_abstract() const noexcept { return size_ != 0 && bytes_[0] == '\0'; }
    bool empty() const noexcept { return size_ == 0; }

    // The path; empty for other names.
    std::string path() const { return is_abstract() ? std::string() : std::string(bytes()); }
    // The path, "@name" for an abstract name, "(unnamed)".
    std::string to_string() const;

    // As the system has it: an abstract name begins with a zero byte.
    std::string_view bytes() const noexcept { return {bytes_, size_}; }
    // Cut to what fits.
    static unix_endpoint from_bytes(std::string_view bytes) noexcept;

    friend bool operator==(const unix_endpoint& a, const unix_endpoint& b) noexcept;
    friend std::strong_ordering operator<=>(const unix_endpoint& a, const unix_endpoint& b) noexcept;

private:
    char bytes_[longest + 1]{};
    std::uint8_t size_ = 0;
};

}  // namespace async::inline v0
