#include <libasync/net/tls/engine.hpp>

#include <algorithm>
#include <cstring>
#include <new>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <libasync/net/tls/failure.hpp>

namespace async::inline v0::detail {

// The two buffers, as OpenSSL sees them. Nothing may be thrown through it.
struct engine_bio {
    static int write(BIO* bio, const char* data, std::size_t size, std::size_t* written) noexcept {
        auto& engine = *static_cast<tls_engine*>(BIO_get_data(bio));
        BIO_clear_retry_flags(bio);
        *written = 0;
        const std::size_t fits = std::min(size, engine.output_.room());
        if (fits == 0) {
            BIO_set_retry_write(bio);
            return 0;
        }
        try {
            engine.output_.append(data, fits);
        } catch (const std::bad_alloc&) {
            engine.out_of_memory_ = true;
            BIO_set_retry_write(bio);
            return 0;
        }
        *written = fits;
        return 1;
    }

    static int read(BIO* bio, char* into, std::size_t size, std::size_t* count) noexcept {
        auto& engine = *static_cast<tls_engine*>(BIO_get_data(bio));
        BIO_clear_retry_flags(bio);
        *count = std::min(size, engine.input_.size());
        if (*count == 0) {
            BIO_set_retry_read(bio);
            return 0;
        }
        std::memcpy(into, engine.input_.data(), *count);
        engine.input_.remove_prefix(*count);
        if (engine.input_.empty()) engine.input_.release();
        return 1;
    }

    static long control(BIO*, int command, long, void*) noexcept { return command == BIO_CTRL_FLUSH ? 1 : 0; }

    static BIO_METHOD* make_method() {
        BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "libasync");
        if (method == nullptr) throw std::bad_alloc();
        BIO_meth_set_write_ex(method, &engine_bio::write);
        BIO_meth_set_read_ex(method, &engine_bio::read);
        BIO_meth_set_ctrl(method, &engine_bio::control);
        return method;
    }

    static BIO* make(tls_engine& engine) {
        static BIO_METHOD* const method = make_method();  // for the life of the process
        BIO* bio = BIO_new(method);
        if (bio == nullptr) throw std::bad_alloc();
        BIO_set_data(bio, &engine);
        BIO_set_init(bio, 1);
        return bio;
    }
};

namespace {

// Errors of the calls before would be taken for those of the next one. Looking is cheaper than clearing, which goes
// through all places there are for errors.
void forget_errors() noexcept {
    if (ERR_peek_error() != 0) ERR_clear_error();
}

}  // namespace

tls_engine::tls_engine(tls_context_state& context, std::string server_name, const std::string& alpn)
    : context_(context),
      server_name_(std::move(server_name)),
      ssl_(context.make_connection()) {
    ERR_clear_error();
    SSL_set_app_data(ssl_.get(), this);
    BIO* bio = engine_bio::make(*this);
    SSL_set_bio(ssl_.get(), bio, bio);
    if (context.role() == tls_role::server) {
        SSL_set_accept_state(ssl_.get());
    } else {
        SSL_set_connect_state(ssl_.get());
        set_server(alpn);
    }
}

// OpenSSL may tell of sessions while the connection goes.
tls_engine::~tls_engine() { SSL_set_app_data(ssl_.get(), nullptr); }

void tls_engine::set_server(const std::string& alpn) {
    if (!alpn.empty() && SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(alpn.data()),
                                             static_cast<unsigned int>(alpn.size())) != 0) {
        throw_unusable("tls_options: alpn");
    }
    if (server_name_.empty()) return;
    X509_VERIFY_PARAM* wanted = SSL_get0_param(ssl_.get());
    if (X509_VERIFY_PARAM_set1_ip_asc(wanted, server_name_.c_str()) != 1) {
        ERR_clear_error();
        X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        if (X509_VERIFY_PARAM_set1_host(wanted, server_name_.c_str(), 0) != 1 ||
            SSL_set_tlsext_host_name(ssl_.get(), server_name_.c_str()) != 1) {
            throw_unusable("tls_options: server_name " + server_name_);
        }
    }
    if (const ssl_session_ptr session = context_.sessions().take(server_name_)) {
        SSL_set_session(ssl_.get(), session.get());
    }
}

