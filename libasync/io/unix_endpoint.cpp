#include <libasync/io/unix_endpoint.hpp>

#include <algorithm>
#include <stdexcept>

namespace async::inline v0 {

unix_endpoint::unix_endpoint(std::string_view path) {
    const char* wrong = nullptr;
    if (path.empty()) wrong = "is empty";
    if (path.size() > longest) wrong = "is longer than 107 bytes";
    if (path.find('\0') != path.npos) wrong = "contains a zero byte";
    if (wrong != nullptr) throw std::invalid_argument("the path of a unix socket '" + std::string(path) + "' " + wrong);
    *this = from_bytes(path);
}

unix_endpoint unix_endpoint::abstract(std::string_view name) {
    if (name.size() > longest)
        throw std::invalid_argument("the abstract name '" + std::string(name) + "' is longer than 107 bytes");
    return from_bytes(std::string(1, '\0').append(name));
}

unix_endpoint unix_endpoint::from_bytes(std::string_view bytes) noexcept {
    unix_endpoint e;
    e.size_ = static_cast<std::uint8_t>(std::min(bytes.size(), sizeof e.bytes_));
    std::copy_n(bytes.data(), e.size_, e.bytes_);
    return e;
}

bool operator==(const unix_endpoint& a, const unix_endpoint& b) noexcept { return a.bytes() == b.bytes(); }

std::strong_ordering operator<=>(const unix_endpoint& a, const unix_endpoint& b) noexcept {
    return a.bytes() <=> b.bytes();
}

std::string unix_endpoint::to_string() const {
    if (empty()) return "(unnamed)";
    return is_abstract() ? "@" + std::string(bytes().substr(1)) : path();
}

}  // namespace async::inline v0
