#include <libasync/io/sim/sim_names.hpp>

#include <string_view>
#include <utility>

#include <libasync/io/look_up_threads.hpp>

namespace async::inline v0::io::sim {

namespace {

// Those that programs ask for by name (IANA).
std::uint16_t port_of(std::string_view service) noexcept {
    constexpr std::pair<std::string_view, std::uint16_t> known[] = {
        {"domain", 53}, {"echo", 7},     {"ftp", 21},     {"http", 80},   {"https", 443},       {"imap2", 143},
        {"imaps", 993}, {"ldap", 389},   {"mysql", 3306}, {"ntp", 123},   {"postgresql", 5432}, {"redis", 6379},
        {"smtp", 25},   {"socks", 1080}, {"ssh", 22},     {"telnet", 23},
    };
    for (const auto& [name, port] : known) {
        if (name == service) return port;
    }
    return 0;
}

std::error_code error_of(lookup_error e) noexcept {
    switch (e) {
        case lookup_error::none: return {};
        case lookup_error::not_found: return resolve_errc::not_found;
        default: return resolve_errc::try_again;
    }
}

bool is_wanted(name_families wanted, address_family family) noexcept {
    if (wanted == name_families::any) return true;
    return (wanted == name_families::ipv4) == (family == address_family::ipv4);
}

}  // namespace

sim_names::~sim_names() {
    for (const auto& [l, key] : asked_) world_->forget(key);
}

void sim_names::start(look_up& l) {
    const unfailing no_failures;
    if (asked_.size() >= look_up_threads::most_queued) {
        throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again),
                                "too many names are being looked up");
    }
    const name_query& q = l.query;
    if (q.reverse) {
        asked_[&l] = world_->names.look_up_name(q.address, [this, &l](const std::string& name, lookup_error error) {
            l.answer.error = error == lookup_error::not_found ? std::error_code() : error_of(error);
            l.answer.host = name.empty() ? l.query.address.address() : name;
            l.answer.service = std::to_string(l.query.address.port());
            tell(l);
        });
        return;
    }
    const std::uint16_t port = port_of(q.service);
    asked_[&l] = world_->names.look_up(q.host, port, [this, &l](const std::vector<endpoint>& all, lookup_error error) {
        answer_with(l, all, error);
        tell(l);
    });
}

void sim_names::answer_with(look_up& l, std::vector<endpoint> all, lookup_error error) {
    const name_query& q = l.query;
    const std::uint16_t port = port_of(q.service);
    // Numbers need no server.
    if (const auto literal = endpoint::parse(q.host, port)) {
        all = {*literal};
        error = lookup_error::none;
    }
    std::erase_if(all, [&](const endpoint& e) { return !is_wanted(q.families, e.family()); });
    l.answer.addresses = std::move(all);
    l.answer.error = error_of(error);
    if (error == lookup_error::none && l.answer.addresses.empty()) l.answer.error = resolve_errc::no_address;
    if (!q.service.empty() && port == 0) l.answer.error = resolve_errc::unknown_service;
}

void sim_names::tell(look_up& l) noexcept {
    asked_.erase(&l);
    world_->events.note(event_kind::call, l.answer.addresses.size());
    completed_.push_back(l);
}

void sim_names::forget(look_up& l) noexcept {
    const auto found = asked_.find(&l);
    if (found == asked_.end()) return;
    world_->forget(found->second);
    asked_.erase(found);
}

}  // namespace async::inline v0::io::sim