bool tls_engine::keep_session(ssl_session_st* session) noexcept {
    if (context_.role() != tls_role::client || server_name_.empty() || !SSL_SESSION_is_resumable(session)) return false;
    SSL_SESSION_up_ref(session);
    try {
        context_.sessions().put(server_name_, ssl_session_ptr(session));
    } catch (const std::bad_alloc&) {
        // Then it is not resumed.
    }
    return false;  // of what OpenSSL holds, nothing is kept
}

tls_step tls_engine::handshake() {
    if (failed_) return tls_step::failed;
    forget_errors();
    drained_ = false;
    return outcome_of(SSL_do_handshake(ssl_.get()));
}

tls_step tls_engine::look() {
    if (failed_) return tls_step::failed;
    if (drained_) return tls_step::needs_input;
    if (SSL_pending(ssl_.get()) > 0) return tls_step::done;
    forget_errors();
    char first;
    std::size_t count = 0;
    return outcome_of(SSL_peek_ex(ssl_.get(), &first, 1, &count));
}

tls_step tls_engine::read(std::span<std::byte> into, std::size_t& count) {
    count = 0;
    if (failed_) return tls_step::failed;
    if (drained_) return tls_step::needs_input;
    forget_errors();
    const tls_step step = outcome_of(SSL_read_ex(ssl_.get(), into.data(), into.size(), &count));
    drained_ = step == tls_step::done && input_.empty() && SSL_pending(ssl_.get()) == 0 &&
               (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) == 0;
    return step;
}

tls_step tls_engine::write(const void* data, std::size_t size, std::size_t& count) {
    count = 0;
    if (failed_) return tls_step::failed;
    forget_errors();
    return outcome_of(SSL_write_ex(ssl_.get(), data, size, &count));
}

void tls_engine::send_end() noexcept {
    if (end_sent_ || failed_ || !SSL_is_init_finished(ssl_.get())) return;
    end_sent_ = true;
    drained_ = false;
    forget_errors();
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
}

void tls_engine::ask_for_new_keys() {
    if (SSL_version(ssl_.get()) < TLS1_3_VERSION || !SSL_is_init_finished(ssl_.get())) return;
    drained_ = false;
    forget_errors();
    if (SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_REQUESTED) != 1) throw_unusable("key update");
    static_cast<void>(outcome_of(SSL_do_handshake(ssl_.get())));
}

std::size_t tls_engine::readable_at_most() const noexcept {
    return static_cast<std::size_t>(SSL_pending(ssl_.get())) + input_.size();
}

tls_step tls_engine::outcome_of(int result) {
    if (std::exchange(out_of_memory_, false)) throw std::bad_alloc();
    switch (SSL_get_error(ssl_.get(), result)) {
        case SSL_ERROR_NONE: return tls_step::done;
        case SSL_ERROR_WANT_READ: return tls_step::needs_input;
        case SSL_ERROR_WANT_WRITE: return tls_step::needs_room;
        case SSL_ERROR_ZERO_RETURN: return tls_step::ended;
        default: return fail();
    }
}

tls_step tls_engine::fail() {
    failed_ = true;
    openssl_failure found = take_openssl_failure();
    if (found.out_of_memory) throw std::bad_alloc();
    reason_ = std::move(found.reason);
    if (!found.certificate_rejected) return tls_step::failed;
    code_ = tls_errc::certificate;
    const long verdict = SSL_get_verify_result(ssl_.get());
    if (verdict == X509_V_OK) return tls_step::failed;
    reason_ += std::string(": ") + X509_verify_cert_error_string(verdict);
    if (verdict == X509_V_ERR_HOSTNAME_MISMATCH || verdict == X509_V_ERR_IP_ADDRESS_MISMATCH) {
        reason_ += " for " + server_name_;
    }
    return tls_step::failed;
}

}  // namespace async::inline v0::detail
