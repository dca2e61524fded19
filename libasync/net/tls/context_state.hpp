// What the copies of a tls_context share.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include <libasync/net/tls/session_cache.hpp>
#include <libasync/net/tls_context.hpp>

namespace async::inline v0::detail {

enum class tls_role : std::uint8_t { client, server };

// An option aggregate that owns its texts.
struct tls_setup {
    tls_setup(tls_role r, const tls_context_options& options);

    tls_role role;
    std::string ca_file, ca_directory, ca_pem;
    std::string certificate_file, key_file, certificate_pem, key_pem, key_password;
    std::string alpn;  // as it is sent: each with its length in front
    std::string ciphers;
    tls_version min_version, max_version;
    tls_verification verification;
    tls_client_certificates client_certificates;
};

// "h2,http/1.1" as it is sent. Throws std::invalid_argument for a name that is empty or longer than 255 bytes.
std::string alpn_as_sent(std::string_view names);

class tls_context_state {
public:
    explicit tls_context_state(tls_setup setup);
    tls_context_state(const tls_context_state&) = delete;
    tls_context_state& operator=(const tls_context_state&) = delete;

    tls_role role() const noexcept { return role_; }
    bool verifies() const noexcept { return verifies_; }

    // For one connection more. It keeps what it needs of OpenSSL's context, and this object must outlive it.
    ssl_ptr make_connection();

    // Another certificate; throws if it is unusable, and then nothing has changed.
    void reload(const tls_context_options& certificate);

    const std::string& alpn() const noexcept { return alpn_; }
    tls_session_cache& sessions() noexcept { return sessions_; }

private:
    const tls_role role_;
    const bool verifies_;
    const std::string alpn_;
    std::mutex mutex_;  // of the two below
    tls_setup setup_;
    ssl_ctx_ptr context_;
    tls_session_cache sessions_;
};

}  // namespace async::inline v0::detail
