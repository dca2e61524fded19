#include <libasync/io/sim/datagram_socket.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <libasync/io/sim/world.hpp>

namespace async::inline v0::io::sim {

namespace {

using namespace std::chrono_literals;

// What a datagram costs of the buffer beside its bytes, so that empty ones cannot pile up without end.
constexpr std::size_t overhead = 256;

}  // namespace

datagram_socket::datagram_socket(world& w, host_id host, address_family family) noexcept
    : world_(w),
      host_(host),
      family_(family) {
    options_[static_cast<std::size_t>(socket_option::multicast_loop)] = 1;
    options_[static_cast<std::size_t>(socket_option::multicast_hops)] = 1;
    options_[static_cast<std::size_t>(socket_option::hops)] = 64;
}

datagram_socket::~datagram_socket() { world_.net.unbind(*this); }

int datagram_socket::bind(const endpoint& where) noexcept {
    if (bound_ || where.family() != family_) return EINVAL;
    const int error = world_.net.bind(*this, where);
    bound_ = error == 0;
    return error;
}

int datagram_socket::connect(const endpoint& peer) noexcept {
    const endpoint to = network::destination(peer);
    if (to.family() != family_) return EAFNOSUPPORT;
    if (!bound_) {
        const int error = bind(world_.net.source(host_, to));
        if (error != 0) return error;
    }
    peer_ = to;
    connected_ = true;
    return 0;
}

int datagram_socket::send(const void* data, std::size_t size) noexcept {
    return connected_ ? send_to(data, size, peer_) : EDESTADDRREQ;
}

int datagram_socket::send_to(const void* data, std::size_t size, const endpoint& where) noexcept {
    if (error_ != 0) return std::exchange(error_, 0);
    const endpoint to = network::destination(where);
    if (to.family() != family_) return EAFNOSUPPORT;
    if (size > largest) return EMSGSIZE;
    if (to.port() == 0) return EINVAL;
    if (!bound_) {
        const int error = bind(endpoint::any(0, family_));
        if (error != 0) return error;
    }
    datagram d;
    const auto* bytes = static_cast<const std::byte*>(data);
    d.bytes.assign(bytes, bytes + size);
    const endpoint source = source_towards(to);
    d.from = endpoint::from_bytes(family_, source.bytes(), local_.port());
    if (is_group(to)) {
        send_to_group(d, to);
    } else {
        launch(d, {to, nullptr});
    }
    return 0;
}

// The option decides, or else the address that the socket is bound to (ip(7)).
net_interface datagram_socket::leaves_by(const endpoint& to) const noexcept {
    const int chosen = option(socket_option::multicast_interface);
    if (chosen == 0 && network::is_loopback(local_)) return net_interface::loopback;
    return world_.net.interface_of(host_, to.family(), static_cast<std::uint32_t>(chosen))
        .value_or(net_interface::loopback);
}

endpoint datagram_socket::source_towards(const endpoint& to) const noexcept {
    if (!is_group(to)) return world_.net.source(host_, to);
    if (!is_group(local_) && !network::is_any(local_)) return local_;
    return world_.net.address_of(host_, family_, leaves_by(to));
}

// Each member has its own luck. On the loopback interface everything comes back, as on Linux.
void datagram_socket::send_to_group(const datagram& d, const endpoint& group) noexcept {
    const net_interface by = leaves_by(group);
    const bool outside = by == net_interface::network;
    const bool back = !outside || option(socket_option::multicast_loop) != 0;
    const bool beyond = outside && option(socket_option::multicast_hops) != 0;
    for (auto& member : world_.net.members(group, by, d.from)) {
        if (member->host_ == host_ ? back : beyond) launch(d, {group, std::move(member), by});
    }
}

void datagram_socket::launch(const datagram& d, const addressee& a) noexcept {
    if (world_.strikes(fault::packet_loss)) return;
    if (world_.strikes(fault::packet_duplicate)) travel(d, a, world_.delay(0s, 10ms));
    travel(d, a, world_.strikes(fault::packet_reorder) ? world_.delay(0s, 50ms) : 0s);
}

void datagram_socket::travel(const datagram& d, const addressee& a, std::chrono::nanoseconds delay) noexcept {
    const host_id peer = a.member ? a.member->host_ : world_.net.route(host_, a.to);
    if (peer == network::nobody) return;
    const auto latency = world_.net.latency_of_datagram(host_, peer);
    if (!latency) return;
    if (*latency + delay == 0s) return arrive(d, a);
    world_.after(*latency + delay, [self = shared_from_this(), d, a] { self->arrive(d, a); });
}

void datagram_socket::arrive(datagram d, const addressee& a) noexcept {
    const host_id peer = a.member ? a.member->host_ : world_.net.route(host_, a.to);
    if (!world_.net.reachable(host_, peer)) return;
    if (a.member) {
        if (world_.net.hears(*a.member, a.to, a.by, d.from)) a.member->take(std::move(d), a.to);
        return;
    }
    const std::shared_ptr<datagram_socket> s = world_.net.receiver(peer, a.to);
    if (!s) return refused(a.to);
    s->take(std::move(d), a.to);
}

void datagram_socket::take(datagram d, const endpoint& to) noexcept {
    if (connected_ && peer_ != d.from) return;
    if (queued_bytes_ + d.bytes.size() + overhead > receive_limit_) return;
    world_.events.note(event_kind::arrival, d.bytes.size(), to.port());
    queued_bytes_ += d.bytes.size() + overhead;
    queue_.push_back(std::move(d));
    if (watcher) watcher->readable();
}

// As the ICMP message does: who is connected learns it, by the next call.
void datagram_socket::refused(const endpoint& by) noexcept {
    if (!open_ || !connected_ || peer_ != by) return;
    error_ = ECONNREFUSED;
    if (watcher) watcher->readable();
}

datagram_socket::received datagram_socket::receive(void* data, std::size_t size) noexcept {
    if (error_ != 0) return {0, std::exchange(error_, 0), {}};
    if (queue_.empty()) return {0, EAGAIN, {}};
    const datagram d = std::move(queue_.front());
    queue_.pop_front();
    queued_bytes_ -= d.bytes.size() + overhead;
    if (!d.bytes.empty()) std::memcpy(data, d.bytes.data(), std::min(size, d.bytes.size()));
    return {d.bytes.size(), 0, d.from};
}

int datagram_socket::change_membership(const multicast_group& group, membership m) noexcept {
    if (group.group.family() != family_) return ENOPROTOOPT;
    const bool joins = m == membership::join;
    const auto where = world_.net.interface_of(host_, family_, group.interface_index);
    if (!where) return joins || group.has_source ? ENODEV : EADDRNOTAVAIL;
    if (joins) world_.net.add_member(*this);
    if (group.has_source) {
        return joins ? groups_.join_source(group.group, *where, group.source)
                     : groups_.leave_source(group.group, *where, group.source);
    }
    return joins ? groups_.join(group.group, *where) : groups_.leave(group.group, *where);
}

int datagram_socket::remote_endpoint(endpoint& where) const noexcept {
    if (!connected_) return ENOTCONN;
    where = peer_;
    return 0;
}

int datagram_socket::set_option(socket_option option, int value) noexcept {
    if (option == socket_option::multicast_interface &&
        !world_.net.interface_of(host_, family_, static_cast<std::uint32_t>(value)))
        return EADDRNOTAVAIL;
    options_[static_cast<std::size_t>(option)] = value;
    if (option == socket_option::reuse_port || option == socket_option::reuse_address) shares_port_ = value != 0;
    if (option == socket_option::receive_buffer) receive_limit_ = 2 * static_cast<std::size_t>(std::max(value, 0));
    return 0;
}

int datagram_socket::get_option(socket_option option, int& value) const noexcept {
    value = option == socket_option::receive_buffer ? static_cast<int>(receive_limit_)
                                                    : options_[static_cast<std::size_t>(option)];
    return 0;
}

void datagram_socket::closed() noexcept {
    open_ = false;
    watcher = nullptr;
    world_.net.unbind(*this);
    groups_.clear();
    queue_.clear();
}

}  // namespace async::inline v0::io::sim
