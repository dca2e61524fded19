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
    for (const auto& end : {a, b}) end->connected_ = end->paired_ = true;
}

int local_datagram_socket::bind(std::string_view name) noexcept {
    if (!name_.empty()) return EINVAL;
    std::string chosen = name.empty() ? world_.local.free_name() : std::string(name);
    const int error = world_.local.bind(chosen, shared_from_this());
    if (error == 0) name_ = std::move(chosen);
    return error;
}

int local_datagram_socket::find(std::string_view name, pointer& found) const noexcept {
    if (name.empty()) return EINVAL;
    const bool abstract = name.front() == '\0';
    if (world_.local.number_of(name) == 0) return abstract ? ECONNREFUSED : ENOENT;
    const std::shared_ptr<object> there = world_.local.find_any(name);
    found = std::dynamic_pointer_cast<local_datagram_socket>(there);
    if (there && !found) return abstract ? ECONNREFUSED : EPROTOTYPE;
    return found && found->open_ ? 0 : ECONNREFUSED;
}

int local_datagram_socket::connect(std::string_view name) noexcept {
    pointer peer;
    if (const int error = find(name, peer)) return error;
    if (peer->connected_ && !peer->is_connected_to(*this)) return EPERM;
    connect_to(peer);
    return 0;
}

// What had come from another is lost, and that one hears of it.
void local_datagram_socket::connect_to(const pointer& peer) noexcept {
    const pointer former = peer_.lock();
    const bool changes = connected_ && former != peer;
    peer_ = peer;
    connected_ = peer != nullptr;
    if (!changes || queue_.empty()) return;
    drop_queue();
    wake_writers();
    if (!former || !former->open_ || !former->is_connected_to(*this)) return;
    former->error_ = ECONNRESET;
    if (former->watcher) former->watcher->readable();
}

std::string_view local_datagram_socket::peer_name() const noexcept {
    const pointer peer = peer_.lock();
    return peer ? std::string_view(peer->name_) : std::string_view();
}

// Two that are connected to each other have no limit but the sender's buffer, nor has one that writes to itself.
bool local_datagram_socket::full_for(const local_datagram_socket& sender) const noexcept {
    const bool limited = &sender != this && !is_connected_to(sender);
    return queued_bytes_ >= buffer || (limited && queue_.size() > most_waiting);
}

void local_datagram_socket::await_room_at(local_datagram_socket& receiver) noexcept {
    awaited_ = receiver.weak_from_this();
    const auto is_this = [this](const auto& w) { return w.lock().get() == this; };
    if (std::none_of(receiver.writers_.begin(), receiver.writers_.end(), is_this))
        receiver.writers_.push_back(weak_from_this());
}

int local_datagram_socket::send(const_bytes data, const unix_endpoint* to, const handle_list& handles) noexcept {
    if (error_ != 0) return std::exchange(error_, 0);
    if (to == nullptr && !connected_) return ENOTCONN;
    if (data.size() > largest) return EMSGSIZE;
    pointer peer = peer_.lock();
    if (to != nullptr) {
        if (const int error = find(to->bytes(), peer)) return error;
    } else if (!peer || !peer->open_) {
        connect_to(nullptr);
        return ECONNREFUSED;
    }
    if (peer->connected_ && !peer->is_connected_to(*this)) return EPERM;
    if (peer->full_for(*this)) {
        await_room_at(*peer);
        return EAGAIN;
    }
    awaited_.reset();
    const auto* const bytes = static_cast<const std::byte*>(data.data());
    for (const auto& o : handles) o->retain();
    peer->queued_bytes_ += data.size() + overhead;
    peer->queue_.push_back({{bytes, bytes + data.size()}, name_, handles});
    if (peer->watcher) peer->watcher->readable();
    return 0;
}

int local_datagram_socket::receive(incoming_message& m, handle_list* handles) noexcept {
    if (error_ != 0) return std::exchange(error_, 0);
    if (queue_.empty()) return EAGAIN;
    datagram d = std::move(queue_.front());
    queue_.pop_front();
    queued_bytes_ -= d.bytes.size() + overhead;
    m.size = std::min(m.into.size(), d.bytes.size());
    m.truncated = m.size < d.bytes.size();
    if (m.size != 0) std::memcpy(m.into.data(), d.bytes.data(), m.size);
    m.from = message_address(unix_endpoint::from_bytes(d.from));
    if (handles != nullptr) {
        *handles = std::move(d.handles);
    } else {
        for (const auto& o : d.handles) o->release();
    }
    wake_writers();
    return 0;
}

bool local_datagram_socket::writable() const noexcept {
    const pointer receiver = awaited_.lock();
    return !receiver || !receiver->open_ || !receiver->full_for(*this);
}

void local_datagram_socket::wake_writers() noexcept {
    for (const auto& w : std::exchange(writers_, {})) {
        if (const pointer writer = w.lock(); writer && writer->watcher) writer->watcher->writable();
    }
}

// What nobody takes any more is closed, this socket perhaps.
void local_datagram_socket::drop_queue() noexcept {
    queued_bytes_ = 0;
    for (const datagram& d : std::exchange(queue_, {})) {
        for (const auto& o : d.handles) o->release();
    }
}

void local_datagram_socket::closed() noexcept {
    open_ = false;
    watcher = nullptr;
    drop_queue();
    wake_writers();
}

}  // namespace async::inline v0::io::sim
