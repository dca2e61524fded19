// What OpenSSL says of a failure: its queue of errors, emptied and told.
#pragma once

#include <string>

#include <libasync/net/tls_error.hpp>

namespace async::inline v0::detail {

struct openssl_failure {
    std::string reason;  // "certificate verify failed"
    std::string data;    // "Calling X509_...", a file; often empty
    bool out_of_memory = false;
    bool certificate_rejected = false;
};

// The first error in this thread's queue, which is empty afterwards.
openssl_failure take_openssl_failure();

// Throws tls_error (tls_errc::configuration), "<what>: <reason>", or std::bad_alloc.
[[noreturn]] void throw_unusable(const std::string& what);

}  // namespace async::inline v0::detail
