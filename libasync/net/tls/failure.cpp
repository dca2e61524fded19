#include <libasync/net/tls/failure.hpp>

#include <cstring>
#include <new>

#include <openssl/err.h>
#include <openssl/ssl.h>

namespace async::inline v0::detail {

openssl_failure take_openssl_failure() {
    openssl_failure found;
    const char* data = nullptr;
    int flags = 0;
    const unsigned long code = ERR_get_error_all(nullptr, nullptr, nullptr, &data, &flags);
    if (code == 0) {
        found.reason = "unknown error";
        return found;
    }
    found.out_of_memory = ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE;
    found.certificate_rejected =
        ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED;
    try {
        if (ERR_SYSTEM_ERROR(code)) {
            found.reason = std::strerror(ERR_GET_REASON(code));
        } else {
            const char* reason = ERR_reason_error_string(code);
            found.reason = reason ? reason : "error " + std::to_string(code);
        }
        if (data && (flags & ERR_TXT_STRING)) found.data = data;
    } catch (...) {
        ERR_clear_error();
        throw;
    }
    ERR_clear_error();
    return found;
}

void throw_unusable(const std::string& what) {
    const openssl_failure found = take_openssl_failure();
    if (found.out_of_memory) throw std::bad_alloc();
    throw tls_error(tls_errc::configuration, what + ": " + found.reason);
}

}  // namespace async::inline v0::detail
