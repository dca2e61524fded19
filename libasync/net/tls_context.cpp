#include <libasync/net/tls_context.hpp>

#include <libasync/net/tls/context_state.hpp>

namespace async::inline v0 {

using detail::tls_context_state;
using detail::tls_role;
using detail::tls_setup;

tls_context tls_context::client(const tls_context_options& options) {
    return tls_context(std::make_shared<tls_context_state>(tls_setup(tls_role::client, options)));
}

tls_context tls_context::server(std::string_view chain_file, std::string_view key_file,
                                const tls_context_options& options) {
    tls_context_options all = options;
    all.certificate_file = chain_file;
    all.key_file = key_file;
    return server(all);
}

tls_context tls_context::server(const tls_context_options& options) {
    return tls_context(std::make_shared<tls_context_state>(tls_setup(tls_role::server, options)));
}

void tls_context::reload(std::string_view chain_file, std::string_view key_file, std::string_view key_password) {
    state_->reload({.certificate_file = chain_file, .key_file = key_file, .key_password = key_password});
}

void tls_context::reload_pem(std::string_view chain, std::string_view key, std::string_view key_password) {
    state_->reload({.certificate_pem = chain, .key_pem = key, .key_password = key_password});
}

}  // namespace async::inline v0
