// Why a name could not be looked up: the EAI_ codes of getaddrinfo(3), the same on every system.
#pragma once

#include <system_error>

#include <libasync/config.hpp>

namespace async::inline v0 {

enum class resolve_errc {
    not_found = 1,       // there is no such name (EAI_NONAME)
    no_address,          // the name has no address, of the family that was asked for (EAI_NODATA, EAI_ADDRFAMILY)
    try_again,           // no server of names answers for now (EAI_AGAIN)
    failed,              // a server of names has refused, for good (EAI_FAIL)
    unknown_service,     // the service is neither a port nor a name with one (EAI_SERVICE)
    unsupported_family,  // EAI_FAMILY, EAI_SOCKTYPE
    invalid_name,        // empty, too long, or with a zero in it: nobody was asked
    other,
};

LIBASYNC_EXPORT const std::error_category& resolve_category() noexcept;

inline std::error_code make_error_code(resolve_errc e) noexcept { return {static_cast<int>(e), resolve_category()}; }

}  // namespace async::inline v0

template <>
struct std::is_error_code_enum<async::resolve_errc> : std::true_type {};
