// What was agreed on in a handshake, as text.
#pragma once

#include <string>

#include <libasync/net/tls/engine.hpp>

namespace async::inline v0::detail {

std::string alpn_of(const tls_engine& engine);
std::string version_of(const tls_engine& engine);
std::string cipher_of(const tls_engine& engine);
// What the client has asked for.
std::string server_name_of(const tls_engine& engine);
bool session_reused(const tls_engine& engine) noexcept;
// PEM, and RFC 2253; empty without a certificate.
std::string peer_certificate_of(const tls_engine& engine);
std::string peer_subject_of(const tls_engine& engine);

}  // namespace async::inline v0::detail
