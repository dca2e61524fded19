// What goes wrong with TLS, beside the errors of the transport.
#pragma once

#include <stdexcept>
#include <string>
#include <system_error>

#include <libasync/config.hpp>

namespace async::inline v0 {

enum class tls_errc {
    protocol = 1,        // the peer, or what it sent, is not acceptable; or it has sent a fatal alert
    certificate,         // the peer's certificate is not accepted: unknown issuer, other host, expired, ...
    truncated,           // the transport ended without TLS's own end (RFC 8446, 6.1): something may be missing
    handshake_timed_out,
    configuration,       // a certificate, key, list or file of the context is unusable
};

// truncated is equivalent to std::errc::connection_aborted, handshake_timed_out to std::errc::timed_out.
LIBASYNC_EXPORT const std::error_category& tls_category() noexcept;

inline std::error_code make_error_code(tls_errc e) noexcept { return {static_cast<int>(e), tls_category()}; }

// The message names the operation, the peer where it is known, OpenSSL's reason, and for a certificate what is wrong
// with it: "TLS handshake with example.org: certificate verify failed: hostname mismatch for example.org".
class LIBASYNC_EXPORT tls_error : public std::system_error {
public:
    tls_error(tls_errc code, const std::string& message);
    tls_error(const tls_error&) = default;
    tls_error& operator=(const tls_error&) = default;
    ~tls_error() override;

    const char* what() const noexcept override { return message_.what(); }

private:
    std::runtime_error message_;
};

}  // namespace async::inline v0

template <>
struct std::is_error_code_enum<async::tls_errc> : std::true_type {};
