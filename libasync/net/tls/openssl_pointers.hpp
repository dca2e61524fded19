// Owners of OpenSSL's objects, for which its headers are not needed.
#pragma once

#include <memory>

#include <libasync/config.hpp>

struct ssl_st;
struct ssl_ctx_st;
struct ssl_session_st;

namespace async::inline v0::detail {

struct openssl_free {
    void operator()(ssl_st* ssl) const noexcept;
    void operator()(ssl_ctx_st* context) const noexcept;
    void operator()(ssl_session_st* session) const noexcept;
};

using ssl_ptr = std::unique_ptr<ssl_st, openssl_free>;
using ssl_ctx_ptr = std::unique_ptr<ssl_ctx_st, openssl_free>;
using ssl_session_ptr = std::unique_ptr<ssl_session_st, openssl_free>;

}  // namespace async::inline v0::detail
