#include <libasync/net/proxy_dialogue.hpp>

#include <algorithm>
#include <stdexcept>

#include <libasync/net/host_text.hpp>

namespace async::inline v0 {

namespace {

constexpr std::size_t longest_host = 255;  // what SOCKS has room for; names of DNS are not longer

bool is_valid_host(std::string_view host) noexcept {
    const auto is_odd = [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7F; };
    return !host.empty() && host.size() <= longest_host && std::none_of(host.begin(), host.end(), is_odd);
}

}  // namespace

namespace detail {

proxy_dialogue::proxy_dialogue(const char* kind, std::string_view host, int port, const proxy_options& options)
    : host_(host),
      user_(options.user),
      password_(options.password),
      kind_(kind),
      port_(port),
      names_(options.names),
      timeout_(options.timeout) {
    if (port < 1 || port > 65535) {
        throw std::invalid_argument(std::string(kind) + ": " + std::to_string(port) + " is no port to connect to");
    }
    if (!is_valid_host(host)) throw resolve_error(resolve_errc::invalid_name, "connect to " + target());
    address_ = endpoint::parse(host, static_cast<std::uint16_t>(port));
}
proxy_dialogue::~proxy_dialogue() = default;

std::string proxy_dialogue::target() const {
    return address_ ? address_->to_string() : describe_host(host_, std::to_string(port_));
}

void proxy_dialogue::fail(std::error_code code, int reply, std::string_view answer) const {
    std::string what = "connect to " + describe_host(host_, std::to_string(port_)) + " by the " + kind_ + " proxy";
    if (!proxy_.empty()) what += " " + proxy_;
    if (!answer.empty()) what += ": " + printable(answer);
    throw proxy_error(code, what, reply);
}

}  // namespace detail

}  // namespace async::inline v0
