// What many TLS connections have in common: certificates, whom to trust, versions, sessions to resume.
//
//   const auto context = async::tls_context::client();  // the system's trust, verification on, TLS 1.2 and 1.3
//   const auto served = async::tls_context::server("chain.pem", "key.pem", {.alpn = "h2,http/1.1"});
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <type_traits>

#include <libasync/net/tls_error.hpp>

namespace async::inline v0 {

namespace detail {
class tls_context_state;
}  // namespace detail

enum class tls_version : std::uint8_t { tls_1_2, tls_1_3 };

// What a client asks of the server's certificate.
enum class tls_verification : std::uint8_t {
    full,                  // issued by somebody trusted, valid now, and for the name that was asked for
    dangerously_disabled,  // anything: whoever is on the way can read and change everything
};

// What a server asks of its clients.
enum class tls_client_certificates : std::uint8_t {
    ignored,
    optional,  // one that is sent must be in order
    required,
};

// Texts are borrowed until the call that takes the options returns. "PEM" is the text of such a file (RFC 7468).
struct tls_context_options {
    // Whom to trust: the issuers in a file, in a directory (hashed, see openssl-rehash(1)), or in memory as PEM. If
    // none is given, a client trusts whom the system trusts, and a server no client.
    std::string_view ca_file = {};
    std::string_view ca_directory = {};
    std::string_view ca_pem = {};
    // One's own certificate, with those that lead to its issuer behind it, and its key; each in a file or in memory.
    std::string_view certificate_file = {};
    std::string_view key_file = {};
    std::string_view certificate_pem = {};
    std::string_view key_pem = {};
    // Of an encrypted key. Nobody is asked at a terminal.
    std::string_view key_password = {};
    // Protocols that are offered (client) or spoken (server), by preference: "h2,http/1.1" (RFC 7301). A server to
    // which a client offers only others refuses it.
    std::string_view alpn = {};
    // For TLS 1.2, as in openssl-ciphers(1). Empty: those with forward secrecy and authenticated encryption.
    std::string_view ciphers = {};
    tls_version min_version = tls_version::tls_1_2;
    tls_version max_version = tls_version::tls_1_3;
    tls_verification verification = tls_verification::full;
    tls_client_certificates client_certificates = tls_client_certificates::ignored;
};
static_assert(std::is_trivially_destructible_v<tls_context_options>);

// Cheap to copy; copies share everything, may be used by several threads at once, and outlived by the streams made
// with them. Making one reads its files at once, and takes some milliseconds.
//
// A client's context keeps up to 4 sessions for each server name, of 256 names, and resumes them (RFC 8446, 2.2); a
// server's gives out tickets and keeps nothing. Errors are tls_error (tls_errc::configuration) with the file and
// OpenSSL's reason. Where the library was built without OpenSSL everything throws std::system_error,
// function_not_supported.
class tls_context {
public:
    // For connections to servers.
    static tls_context client(const tls_context_options& options = {});

    // For connections from clients. Needs a certificate and a key, in files ...
    static tls_context server(std::string_view chain_file, std::string_view key_file,
                              const tls_context_options& options = {});
    // ... or as the options say. std::invalid_argument if there is none, or if client certificates are asked for and
    // nobody is named whom to trust for them.
    static tls_context server(const tls_context_options& options);

    // Takes another certificate and key, the rest stays: handshakes that begin later use them, connections go on.
    // If one is unusable it throws, and all stays as it was. From any thread.
    void reload(std::string_view chain_file, std::string_view key_file, std::string_view key_password = {});
    void reload_pem(std::string_view chain, std::string_view key, std::string_view key_password = {});

    // For the library.
    const std::shared_ptr<detail::tls_context_state>& state() const noexcept { return state_; }

private:
    explicit tls_context(std::shared_ptr<detail::tls_context_state> state) noexcept : state_(std::move(state)) {}

    std::shared_ptr<detail::tls_context_state> state_;
};

}  // namespace async::inline v0
