// Names of hosts in messages, for the .cpp files of this directory. They may come from anywhere.
#pragma once

#include <string>
#include <string_view>

namespace async::inline v0::detail {

// Without control characters, and not longer than a line.
std::string printable(std::string_view text);

// "example.org:443", "[::1]:443".
std::string describe_host(std::string_view host, std::string_view service);

}  // namespace async::inline v0::detail
