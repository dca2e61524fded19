#include <libasync/io/sim/name_service.hpp>

#include <utility>

#include <libasync/io/sim/world.hpp>

namespace async::inline v0::io::sim {

namespace {

constexpr std::chrono::seconds server_timeout{5};  // resolv.conf(5)

}  // namespace

void name_service::set(std::string_view name, std::vector<endpoint> addresses) {
    names_[std::string(name)] = std::move(addresses);
}

void name_service::remove(std::string_view name) noexcept {
    const auto found = names_.find(name);
    if (found != names_.end()) names_.erase(found);
}

event_queue::key name_service::look_up(std::string_view name, std::uint16_t port, answer tell) {
    std::chrono::nanoseconds takes = world_.delay(least_, most_);
    lookup_error error = lookup_error::none;
    if (world_.strikes(fault::lookup_error)) {
        takes += server_timeout;
        error = lookup_error::try_again;
    }
    return world_.after(takes, [this, name = std::string(name), port, error, tell = std::move(tell)]() mutable {
        std::vector<endpoint> addresses;
        if (error == lookup_error::none && name == "localhost") {
            addresses = {endpoint::loopback(port, address_family::ipv6), endpoint::loopback(port)};
        } else if (const auto found = names_.find(name); error == lookup_error::none && found != names_.end()) {
            for (const endpoint& a : found->second) {
                addresses.push_back(endpoint::from_bytes(a.family(), a.bytes(), port, a.scope()));
            }
        }
        if (error == lookup_error::none && addresses.empty()) error = lookup_error::not_found;
        tell(addresses, error);
    });
}

}  // namespace async::inline v0::io::sim
