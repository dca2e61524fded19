// Making an OpenSSL context of what a tls_context is asked for.
#pragma once

#include <libasync/net/tls/context_state.hpp>

namespace async::inline v0::detail {

// `alpn` outlives the context, for which it is a server's list. Throws tls_error, std::bad_alloc.
ssl_ctx_ptr make_ssl_context(const tls_setup& setup, const std::string& alpn);

// So that tickets of the old one go on to be taken.
void take_over_ticket_keys(ssl_ctx_st& fresh, ssl_ctx_st& old) noexcept;

}  // namespace async::inline v0::detail
