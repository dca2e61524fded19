#include <libasync/io/sim/network.hpp>

#include <algorithm>
#include <cerrno>

#include <libasync/io/sim/tcp_socket.hpp>
#include <libasync/io/sim/world.hpp>

namespace async::inline v0::io::sim {

namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t first_ephemeral = 32768;
constexpr std::uint16_t last_ephemeral = 60999;
constexpr auto retransmission = 200ms;

bool is_any(const endpoint& e) noexcept {
    return std::all_of(e.bytes().begin(), e.bytes().end(), [](std::uint8_t byte) { return byte == 0; });
}

bool is_loopback(const endpoint& e) noexcept {
    if (e.family() == address_family::ipv4) return e.bytes()[0] == 127;
    return e.bytes() == endpoint::loopback(0, address_family::ipv6).bytes();
}

bool same_address(const endpoint& a, const endpoint& b) noexcept {
    return a.family() == b.family() && a.bytes() == b.bytes();
}

endpoint with_port(const endpoint& e, std::uint16_t port) noexcept {
    return endpoint::from_bytes(e.family(), e.bytes(), port, e.scope());
}

}  // namespace

network::network(world& w) noexcept : world_(w) { machines_.push_back({endpoint("10.0.0.1", 0)}); }

host_id network::host_named(const endpoint& address) noexcept {
    for (host_id i = 0; i < machines_.size(); ++i) {
        if (same_address(machines_[i].address, address)) return i;
    }
    machines_.push_back({with_port(address, 0)});
    return static_cast<host_id>(machines_.size() - 1);
}

endpoint network::destination(const endpoint& to) noexcept {
    return is_any(to) ? endpoint::loopback(to.port(), to.family()) : to;
}

host_id network::route(host_id from, const endpoint& to) const noexcept {
    if (is_loopback(to)) return from;
    for (host_id i = 0; i < machines_.size(); ++i) {
        if (same_address(machines_[i].address, to)) return i;
    }
    return nobody;
}

endpoint network::source(host_id from, const endpoint& to) const noexcept {
    if (is_loopback(to)) return endpoint::loopback(0, to.family());
    const endpoint& own = machines_[from].address;
    return own.family() == to.family() ? own : endpoint::loopback(0, to.family());
}

bool network::is_local(host_id host, const endpoint& address) const noexcept {
    return is_any(address) || is_loopback(address) || same_address(machines_[host].address, address);
}

void network::isolate(host_id host) noexcept { machines_[host].isolated = true; }
void network::rejoin(host_id host) noexcept { machines_[host].isolated = false; }

void network::heal_all() noexcept {
    for (auto& [pair, link] : links_) link.cut = link.lost = false;
    for (machine& m : machines_) m.isolated = false;
}

void network::end_faults() noexcept {
    for (auto& [pair, link] : links_) link.lost = false;
}

bool network::reachable(host_id a, host_id b) const noexcept {
    if (a == b) return true;
    if (machines_[a].isolated || machines_[b].isolated) return false;
    const auto found = links_.find(pair_of(a, b));
    return found == links_.end() || !(found->second.cut || found->second.lost);
}

const link_options& network::options_of(host_id a, host_id b) const noexcept {
    const auto found = links_.find(pair_of(a, b));
    if (found != links_.end() && found->second.has_options) return found->second.options;
    return a == b ? loopback_ : between_machines_;
}

void network::set_link(host_id a, host_id b, const link_options& options) noexcept {
    link& l = links_[pair_of(a, b)];
    l.options = options;
    l.has_options = true;
}

// A fault: two machines lose each other, for a second up to ten minutes.
void network::draw_partition(host_id from, host_id to) noexcept {
    if (from == to || !world_.strikes(fault::partition)) return;
    links_[pair_of(from, to)].lost = true;
    world_.after(world_.delay(1s, 10min), [this, from, to] { links_[pair_of(from, to)].lost = false; });
}

