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

// How long an answer takes, and whether it is one.
std::pair<std::chrono::nanoseconds, lookup_error> name_service::draw() noexcept {
    const std::chrono::nanoseconds takes = world_.delay(least_, most_);
    if (!world_.strikes(fault::lookup_error)) return {takes, lookup_error::none};
    return {takes + server_timeout, lookup_error::try_again};
}

std::string name_service::name_of(const endpoint& address) const {
    const auto is_it = [&](const endpoint& e) {
        return e.family() == address.family() && e.bytes() == address.bytes();
    };
    if (is_it(endpoint::loopback(0)) || is_it(endpoint::loopback(0, address_family::ipv6))) return "localhost";
    for (const auto& [name, addresses] : names_) {
        for (const endpoint& e : addresses) {
            if (is_it(e)) return name;
        }
    }
    return {};
}

event_queue::key name_service::look_up_name(const endpoint& address, name_answer tell) {
    const auto [takes, failure] = draw();
    return world_.after(takes, [this, address, error = failure, tell = std::move(tell)]() mutable {
        const std::string name = error == lookup_error::none ? name_of(address) : std::string();
        if (error == lookup_error::none && name.empty()) error = lookup_error::not_found;
        tell(name, error);
    });
}

event_queue::key name_service::look_up(std::string_view name, std::uint16_t port, answer tell) {
    const auto [takes, failure] = draw();
    return world_.after(takes, [this, name = std::string(name), port, error = failure, tell = std::move(tell)]() mutable {
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
