#include <libasync/net/proxy_error.hpp>

namespace async::inline v0 {

namespace {

class category final : public std::error_category {
public:
    const char* name() const noexcept override { return "proxy"; }

    std::string message(int value) const override {
        switch (static_cast<proxy_errc>(value)) {
            case proxy_errc::failed: return "the proxy could not connect";
            case proxy_errc::not_allowed: return "the proxy does not allow it";
            case proxy_errc::network_unreachable: return "the proxy does not reach that network";
            case proxy_errc::host_unreachable: return "the proxy does not reach that host";
            case proxy_errc::connection_refused: return "the connection was refused to the proxy";
            case proxy_errc::timed_out: return "the proxy had no answer in time";
            case proxy_errc::unsupported: return "the proxy does not support it";
            case proxy_errc::authentication_required: return "the proxy asks who it is";
            case proxy_errc::authentication_failed: return "the proxy does not take that user and password";
            case proxy_errc::bad_answer: return "this is no answer of such a proxy";
            case proxy_errc::answer_too_long: return "the answer of the proxy is too long";
            case proxy_errc::closed: return "the proxy closed the connection before it had answered";
        }
        return "unknown error";
    }

    std::error_condition default_error_condition(int value) const noexcept override {
        switch (static_cast<proxy_errc>(value)) {
            case proxy_errc::not_allowed: return std::errc::permission_denied;
            case proxy_errc::network_unreachable: return std::errc::network_unreachable;
            case proxy_errc::host_unreachable: return std::errc::host_unreachable;
            case proxy_errc::connection_refused: return std::errc::connection_refused;
            case proxy_errc::timed_out: return std::errc::timed_out;
            case proxy_errc::unsupported: return std::errc::operation_not_supported;
            case proxy_errc::bad_answer: return std::errc::protocol_error;
            case proxy_errc::closed: return std::errc::connection_reset;
            default: return {value, *this};
        }
    }
};

}  // namespace

const std::error_category& proxy_category() noexcept {
    static const category instance;
    return instance;
}

proxy_error::proxy_error(std::error_code code, const std::string& what, int reply)
    : std::system_error(code, what),
      reply_(reply) {}
proxy_error::~proxy_error() = default;

}  // namespace async::inline v0
