#include <libasync/io/sim/local_socket.hpp>

#include <algorithm>

#include <libasync/io/sim/world.hpp>

namespace async::inline v0::io::sim {

namespace {

constexpr std::size_t pipe_size = 64 * 1024;  // pipe(7)
constexpr int most_waiting = 4096;

std::shared_ptr<connection> make_connection(world& w) {
    return std::make_shared<connection>(w, w.current_host(), w.current_host(), connection::reach::local);
}

}  // namespace

int local_names::bind(std::string_view name, std::shared_ptr<object> s) noexcept {
    if (name.empty()) return EINVAL;
    const auto [place, is_new] = names_.try_emplace(std::string(name));
    const bool abstract = name.front() == '\0';
    if (!is_new && !(abstract && place->second.socket.expired())) return EADDRINUSE;
    place->second = {std::move(s), ++last_number_};
    return 0;
}

bool local_names::remove(std::string_view name) noexcept {
    const auto found = names_.find(name);
    if (found == names_.end()) return false;
    names_.erase(found);
    return true;
}

std::shared_ptr<local_socket> local_names::find(std::string_view name) const noexcept {
    return std::dynamic_pointer_cast<local_socket>(find_any(name));
}

std::shared_ptr<object> local_names::find_any(std::string_view name) const noexcept {
    const auto found = names_.find(name);
    return found == names_.end() ? nullptr : found->second.socket.lock();
}

std::uint64_t local_names::number_of(std::string_view name) const noexcept {
    const auto found = names_.find(name);
    return found == names_.end() ? 0 : found->second.number;
}

std::string local_names::free_name() noexcept {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string name(6, '\0');
    do {
        ++last_chosen_;
        for (unsigned i = 0; i < 5; ++i) name[5 - i] = digits[(last_chosen_ >> (4 * i)) & 15];
    } while (find_any(name));
    return name;
}

int local_socket::bind(std::string_view name) noexcept {
    if (bound_ || connection_) return EINVAL;
    const int error = world_.local.bind(name, shared_from_this());
    bound_ = error == 0;
    if (bound_) name_ = name;
    return error;
}

int local_socket::listen(int backlog) noexcept {
    if (!bound_) return EINVAL;
    listening_ = true;
    backlog_ = static_cast<std::size_t>(std::clamp(backlog, 0, most_waiting));
    return 0;
}

int local_socket::connect_to(std::string_view name) noexcept {
    if (connection_) return EISCONN;
    if (name.empty()) return EINVAL;
    if (listening_) return EINVAL;
    const std::shared_ptr<local_socket> door = world_.local.find(name);
    if (!door && world_.local.number_of(name) == 0) return name.front() == '\0' ? ECONNREFUSED : ENOENT;
    if (!door || !door->listening_) return ECONNREFUSED;
    if (door->queue_.size() > door->backlog_) return EAGAIN;
    connection_ = make_connection(world_);
    connection_->watch(side_, watcher);
    peer_name_ = name;
    auto accepted = std::make_shared<local_socket>(world_, connection_, sim::side::b);
    accepted->name_ = name;
    accepted->peer_name_ = name_;
    door->queue_.push_back(std::move(accepted));
    if (door->watcher) door->watcher->readable();
    return 0;
}

std::shared_ptr<stream_object> local_socket::accept(int& error) noexcept {
    error = !listening_ ? EINVAL : (queue_.empty() ? EAGAIN : 0);
    if (error != 0) return nullptr;
    std::shared_ptr<local_socket> next = std::move(queue_.front());
    queue_.pop_front();
    return next;
}

void local_socket::closed() noexcept {
    listening_ = false;
    for (const std::shared_ptr<local_socket>& waiting : queue_) {
        waiting->connection_->close(waiting->side_, connection::how::reset);
    }
    queue_.clear();
    stream_object::closed();
}

local_pair make_local_pair(world& w) {
    const std::shared_ptr<connection> c = make_connection(w);
    return {std::make_shared<local_socket>(w, c, sim::side::a), std::make_shared<local_socket>(w, c, sim::side::b)};
}

local_pair make_pipe(world& w) {
    const std::shared_ptr<connection> c = make_connection(w);
    c->set_receive_limit(sim::side::a, pipe_size);
    c->set_send_limit(sim::side::b, 0);
    c->make_one_way(sim::side::b);
    return {std::make_shared<stream_object>(c, sim::side::a), std::make_shared<stream_object>(c, sim::side::b)};
}

}  // namespace async::inline v0::io::sim