time_point network::arrival(host_id from, host_id to, std::size_t bytes, time_point& free_at) noexcept {
    draw_partition(from, to);
    const link_options& link = options_of(from, to);
    time_point leaves = std::max(world_.now(), free_at);
    if (link.bandwidth != 0) leaves += std::chrono::nanoseconds(bytes * 1'000'000'000 / link.bandwidth);
    free_at = leaves;
    auto latency = world_.delay(link.least_latency, link.most_latency);
    const bool lost = link.loss != 0 && world_.outcomes.chance(link.loss);
    if (lost || world_.strikes(fault::packet_loss)) latency += retransmission;
    if (world_.strikes(fault::stall)) latency += world_.delay(1min, 5h);
    return leaves + latency;
}

// With SO_REUSEADDR, which listeners here always have, a port is taken by who listens on it, and by who shares it
// unasked.
bool network::conflicts(const tcp_socket& s, const endpoint& where) const noexcept {
    const auto found = bound_.find({s.host(), where.port()});
    if (found == bound_.end()) return false;
    return std::any_of(found->second.begin(), found->second.end(), [&](const tcp_socket* o) {
        if (o == &s) return false;
        const bool both_families = o->dual_stack() || s.dual_stack();
        if (o->family() != s.family() && !both_families) return false;
        if (!is_any(o->local()) && !is_any(where) && !same_address(o->local(), where)) return false;
        if (o->reuses_port() && s.reuses_port()) return false;
        return o->listening() || !o->reuses_address() || !s.reuses_address();
    });
}

int network::bind(tcp_socket& s, endpoint where) noexcept {
    if (!is_local(s.host(), where)) return EADDRNOTAVAIL;
    if (where.port() == 0) return bind_any_port(s, where);
    if (conflicts(s, where)) return EADDRINUSE;
    s.local_ = where;
    bound_[{s.host(), where.port()}].push_back(&s);
    return 0;
}

int network::bind_any_port(tcp_socket& s, const endpoint& address) noexcept {
    for (int tried = 0; tried <= last_ephemeral - first_ephemeral; ++tried) {
        const std::uint16_t port = next_port_;
        next_port_ = port == last_ephemeral ? first_ephemeral : static_cast<std::uint16_t>(port + 1);
        if (bound_.count({s.host(), port}) != 0) continue;
        s.local_ = with_port(address, port);
        bound_[{s.host(), port}].push_back(&s);
        return 0;
    }
    return EADDRNOTAVAIL;
}

int network::listen(tcp_socket& s) noexcept { return conflicts(s, s.local_) ? EADDRINUSE : 0; }

void network::unbind(tcp_socket& s) noexcept {
    const auto found = bound_.find({s.host(), s.local_.port()});
    if (found == bound_.end()) return;
    std::erase(found->second, &s);
    if (found->second.empty()) bound_.erase(found);
}

std::shared_ptr<tcp_socket> network::listener(host_id host, const endpoint& where) noexcept {
    const auto found = bound_.find({host, where.port()});
    if (found == bound_.end()) return nullptr;
    std::vector<tcp_socket*> fitting;
    for (tcp_socket* s : found->second) {
        if (!s->listening()) continue;
        const bool family_fits = s->family() == where.family() || s->dual_stack();
        const bool address_fits = is_any(s->local()) || same_address(s->local(), where);
        if (family_fits && address_fits) fitting.push_back(s);
    }
    if (fitting.empty()) return nullptr;
    // Who is bound to the very address comes before who takes all; among equals, chance.
    const auto specific = [](const tcp_socket* s) { return !is_any(s->local()); };
    if (std::any_of(fitting.begin(), fitting.end(), specific)) {
        std::erase_if(fitting, [&](const tcp_socket* s) { return !specific(s); });
    }
    const std::size_t chosen = fitting.size() == 1 ? 0 : world_.outcomes.below(fitting.size());
    return fitting[chosen]->shared_from_this();
}

}  // namespace async::inline v0::io::sim
