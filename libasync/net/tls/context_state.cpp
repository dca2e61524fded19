#include <libasync/net/tls/context_state.hpp>

#include <new>

#include <openssl/ssl.h>

#include <libasync/net/tls/context_setup.hpp>
#include <libasync/net/tls/engine.hpp>

namespace async::inline v0::detail {

void openssl_free::operator()(ssl_st* ssl) const noexcept { SSL_free(ssl); }
void openssl_free::operator()(ssl_ctx_st* context) const noexcept { SSL_CTX_free(context); }
void openssl_free::operator()(ssl_session_st* session) const noexcept { SSL_SESSION_free(session); }

std::string alpn_as_sent(std::string_view names) {
    std::string sent;
    while (!names.empty()) {
        const std::size_t comma = names.find(',');
        const std::string_view name = names.substr(0, comma);
        if (name.empty() || name.size() > 255) {
            throw std::invalid_argument("tls_context: alpn: a name has 1 to 255 bytes");
        }
        sent.append(1, static_cast<char>(name.size())).append(name);
        names.remove_prefix(comma == names.npos ? names.size() : comma + 1);
    }
    return sent;
}

tls_setup::tls_setup(tls_role r, const tls_context_options& options)
    : role(r),
      ca_file(options.ca_file),
      ca_directory(options.ca_directory),
      ca_pem(options.ca_pem),
      certificate_file(options.certificate_file),
      key_file(options.key_file),
      certificate_pem(options.certificate_pem),
      key_pem(options.key_pem),
      key_password(options.key_password),
      alpn(alpn_as_sent(options.alpn)),
      ciphers(options.ciphers),
      min_version(options.min_version),
      max_version(options.max_version),
      verification(options.verification),
      client_certificates(options.client_certificates) {}

namespace {

// OpenSSL has got a session that can be resumed: 1 if it is kept.
int keep_session(SSL* ssl, SSL_SESSION* session) noexcept {
    auto* engine = static_cast<tls_engine*>(SSL_get_app_data(ssl));
    return engine != nullptr && engine->keep_session(session) ? 1 : 0;
}

}  // namespace

tls_context_state::tls_context_state(tls_setup setup)
    : role_(setup.role),
      verifies_(setup.verification == tls_verification::full),
      alpn_(setup.alpn),
      setup_(std::move(setup)),
      context_(make_ssl_context(setup_, alpn_)) {
    if (role_ == tls_role::client) SSL_CTX_sess_set_new_cb(context_.get(), &keep_session);
}

ssl_ptr tls_context_state::make_connection() {
    const std::lock_guard guard(mutex_);
    ssl_ptr ssl(SSL_new(context_.get()));
    if (!ssl) throw std::bad_alloc();
    return ssl;
}

void tls_context_state::reload(const tls_context_options& certificate) {
    const std::lock_guard guard(mutex_);
    tls_setup changed = setup_;
    changed.certificate_file = certificate.certificate_file;
    changed.key_file = certificate.key_file;
    changed.certificate_pem = certificate.certificate_pem;
    changed.key_pem = certificate.key_pem;
    changed.key_password = certificate.key_password;
    ssl_ctx_ptr fresh = make_ssl_context(changed, alpn_);
    if (role_ == tls_role::client) SSL_CTX_sess_set_new_cb(fresh.get(), &keep_session);
    if (role_ == tls_role::server) take_over_ticket_keys(*fresh, *context_);
    setup_ = std::move(changed);
    context_ = std::move(fresh);
}

}  // namespace async::inline v0::detail
