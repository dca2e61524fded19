// What goes wrong where a proxy is to connect. See proxy.hpp.
#pragma once

#include <string>
#include <system_error>

#include <libasync/config.hpp>

namespace async::inline v0 {

// Those with an equal among std::errc compare equal to it.
enum class proxy_errc {
    failed = 1,               // for a reason of its own: SOCKS reply 1, an HTTP status
    not_allowed,              // by its rules: SOCKS reply 2, HTTP 403; std::errc::permission_denied
    network_unreachable,      // std::errc::network_unreachable
    host_unreachable,         // std::errc::host_unreachable
    connection_refused,       // by the other end; std::errc::connection_refused
    timed_out,                // SOCKS reply 6, HTTP 504; std::errc::timed_out
    unsupported,              // SOCKS replies 7 and 8; std::errc::operation_not_supported
    authentication_required,  // it wants a user name, or what it wants is not known here
    authentication_failed,    // it does not take that name and password
    bad_answer,               // against the protocol: std::errc::protocol_error
    answer_too_long,
    closed,  // it ended the connection before it had answered; std::errc::connection_reset
};

LIBASYNC_EXPORT const std::error_category& proxy_category() noexcept;
inline std::error_code make_error_code(proxy_errc e) noexcept { return {static_cast<int>(e), proxy_category()}; }

// The code is a proxy_errc, or that of what failed beneath. The message names the target, the proxy, and its answer.
class LIBASYNC_EXPORT proxy_error : public std::system_error {
public:
    proxy_error(std::error_code code, const std::string& what, int reply = 0);
    ~proxy_error() override;

    // The reply of a SOCKS proxy (RFC 1928, section 6) or the status of an HTTP one; 0 if there was none.
    int reply() const noexcept { return reply_; }

private:
    int reply_;
};

}  // namespace async::inline v0

template <>
struct std::is_error_code_enum<async::proxy_errc> : std::true_type {};
