#include <libasync/io/sim/tcp_socket.hpp>

#include <algorithm>
#include <cerrno>

#include <libasync/io/sim/world.hpp>

namespace async::inline v0::io::sim {

namespace {

using namespace std::chrono_literals;

constexpr int most_waiting = 4096;      // net.core.somaxconn
constexpr unsigned most_knocks = 7;     // tcp_syn_retries of Linux: 1, 3, 7, 15, 31, 63 s, given up after 127 s
constexpr auto unreachable_after = 3s;  // how long a machine is looked for
constexpr int least_buffer = 2304;      // what Linux makes of smaller ones (socket(7))

// As an IPv6 socket shows an IPv4 address (RFC 4291, section 2.5.5.2).
endpoint as_ipv6(const endpoint& e) noexcept {
    std::array<std::uint8_t, 16> bytes{};
    bytes[10] = bytes[11] = 0xFF;
    std::copy_n(e.bytes().begin(), 4, bytes.begin() + 12);
    return endpoint::from_bytes(address_family::ipv6, bytes, e.port());
}

}  // namespace

tcp_socket::tcp_socket(world& w, std::shared_ptr<connection> c, side s, const endpoint& local,
                       const endpoint& remote) noexcept
    : stream_object(std::move(c), s),
      world_(w),
      host_(connection_->host(s)),
      family_(local.family()),
      state_(state::connected),
      local_(local),
      remote_(remote) {}

tcp_socket::~tcp_socket() { world_.net.unbind(*this); }

int tcp_socket::bind(const endpoint& where) noexcept {
    if (state_ != state::fresh || where.family() != family_) return EINVAL;
    const int error = world_.net.bind(*this, where);
    if (error == 0) state_ = state::bound;
    return error;
}

int tcp_socket::listen(int backlog) noexcept {
    if (state_ == state::connected || state_ == state::connecting) return EINVAL;
    if (state_ == state::fresh) {
        const int error = bind(endpoint::any(0, family_));
        if (error != 0) return error;
    }
    if (state_ != state::listening) {
        const int error = world_.net.listen(*this);
        if (error != 0) return error;
    }
    backlog_ = std::clamp(backlog, 0, most_waiting);
    state_ = state::listening;
    return 0;
}

int tcp_socket::connect(const endpoint& where) noexcept {
    const endpoint to = network::destination(where);
    switch (state_) {
        case state::connecting: return EINPROGRESS;
        case state::refused: state_ = state::bound; return std::exchange(connect_error_, 0);
        case state::connected: return std::exchange(connect_error_, EISCONN);
        case state::listening:
        case state::closed: return EINVAL;
        default: break;
    }
    if (to.family() != family_) return EAFNOSUPPORT;
    if (to.port() == 0) return EADDRNOTAVAIL;
    if (state_ == state::fresh) {
        const int error = world_.net.bind(*this, world_.net.source(host_, to));
        if (error != 0) return error;
    }
    state_ = state::connecting;
    if (world_.net.route(host_, to) == network::nobody) {
        world_.after(unreachable_after, [self = shared_from_this()] { self->decide(EHOSTUNREACH); });
    } else {
        knock(to, 0);
    }
    return state_ == state::connecting ? EINPROGRESS : connect(to);
}

// One try to reach the listener: arrives there, or is lost.
void tcp_socket::knock(const endpoint& to, unsigned tries) noexcept {
    const host_id peer = world_.net.route(host_, to);
    time_point free_at{};
    const time_point arrives = world_.net.arrival(host_, peer, 0, free_at);
    if (!world_.net.reachable(host_, peer)) return knock_again(to, tries);
    if (arrives <= world_.now()) return at_the_door(to, tries);
    world_.at(arrives, [self = shared_from_this(), to, tries] {
        if (self->state_ == state::connecting) self->at_the_door(to, tries);
    });
}

void tcp_socket::knock_again(const endpoint& to, unsigned tries) noexcept {
    const bool give_up = tries + 1 == most_knocks;
    world_.after(1s * (1U << tries), [self = shared_from_this(), to, tries, give_up] {
        if (self->state_ != state::connecting) return;
        if (give_up) {
            self->decide(ETIMEDOUT);
        } else {
            self->knock(to, tries + 1);
        }
    });
}

void tcp_socket::at_the_door(const endpoint& to, unsigned tries) noexcept {
    const host_id peer = world_.net.route(host_, to);
    if (!world_.net.reachable(host_, peer)) return knock_again(to, tries);
    const std::shared_ptr<tcp_socket> door = world_.net.listener(peer, to);
    if (door && door->full()) return knock_again(to, tries);
    time_point free_at{};
    const time_point back = world_.net.arrival(peer, host_, 0, free_at);
    if (!door) {
        if (back <= world_.now()) return decide(ECONNREFUSED);
        world_.at(back, [self = shared_from_this()] { self->decide(ECONNREFUSED); });
        return;
    }
    auto c = std::make_shared<connection>(world_, host_, peer);
    const bool mapped = door->family_ != family_;
    auto accepted =
        std::make_shared<tcp_socket>(world_, c, side::b, mapped ? as_ipv6(to) : to, mapped ? as_ipv6(local_) : local_);
    accepted->options_[static_cast<std::size_t>(socket_option::receive_buffer)] =
        door->options_[static_cast<std::size_t>(socket_option::receive_buffer)];
    accepted->options_[static_cast<std::size_t>(socket_option::send_buffer)] =
        door->options_[static_cast<std::size_t>(socket_option::send_buffer)];
    accepted->apply_buffers();
    if (back <= world_.now()) {
        answered(c, to);
    } else {
        world_.at(back, [self = shared_from_this(), c, to] { self->answered(c, to); });
    }
    door->queue_.push_back(std::move(accepted));
    if (door->watcher) door->watcher->readable();
}

void tcp_socket::decide(int error) noexcept {
    if (state_ != state::connecting) return;
    connect_error_ = error;
    state_ = state::refused;
    if (watcher) watcher->writable();
}

void tcp_socket::answered(std::shared_ptr<connection> c, const endpoint& peer) noexcept {
    if (state_ != state::connecting) return c->close(side::a, connection::how::reset);
    connection_ = std::move(c);
    side_ = side::a;
    remote_ = peer;
    state_ = state::connected;
    apply_buffers();
    connection_->watch(side_, watcher);
    if (watcher) watcher->writable();
}

std::shared_ptr<stream_object> tcp_socket::accept(int& error) noexcept {
    if (state_ != state::listening) {
        error = EINVAL;
        return nullptr;
    }
    if (queue_.empty()) {
        error = EAGAIN;
        return nullptr;
    }
    error = 0;
    std::shared_ptr<tcp_socket> next = std::move(queue_.front());
    queue_.pop_front();
    return next;
}

void tcp_socket::closed() noexcept {
    const state before = std::exchange(state_, state::closed);
    world_.net.unbind(*this);
    watcher = nullptr;
    // Nobody will accept those who still wait.
    for (const std::shared_ptr<tcp_socket>& waiting : queue_) {
        waiting->connection_->close(waiting->side_, connection::how::reset);
    }
    queue_.clear();
    if (before == state::connected) {
        connection_->close(side_, reset_on_close_ ? connection::how::reset : connection::how::gracefully);
    }
}

int tcp_socket::set_option(socket_option option, int value) noexcept {
    if (option == socket_option::ipv6_only && family_ != address_family::ipv6) return ENOPROTOOPT;
    if (option == socket_option::ipv6_only && state_ != state::fresh) return EINVAL;
    const bool size = option == socket_option::receive_buffer || option == socket_option::send_buffer;
    // Linux doubles what is asked for (socket(7)).
    options_[static_cast<std::size_t>(option)] = size ? std::max(least_buffer, 2 * value) : (value != 0 ? 1 : 0);
    if (size) apply_buffers();
    return 0;
}

int tcp_socket::get_option(socket_option option, int& value) const noexcept {
    if (option == socket_option::ipv6_only && family_ != address_family::ipv6) return ENOPROTOOPT;
    value = options_[static_cast<std::size_t>(option)];
    const bool size = option == socket_option::receive_buffer || option == socket_option::send_buffer;
    if (size && value == 0) value = static_cast<int>(connection::default_buffer);
    return 0;
}

void tcp_socket::apply_buffers() noexcept {
    if (!connection_) return;
    const int receive = options_[static_cast<std::size_t>(socket_option::receive_buffer)];
    const int send = options_[static_cast<std::size_t>(socket_option::send_buffer)];
    if (receive != 0) connection_->set_receive_limit(side_, static_cast<std::size_t>(receive));
    if (send != 0) connection_->set_send_limit(side_, static_cast<std::size_t>(send));
}

int tcp_socket::remote_endpoint(endpoint& where) const noexcept {
    if (state_ != state::connected || connection_->over(side_)) return ENOTCONN;
    where = remote_;
    return 0;
}

}  // namespace async::inline v0::io::sim
