#include <libasync/io/name_error.hpp>

#include <string>

namespace async::inline v0 {

namespace {

class category final : public std::error_category {
public:
    const char* name() const noexcept override { return "resolve"; }

    std::string message(int value) const override {
        switch (static_cast<resolve_errc>(value)) {
            case resolve_errc::not_found: return "Name or service not known";
            case resolve_errc::no_address: return "No address associated with the name";
            case resolve_errc::try_again: return "Temporary failure in name resolution";
            case resolve_errc::failed: return "Non-recoverable failure in name resolution";
            case resolve_errc::unknown_service: return "Unknown service";
            case resolve_errc::unsupported_family: return "Family of addresses not supported";
            case resolve_errc::invalid_name: return "Not a valid name";
            default: return "Failure in name resolution";
        }
    }
};

}  // namespace

const std::error_category& resolve_category() noexcept {
    static const category instance;
    return instance;
}

}  // namespace async::inline v0
