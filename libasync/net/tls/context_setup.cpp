#include <libasync/net/tls/context_setup.hpp>

#include <cstring>
#include <new>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <libasync/net/tls/failure.hpp>

namespace async::inline v0::detail {

namespace {

constexpr const char* default_ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr unsigned char session_context[] = "libasync";

struct free_bio {
    void operator()(BIO* bio) const noexcept { BIO_free(bio); }
};
struct free_certificate {
    void operator()(X509* certificate) const noexcept { X509_free(certificate); }
};
struct free_key {
    void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
};
using bio_ptr = std::unique_ptr<BIO, free_bio>;
using certificate_ptr = std::unique_ptr<X509, free_certificate>;
using key_ptr = std::unique_ptr<EVP_PKEY, free_key>;

bio_ptr reader_of(const std::string& text) {
    bio_ptr bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    if (!bio) throw std::bad_alloc();
    return bio;
}

// Instead of OpenSSL's, which asks at the terminal.
int give_password(char* into, int size, int, void* password) noexcept {
    const auto& text = *static_cast<const std::string*>(password);
    if (text.empty() || text.size() > static_cast<std::size_t>(size)) return -1;
    std::memcpy(into, text.data(), text.size());
    return static_cast<int>(text.size());
}

certificate_ptr next_certificate(BIO* from) {
    return certificate_ptr(PEM_read_bio_X509(from, nullptr, nullptr, nullptr));
}

// Whether reading PEM ended because there was no more.
bool at_end_of_pem() noexcept {
    const unsigned long last = ERR_peek_last_error();
    const bool end = ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
    if (end) ERR_clear_error();
    return end;
}

void trust_pem(SSL_CTX* context, const std::string& pem) {
    const bio_ptr bio = reader_of(pem);
    X509_STORE* store = SSL_CTX_get_cert_store(context);
    int count = 0;
    while (const certificate_ptr issuer = next_certificate(bio.get())) {
        if (X509_STORE_add_cert(store, issuer.get()) != 1) throw_unusable("tls_context: ca_pem");
        ++count;
    }
    if (!at_end_of_pem() || count == 0) throw_unusable("tls_context: ca_pem");
}

void set_trust(SSL_CTX* context, const tls_setup& setup) {
    const bool named = !setup.ca_file.empty() || !setup.ca_directory.empty() || !setup.ca_pem.empty();
    if (!named) {
        if (setup.role == tls_role::client && SSL_CTX_set_default_verify_paths(context) != 1) {
            throw_unusable("tls_context: the system's trusted issuers");
        }
        return;
    }
    if (!setup.ca_file.empty() && SSL_CTX_load_verify_file(context, setup.ca_file.c_str()) != 1) {
        throw_unusable("tls_context: ca_file " + setup.ca_file);
    }
    if (!setup.ca_directory.empty() && SSL_CTX_load_verify_dir(context, setup.ca_directory.c_str()) != 1) {
        throw_unusable("tls_context: ca_directory " + setup.ca_directory);
    }
    if (!setup.ca_pem.empty()) trust_pem(context, setup.ca_pem);
}

// Tells clients whose certificates are welcome (RFC 8446, 4.2.4).
void name_issuers(SSL_CTX* context) {
    const STACK_OF(X509_OBJECT)* objects = X509_STORE_get0_objects(SSL_CTX_get_cert_store(context));
    for (int i = 0; i < sk_X509_OBJECT_num(objects); ++i) {
        X509* issuer = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
        if (issuer && SSL_CTX_add_client_CA(context, issuer) != 1) throw_unusable("tls_context: issuers for clients");
    }
}

void set_verification(SSL_CTX* context, const tls_setup& setup) {
    int mode = SSL_VERIFY_NONE;
    if (setup.role == tls_role::client) {
        if (setup.verification == tls_verification::full) mode = SSL_VERIFY_PEER;
    } else if (setup.client_certificates != tls_client_certificates::ignored) {
        if (setup.ca_file.empty() && setup.ca_directory.empty() && setup.ca_pem.empty()) {
            throw std::invalid_argument("tls_context::server: client certificates without issuers to trust (ca_...)");
        }
        mode = SSL_VERIFY_PEER;
        if (setup.client_certificates == tls_client_certificates::required) mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
        name_issuers(context);
    }
    SSL_CTX_set_verify(context, mode, nullptr);
}

void use_chain_in_memory(SSL_CTX* context, const std::string& pem) {
    const bio_ptr bio = reader_of(pem);
    const certificate_ptr own = next_certificate(bio.get());
    if (!own || SSL_CTX_use_certificate(context, own.get()) != 1) throw_unusable("tls_context: certificate_pem");
    while (certificate_ptr issuer = next_certificate(bio.get())) {
        if (SSL_CTX_add0_chain_cert(context, issuer.get()) != 1) throw_unusable("tls_context: certificate_pem");
        issuer.release();
    }
    if (!at_end_of_pem()) throw_unusable("tls_context: certificate_pem");
}

key_ptr read_key(const tls_setup& setup, BIO* from) {
    auto* password = const_cast<std::string*>(&setup.key_password);
    return key_ptr(PEM_read_bio_PrivateKey(from, nullptr, &give_password, password));
}

void use_key(SSL_CTX* context, const tls_setup& setup) {
    const bool in_memory = !setup.key_pem.empty();
    const std::string what = in_memory ? "tls_context: key_pem" : "tls_context: key_file " + setup.key_file;
    const bio_ptr bio = in_memory ? reader_of(setup.key_pem) : bio_ptr(BIO_new_file(setup.key_file.c_str(), "r"));
    if (!bio) throw_unusable(what);
    const key_ptr key = read_key(setup, bio.get());
    if (!key || SSL_CTX_use_PrivateKey(context, key.get()) != 1) throw_unusable(what);
    if (SSL_CTX_check_private_key(context) != 1) throw_unusable(what);
}

void use_certificate(SSL_CTX* context, const tls_setup& setup) {
    const bool given = !setup.certificate_file.empty() || !setup.certificate_pem.empty();
    const bool key_given = !setup.key_file.empty() || !setup.key_pem.empty();
    if (given != key_given) throw std::invalid_argument("tls_context: a certificate and its key belong together");
    if (!given) {
        if (setup.role == tls_role::client) return;
        throw std::invalid_argument("tls_context::server: a server needs a certificate and its key");
    }
    if (!setup.certificate_pem.empty()) {
        use_chain_in_memory(context, setup.certificate_pem);
    } else if (SSL_CTX_use_certificate_chain_file(context, setup.certificate_file.c_str()) != 1) {
        throw_unusable("tls_context: certificate_file " + setup.certificate_file);
    }
    use_key(context, setup);
}

int number_of(tls_version version) noexcept {
    return version == tls_version::tls_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;
}

// A server takes the first of its own that the client offers.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* offered,
                    unsigned int offered_size, void* spoken) noexcept {
    const auto& own = *static_cast<const std::string*>(spoken);
    unsigned char* chosen = nullptr;
    const int found =
        SSL_select_next_proto(&chosen, size, reinterpret_cast<const unsigned char*>(own.data()),
                              static_cast<unsigned int>(own.size()), offered, offered_size);
    *out = chosen;
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

void set_protocols(SSL_CTX* context, const tls_setup& setup, const std::string& alpn) {
    if (SSL_CTX_set_min_proto_version(context, number_of(setup.min_version)) != 1 ||
        SSL_CTX_set_max_proto_version(context, number_of(setup.max_version)) != 1) {
        throw_unusable("tls_context: versions");
    }
    const char* ciphers = setup.ciphers.empty() ? default_ciphers : setup.ciphers.c_str();
    if (SSL_CTX_set_cipher_list(context, ciphers) != 1) throw_unusable("tls_context: ciphers " + setup.ciphers);
    if (alpn.empty()) return;
    if (setup.role == tls_role::server) {
        SSL_CTX_set_alpn_select_cb(context, &choose_protocol, const_cast<std::string*>(&alpn));
    } else if (SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(alpn.data()),
                                       static_cast<unsigned int>(alpn.size())) != 0) {
        throw_unusable("tls_context: alpn");
    }
}

void set_sessions(SSL_CTX* context, tls_role role) {
    SSL_CTX_set_session_id_context(context, session_context, sizeof(session_context) - 1);
    // Clients keep theirs in tls_session_cache, servers give out tickets.
    SSL_CTX_set_session_cache_mode(
        context, role == tls_role::client ? SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL : SSL_SESS_CACHE_OFF);
}

}  // namespace

ssl_ctx_ptr make_ssl_context(const tls_setup& setup, const std::string& alpn) {
    ERR_clear_error();
    ssl_ctx_ptr made(SSL_CTX_new(setup.role == tls_role::client ? TLS_client_method() : TLS_server_method()));
    SSL_CTX* context = made.get();
    if (context == nullptr) throw_unusable("tls_context");
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    set_protocols(context, setup, alpn);
    set_trust(context, setup);
    set_verification(context, setup);
    use_certificate(context, setup);
    set_sessions(context, setup.role);
    return made;
}

void take_over_ticket_keys(ssl_ctx_st& fresh, ssl_ctx_st& old) noexcept {
    unsigned char keys[80];
    if (SSL_CTX_get_tlsext_ticket_keys(&old, keys, sizeof keys) == 1) {
        SSL_CTX_set_tlsext_ticket_keys(&fresh, keys, sizeof keys);
    }
    OPENSSL_cleanse(keys, sizeof keys);
    ERR_clear_error();
}

}  // namespace async::inline v0::detail
