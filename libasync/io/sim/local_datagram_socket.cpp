#include <libasync/io/sim/local_datagram_socket.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <libasync/io/sim/world.hpp>

namespace async::inline v0::io::sim {

void local_datagram_socket::join(const std::shared_ptr<local_datagram_socket>& a,
                                 const std::shared_ptr<local_datagram_socket>& b) noexcept {
    a->peer_ = b;
    b->peer_ = a;
}

int local_datagram_socket::bind(std::string_view name) noexcept {
    if (!name_.empty()) return EINVAL;
    const int error = world_.local.bind(name, shared_from_this());
    if (error == 0) name_ = name;
    return error;
}

int local_datagram_socket::connect(std::string_view name) noexcept {
    if (world_.local.number_of(name) == 0) return !name.empty() && name.front() != '\0' ? ENOENT : ECONNREFUSED;
    auto peer = std::dynamic_pointer_cast<local_datagram_socket>(world_.local.find_any(name));
    if (!peer || !peer->open_) return ECONNREFUSED;
    peer_ = peer;
    return 0;
}

std::string_view local_datagram_socket::peer_name() const noexcept {
    const auto peer = peer_.lock();
    return peer ? std::string_view(peer->name_) : std::string_view();
}

int local_datagram_socket::send(const_bytes data, const unix_endpoint* to) noexcept {
    std::shared_ptr<local_datagram_socket> peer = peer_.lock();
    if (to != nullptr) {
        if (world_.local.number_of(to->bytes()) == 0) return to->is_abstract() ? ECONNREFUSED : ENOENT;
        peer = std::dynamic_pointer_cast<local_datagram_socket>(world_.local.find_any(to->bytes()));
    } else if (!peer) {
        return ENOTCONN;
    }
    if (!peer || !peer->open_) return ECONNREFUSED;
    if (data.size() > largest) return EMSGSIZE;
    if (peer->queue_.size() > most_waiting) {
        awaited_ = peer;
        peer->writers_.push_back(weak_from_this());
        return EAGAIN;
    }
    awaited_.reset();
    const auto* const bytes = static_cast<const std::byte*>(data.data());
    peer->queue_.push_back({{bytes, bytes + data.size()}, name_});
    if (peer->watcher) peer->watcher->readable();
    return 0;
}

int local_datagram_socket::receive(incoming_message& m) noexcept {
    if (queue_.empty()) return EAGAIN;
    const datagram d = std::move(queue_.front());
    queue_.pop_front();
    m.size = std::min(m.into.size(), d.bytes.size());
    m.truncated = m.size < d.bytes.size();
    if (m.size != 0) std::memcpy(m.into.data(), d.bytes.data(), m.size);
    m.from = message_address(unix_endpoint::from_bytes(d.from));
    const auto writers = std::exchange(writers_, {});
    for (const auto& w : writers) {
        if (const auto writer = w.lock(); writer && writer->watcher) writer->watcher->writable();
    }
    return 0;
}

bool local_datagram_socket::writable() const noexcept {
    const auto peer = awaited_.lock();
    return !peer || !peer->open_ || peer->queue_.size() <= most_waiting;
}

void local_datagram_socket::closed() noexcept {
    open_ = false;
    watcher = nullptr;
    queue_.clear();
    const auto writers = std::exchange(writers_, {});
    for (const auto& w : writers) {
        if (const auto writer = w.lock(); writer && writer->watcher) writer->watcher->writable();
    }
}

}  // namespace async::inline v0::io::sim
