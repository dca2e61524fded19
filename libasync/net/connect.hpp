// connect to a name: the first of its addresses that answers, without waiting long for those that do not.
//
//   async::tcp_stream stream = co_await async::connect("example.org", 443);
//   auto other = co_await async::timeout(5s, async::connect("db.example", "postgresql", {.attempt_delay = 100ms}));
//
// This is Happy Eyeballs, version 2 (RFC 8305): the addresses of the two families take turns, each has a start of 250 ms
// before the next one, which begins at once where another has failed. The first that connects is the stream; all others
// are closed by the time that it is given.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <libasync/net/resolve.hpp>
#include <libasync/net/tcp_stream.hpp>

namespace async::inline v0 {

struct connect_options {
    // Which addresses, and how old the knowledge of them may be: see resolve_options.
    resolve_families families = resolve_families::any;
    std::chrono::nanoseconds max_age = std::chrono::seconds(30);
    // The start that an address has before the next one is tried, too (RFC 8305, section 5).
    std::chrono::nanoseconds attempt_delay = std::chrono::milliseconds(250);
    // The time that each address has; 0: as long as the system tries, two minutes on Linux.
    std::chrono::nanoseconds attempt_timeout{0};
    // The address that the connection comes from, which must be one of this machine; port 0 lets the system choose one.
    // Only addresses of its family are tried.
    std::optional<endpoint> local = {};
    tcp_options tcp = {};
};
static_assert(std::is_trivially_destructible_v<connect_options>);

struct connect_failure {
    endpoint address;
    std::error_code error;
};

// No address could be connected to. The code is that of the last failure; the message names the host and all of them.
class LIBASYNC_EXPORT connect_error : public std::system_error {
public:
    // At least one failure, in the order in which they came.
    connect_error(const std::string& what, std::vector<connect_failure> failures);
    ~connect_error() override;

    std::span<const connect_failure> failures() const noexcept;

private:
    std::shared_ptr<const std::vector<connect_failure>> failures_;  // copies do not throw
};

// Looks `host` up and connects to it. At most 64 addresses are tried. Throws resolve_error; connect_error;
// std::invalid_argument, at once, if `port` is not one of 0 to 65535 or `local` is of a family that is not wanted;
// std::bad_alloc. There is no limit of time: see timeout. Cancel class: lossless.
task<tcp_stream> connect(std::string_view host, int port, const connect_options& options = {});

// The same with the port of a service, a number or a name: see resolve. Cancel class: lossless.
task<tcp_stream> connect(std::string_view host, std::string_view service, const connect_options& options = {});

// The same with addresses that are known already; those of the family of the first take turns with the others. Throws
// std::invalid_argument, at once, if there are none. Cancel class: lossless.
task<tcp_stream> connect_any(std::span<const endpoint> addresses, const connect_options& options = {});

}  // namespace async::inline v0
