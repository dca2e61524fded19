#include <tests/support/certificates.hpp>

#include <cstdio>
#include <stdexcept>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

namespace async_tests {

namespace {

void require(bool holds, const char* what) {
    if (!holds) throw std::runtime_error(std::string("certificates for tests: ") + what);
}

struct free_parts {
    void operator()(X509* x) const { X509_free(x); }
    void operator()(EVP_PKEY* k) const { EVP_PKEY_free(k); }
    void operator()(BIO* b) const { BIO_free(b); }
};
using certificate_ptr = std::unique_ptr<X509, free_parts>;
using key_ptr = std::unique_ptr<EVP_PKEY, free_parts>;
using bio_ptr = std::unique_ptr<BIO, free_parts>;

std::string text_in(const bio_ptr& bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

std::string pem_of(X509* certificate) {
    const bio_ptr bio(BIO_new(BIO_s_mem()));
    require(PEM_write_bio_X509(bio.get(), certificate) == 1, "PEM_write_bio_X509");
    return text_in(bio);
}

std::string pem_of(EVP_PKEY* key) {
    const bio_ptr bio(BIO_new(BIO_s_mem()));
    require(PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1, "key");
    return text_in(bio);
}

void extend(X509* certificate, X509* issuer, int kind, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
    require(extension != nullptr, value.c_str());
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

certificate_ptr blank(const std::string& name, EVP_PKEY* key, int from, int to) {
    certificate_ptr made(X509_new());
    X509_set_version(made.get(), X509_VERSION_3);
    std::uint64_t number = 0;
    RAND_bytes(reinterpret_cast<unsigned char*>(&number), sizeof number);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(made.get()), number >> 1);
    X509_time_adj_ex(X509_getm_notBefore(made.get()), from, 0, nullptr);
    X509_time_adj_ex(X509_getm_notAfter(made.get()), to, 0, nullptr);
    X509_set_pubkey(made.get(), key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    return made;
}

void sign(X509* certificate, X509* issuer, EVP_PKEY* key) {
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
    require(X509_sign(certificate, key, EVP_sha256()) != 0, "X509_sign");
}

key_ptr make_key() {
    key_ptr key(EVP_EC_gen("P-256"));
    require(key != nullptr, "EVP_EC_gen");
    return key;
}

certificate_ptr end_certificate(const wanted_certificate& wanted, EVP_PKEY* key, X509* issuer, EVP_PKEY* issuer_key) {
    certificate_ptr made = blank(wanted.common_name, key, wanted.days_from, wanted.days_to);
    X509* above = issuer ? issuer : made.get();
    if (!wanted.alternative_names.empty()) extend(made.get(), above, NID_subject_alt_name, wanted.alternative_names);
    sign(made.get(), above, issuer_key);
    return made;
}

}  // namespace

struct authority::parts {
    key_ptr key;
    certificate_ptr certificate;
};

authority::authority(const std::string& name) : parts_(std::make_unique<parts>()) {
    parts_->key = make_key();
    parts_->certificate = blank(name, parts_->key.get(), -2, 2);
    X509* own = parts_->certificate.get();
    extend(own, own, NID_basic_constraints, "critical,CA:TRUE");
    extend(own, own, NID_key_usage, "critical,keyCertSign,cRLSign");
    sign(own, own, parts_->key.get());
    certificate_ = pem_of(own);
}

authority::authority(const std::string& name, const authority& above) : parts_(std::make_unique<parts>()) {
    parts_->key = make_key();
    parts_->certificate = blank(name, parts_->key.get(), -2, 2);
    X509* own = parts_->certificate.get();
    extend(own, above.parts_->certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
    extend(own, above.parts_->certificate.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
    sign(own, above.parts_->certificate.get(), above.parts_->key.get());
    certificate_ = pem_of(own);
    chain_ = certificate_ + above.chain_;
}

authority::~authority() = default;

std::string authority::name_in_directory() const {
    char name[32];
    std::snprintf(name, sizeof name, "%08lx.0", X509_NAME_hash_ex(X509_get_subject_name(parts_->certificate.get()),
                                                                nullptr, nullptr, nullptr));
    return name;
}

identity authority::issue(const wanted_certificate& wanted) const {
    const key_ptr key = make_key();
    const certificate_ptr made =
        end_certificate(wanted, key.get(), parts_->certificate.get(), parts_->key.get());
    return {pem_of(made.get()) + chain_, pem_of(key.get())};
}

identity self_signed(const wanted_certificate& wanted) {
    const key_ptr key = make_key();
    const certificate_ptr made = end_certificate(wanted, key.get(), nullptr, key.get());
    return {pem_of(made.get()), pem_of(key.get())};
}

std::string encrypted_key(const std::string& key, const std::string& password) {
    const bio_ptr in(BIO_new_mem_buf(key.data(), static_cast<int>(key.size())));
    const key_ptr plain(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr));
    require(plain != nullptr, "PEM_read_bio_PrivateKey");
    const bio_ptr out(BIO_new(BIO_s_mem()));
    require(PEM_write_bio_PKCS8PrivateKey(out.get(), plain.get(), EVP_aes_128_cbc(), password.c_str(),
                                          static_cast<int>(password.size()), nullptr, nullptr) == 1,
            "PEM_write_bio_PKCS8PrivateKey");
    return text_in(out);
}

}  // namespace async_tests
