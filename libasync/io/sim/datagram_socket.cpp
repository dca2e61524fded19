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
    const endpoint source = world_.net.source(host_, to);
    d.from = endpoint::from_bytes(family_, source.bytes(), local_.port());
    if (world_.strikes(fault::packet_loss)) return 0;
    if (world_.strikes(fault::packet_duplicate)) travel(d, to, world_.delay(0s, 10ms));
    travel(d, to, world_.strikes(fault::packet_reorder) ? world_.delay(0s, 50ms) : 0s);
    return 0;
}

void datagram_socket::travel(const datagram& d, const endpoint& to, std::chrono::nanoseconds delay) noexcept {
    const host_id peer = world_.net.route(host_, to);
    if (peer == network::nobody) return;
    const auto latency = world_.net.latency_of_datagram(host_, peer);
    if (!latency) return;
    if (*latency + delay == 0s) return arrive(d, to);
    world_.after(*latency + delay, [self = shared_from_this(), d, to] { self->arrive(d, to); });
}

void datagram_socket::arrive(datagram d, const endpoint& to) noexcept {
    const host_id peer = world_.net.route(host_, to);
    if (!world_.net.reachable(host_, peer)) return;
    const std::shared_ptr<datagram_socket> s = world_.net.receiver(peer, to);
    if (!s) return refused(to);
    if (s->connected_ && s->peer_ != d.from) return;
    if (s->queued_bytes_ + d.bytes.size() + overhead > s->receive_limit_) return;
    world_.events.note(event_kind::arrival, d.bytes.size(), to.port());
    s->queued_bytes_ += d.bytes.size() + overhead;
    s->queue_.push_back(std::move(d));
    if (s->watcher) s->watcher->readable();
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

int datagram_socket::remote_endpoint(endpoint& where) const noexcept {
    if (!connected_) return ENOTCONN;
    where = peer_;
    return 0;
}

int datagram_socket::set_option(socket_option option, int value) noexcept {
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
    queue_.clear();
}

}  // namespace async::inline v0::io::sim
