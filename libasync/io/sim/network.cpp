#include <libasync/io/sim/network.hpp>

#include <algorithm>
#include <cerrno>
#include <stdexcept>

#include <libasync/io/sim/datagram_socket.hpp>
#include <libasync/io/sim/tcp_socket.hpp>
#include <libasync/io/sim/world.hpp>

namespace async::inline v0::io::sim {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds retransmission = 200ms;

endpoint with_port(const endpoint& e, std::uint16_t port) noexcept {
    return endpoint::from_bytes(e.family(), e.bytes(), port, e.scope());
}

}  // namespace

bool network::is_any(const endpoint& e) noexcept {
    return std::all_of(e.bytes().begin(), e.bytes().end(), [](std::uint8_t byte) { return byte == 0; });
}

bool network::is_loopback(const endpoint& e) noexcept {
    if (e.family() == address_family::ipv4) return e.bytes()[0] == 127;
    return e.bytes() == endpoint::loopback(0, address_family::ipv6).bytes();
}

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
    return is_any(address) || is_loopback(address) || is_group(address) ||
           same_address(machines_[host].address, address);
}

std::optional<net_interface> network::interface_of(host_id host, address_family family,
                                                   std::uint32_t index) const noexcept {
    const bool in_network = machines_[host].address.family() == family;
    if (index == 0) return in_network ? net_interface::network : net_interface::loopback;
    if (index == static_cast<std::uint32_t>(net_interface::loopback)) return net_interface::loopback;
    if (index == static_cast<std::uint32_t>(net_interface::network) && in_network) return net_interface::network;
    return std::nullopt;
}

endpoint network::address_of(host_id host, address_family family, net_interface i) const noexcept {
    return i == net_interface::network ? machines_[host].address : endpoint::loopback(0, family);
}

void network::check(const link_options& options) {
    constexpr auto year = std::chrono::hours(24 * 365);
    const bool fine =
        options.least_latency >= 0s && options.least_latency <= options.most_latency && options.most_latency <= year;
    if (!fine) throw std::invalid_argument("the latencies of a link lie between 0 and a year, the least first");
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
    // Each loss of the same packet doubles the time until it is sent again.
    auto again = retransmission;
    for (int tries = 0; tries < 8 && link.loss != 0 && world_.outcomes.chance(link.loss); ++tries, again *= 2) {
        latency += again;
    }
    if (world_.strikes(fault::packet_loss)) latency += again;
    if (world_.strikes(fault::stall)) latency += world_.delay(1min, 5h);
    return leaves + latency;
}

std::optional<std::chrono::nanoseconds> network::latency_of_datagram(host_id from, host_id to) noexcept {
    draw_partition(from, to);
    const link_options& link = options_of(from, to);
    if (!reachable(from, to) || (link.loss != 0 && world_.outcomes.chance(link.loss))) return std::nullopt;
    return world_.delay(link.least_latency, link.most_latency);
}

namespace {

bool same_place(const endpoint& a, const endpoint& b) noexcept {
    return network::is_any(a) || network::is_any(b) || same_address(a, b);
}

// With SO_REUSEADDR, which listeners here always have, a port is taken by who listens on it, and by who shares it
// unasked.
bool excludes(const tcp_socket& other, const tcp_socket& s, const endpoint& where) noexcept {
    const bool families_meet = other.family() == s.family() || other.dual_stack() || s.dual_stack();
    if (!families_meet || !same_place(other.local(), where)) return false;
    if (other.reuses_port() && s.reuses_port()) return false;
    return other.listening() || !other.reuses_address() || !s.reuses_address();
}

bool excludes(const datagram_socket& other, const datagram_socket& s, const endpoint& where) noexcept {
    if (other.family() != s.family() || !same_place(other.local(), where)) return false;
    return !other.shares_port() || !s.shares_port();
}

template <class Socket>
bool conflicts(const port_map<Socket>& ports, const Socket& s, const endpoint& where) noexcept {
    const auto& there = ports.at(s.host(), where.port());
    return std::any_of(there.begin(), there.end(),
                       [&](const Socket* other) { return other != &s && excludes(*other, s, where); });
}

bool takes(const tcp_socket& s, const endpoint& where) noexcept {
    return s.listening() && (s.family() == where.family() || s.dual_stack());
}

bool takes(const datagram_socket& s, const endpoint& where) noexcept { return s.family() == where.family(); }

// Who is bound to the very address comes before who takes all; among equals, chance.
template <class Socket>
Socket* choose(const port_map<Socket>& ports, host_id host, const endpoint& where, random_stream& chance) noexcept {
    std::vector<Socket*> exact;
    std::vector<Socket*> general;
    for (Socket* s : ports.at(host, where.port())) {
        if (!takes(*s, where)) continue;
        if (network::is_any(s->local())) {
            general.push_back(s);
        } else if (same_address(s->local(), where)) {
            exact.push_back(s);
        }
    }
    const std::vector<Socket*>& fitting = exact.empty() ? general : exact;
    if (fitting.empty()) return nullptr;
    return fitting[fitting.size() == 1 ? 0 : chance.below(fitting.size())];
}

}  // namespace

