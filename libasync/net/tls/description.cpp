#include <libasync/net/tls/description.hpp>

#include <new>

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace async::inline v0::detail {

namespace {

class text_sink {
public:
    text_sink() : bio_(BIO_new(BIO_s_mem())) {
        if (bio_ == nullptr) throw std::bad_alloc();
    }
    text_sink(const text_sink&) = delete;
    text_sink& operator=(const text_sink&) = delete;
    ~text_sink() { BIO_free(bio_); }

    BIO* get() const noexcept { return bio_; }
    std::string text() const {
        char* data = nullptr;
        const long size = BIO_get_mem_data(bio_, &data);
        return data && size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
    }

private:
    BIO* bio_;
};

std::string text_or_empty(const char* text) { return text ? text : ""; }

}  // namespace

std::string alpn_of(const tls_engine& engine) {
    const unsigned char* name = nullptr;
    unsigned int size = 0;
    SSL_get0_alpn_selected(engine.ssl(), &name, &size);
    return size ? std::string(reinterpret_cast<const char*>(name), size) : std::string();
}

std::string version_of(const tls_engine& engine) { return text_or_empty(SSL_get_version(engine.ssl())); }

std::string cipher_of(const tls_engine& engine) {
    return text_or_empty(SSL_CIPHER_get_name(SSL_get_current_cipher(engine.ssl())));
}

std::string server_name_of(const tls_engine& engine) {
    return text_or_empty(SSL_get_servername(engine.ssl(), TLSEXT_NAMETYPE_host_name));
}

bool session_reused(const tls_engine& engine) noexcept { return SSL_session_reused(engine.ssl()) == 1; }

std::string peer_certificate_of(const tls_engine& engine) {
    X509* certificate = SSL_get0_peer_certificate(engine.ssl());
    if (certificate == nullptr) return {};
    const text_sink sink;
    if (PEM_write_bio_X509(sink.get(), certificate) != 1) throw std::bad_alloc();
    return sink.text();
}

std::string peer_subject_of(const tls_engine& engine) {
    X509* certificate = SSL_get0_peer_certificate(engine.ssl());
    if (certificate == nullptr) return {};
    const text_sink sink;
    if (X509_NAME_print_ex(sink.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) < 0) {
        throw std::bad_alloc();
    }
    return sink.text();
}

}  // namespace async::inline v0::detail
