// resolve: the addresses of a name. resolve_name: the name of an address.
//
//   for (const async::endpoint& where : co_await async::resolve("example.org", 443)) ...
//   auto all = co_await async::resolve("example.org", "https", {.families = async::resolve_families::ipv4});
//
// Names are looked up by getaddrinfo(3), and so by way of /etc/hosts, DNS and whatever else the system knows; on a
// simulated engine by its world (sim/names.hpp). A few threads of the process wait for it, at most 4, apart from those
// for files. Tasks of one loop that ask the same share one look-up. A name is bytes: other alphabets in their form of
// RFC 5891 ("xn--...").
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <vector>

#include <libasync/coro/task.hpp>
#include <libasync/io/endpoint.hpp>
#include <libasync/io/name_error.hpp>

namespace async::inline v0 {

enum class resolve_families : std::uint8_t {
    any,         // in the order of the system (RFC 6724)
    ipv4,        // no others
    ipv6,        // no others
    ipv4_first,  // else in that order
    ipv6_first,
};

struct resolve_options {
    resolve_families families = resolve_families::any;
    // An answer that the loop got so long ago at most is given again; 0: somebody is asked. A loop remembers 1024
    // answers. That there is no such name it remembers for 2 seconds at most, other failures never.
    std::chrono::nanoseconds max_age = std::chrono::seconds(30);
};
static_assert(std::is_trivially_destructible_v<resolve_options>);

// The code is a resolve_errc or, for what the system lacks, of std::generic_category. The message names what was asked
// for: "resolve example.invalid:https: Name or service not known".
class LIBASYNC_EXPORT resolve_error : public std::system_error {
public:
    resolve_error(std::error_code code, const std::string& what);
    ~resolve_error() override;
};

// The addresses of `host`, at least one, each once. Numeric addresses ("127.0.0.1", "::1", "[::1]", "fe80::1%eth0") are
// not looked up. Throws resolve_error: the name is not known, or has no address of that family; it is empty, longer
// than 1023 bytes or has a zero in it; nobody answers; resource_unavailable_try_again if 4096 look-ups wait already.
// Throws std::invalid_argument, at once, if `port` is not one of 0 to 65535; std::bad_alloc.
//
// Cancel class: lossless. The await ends at once, though a look-up that has begun goes on by itself; its answer is
// remembered.
task<std::vector<endpoint>> resolve(std::string_view host, int port, const resolve_options& options = {});

// The same with the port of a service: a number, or a name that the system knows (services(5)), such as "https". Throws
// resolve_error as well if it is neither. Cancel class: lossless.
task<std::vector<endpoint>> resolve(std::string_view host, std::string_view service,
                                    const resolve_options& options = {});

struct resolved_name {
    std::string host;     // the address in numbers if it has no name
    std::string service;  // the port in digits if it has no name
};

// The name of an address and its port (getnameinfo(3)); who owns the address can say what he likes. Throws
// resolve_error, std::bad_alloc. Cancel class: lossless.
task<resolved_name> resolve_name(endpoint where, const resolve_options& options = {});

// Forgets what this thread's loop remembers. Throws errc::no_loop outside a loop.
void forget_resolved();

}  // namespace async::inline v0