template <class Socket>
int network::bind_in(port_map<Socket>& ports, Socket& s, const endpoint& where) noexcept {
    if (!is_local(s.host(), where)) return EADDRNOTAVAIL;
    std::uint16_t port = where.port();
    if (port == 0) {
        port = ports.free_port(s.host());
        if (port == 0) return EADDRINUSE;
    } else if (conflicts(ports, s, where)) {
        return EADDRINUSE;
    }
    s.local_ = with_port(where, port);
    ports.add(s, s.host(), port);
    return 0;
}

int network::bind(tcp_socket& s, const endpoint& where) noexcept { return bind_in(tcp_ports_, s, where); }
int network::bind(datagram_socket& s, const endpoint& where) noexcept { return bind_in(udp_ports_, s, where); }

int network::listen(tcp_socket& s) noexcept { return conflicts(tcp_ports_, s, s.local_) ? EADDRINUSE : 0; }

void network::unbind(tcp_socket& s) noexcept { tcp_ports_.remove(s, s.host(), s.local_.port()); }
void network::unbind(datagram_socket& s) noexcept {
    udp_ports_.remove(s, s.host(), s.local_.port());
    std::erase(members_, &s);
}

std::shared_ptr<tcp_socket> network::listener(host_id host, const endpoint& where) noexcept {
    tcp_socket* s = choose(tcp_ports_, host, where, world_.outcomes);
    return s ? s->shared_from_this() : nullptr;
}

std::shared_ptr<datagram_socket> network::receiver(host_id host, const endpoint& where) noexcept {
    datagram_socket* s = choose(udp_ports_, host, where, world_.outcomes);
    return s ? s->shared_from_this() : nullptr;
}

void network::add_member(datagram_socket& s) noexcept {
    if (std::find(members_.begin(), members_.end(), &s) == members_.end()) members_.push_back(&s);
}

bool network::hears(const datagram_socket& s, const endpoint& group, net_interface by,
                    const endpoint& source) const noexcept {
    using answer = group_memberships::answer;
    if (!s.open_ || s.local_.port() != group.port()) return false;
    if (!is_any(s.local_) && !same_address(s.local_, group)) return false;
    if (s.groups_.wants(group, by, source) == answer::unwanted) return false;
    return std::any_of(members_.begin(), members_.end(), [&](const datagram_socket* other) {
        return other->host() == s.host() && other->groups_.wants(group, by, source) == answer::wanted;
    });
}

std::vector<std::shared_ptr<datagram_socket>> network::members(const endpoint& group, net_interface by,
                                                               const endpoint& source) noexcept {
    std::vector<std::shared_ptr<datagram_socket>> found;
    for (host_id host = 0; host < machines_.size(); ++host) {
        for (datagram_socket* s : udp_ports_.at(host, group.port())) {
            if (s->family() == group.family() && hears(*s, group, by, source)) found.push_back(s->shared_from_this());
        }
    }
    return found;
}

}  // namespace async::inline v0::io::sim
