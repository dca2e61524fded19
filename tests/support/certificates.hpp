// Certificates for tests, made when they are needed, so that none of them lies about and expires.
#pragma once

#include <memory>
#include <string>

namespace async_tests {

// As PEM.
struct identity {
    std::string certificate;  // with those that lead to the issuer behind it
    std::string key;
};

struct wanted_certificate {
    std::string common_name = "localhost";
    std::string alternative_names = "DNS:localhost,IP:127.0.0.1";  // as in x509v3_config(5); empty for none
    int days_from = -1;
    int days_to = 1;
};

// Issues certificates. One that stands below another is an intermediate.
class authority {
public:
    explicit authority(const std::string& name);
    authority(const std::string& name, const authority& above);
    authority(const authority&) = delete;
    authority& operator=(const authority&) = delete;
    ~authority();

    // What others have to trust.
    const std::string& certificate() const { return certificate_; }

    // The name of the file in a directory of issuers: "5ed36f99.0".
    std::string name_in_directory() const;

    identity issue(const wanted_certificate& wanted = {}) const;

private:
    struct parts;
    std::unique_ptr<parts> parts_;
    std::string certificate_;
    std::string chain_;  // from the one below the root down to this
};

identity self_signed(const wanted_certificate& wanted = {});

// The key, encrypted.
std::string encrypted_key(const std::string& key, const std::string& password);

}  // namespace async_tests
