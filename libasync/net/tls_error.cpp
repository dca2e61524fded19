#include <libasync/net/tls_error.hpp>

namespace async::inline v0 {

namespace {

class tls_category_impl final : public std::error_category {
public:
    const char* name() const noexcept override { return "tls"; }

    std::string message(int value) const override {
        switch (static_cast<tls_errc>(value)) {
            case tls_errc::protocol: return "the TLS connection failed";
            case tls_errc::certificate: return "the peer's certificate is not accepted";
            case tls_errc::truncated: return "the connection ended without the end of TLS";
            case tls_errc::handshake_timed_out: return "the TLS handshake took too long";
            case tls_errc::configuration: return "the TLS context is not usable";
        }
        return "unknown TLS error";
    }

    std::error_condition default_error_condition(int value) const noexcept override {
        switch (static_cast<tls_errc>(value)) {
            case tls_errc::truncated: return std::errc::connection_aborted;
            case tls_errc::handshake_timed_out: return std::errc::timed_out;
            default: return {value, *this};
        }
    }
};

}  // namespace

const std::error_category& tls_category() noexcept {
    static const tls_category_impl category;
    return category;
}

tls_error::tls_error(tls_errc code, const std::string& message) : std::system_error(code), message_(message) {}
tls_error::~tls_error() = default;

}  // namespace async::inline v0
