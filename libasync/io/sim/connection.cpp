#include <libasync/io/sim/connection.hpp>

#include <algorithm>
#include <cerrno>

#include <libasync/io/sim/world.hpp>

namespace async::inline v0::io::sim {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_at_once = 64 * 1024;

// RFC 6298: at first 200 ms (as Linux has it), then twice as long each time, up to 2 minutes; Linux gives up after
// 15 retries, 924.6 s (tcp_retries2, tcp(7)).
constexpr auto first_timeout = 200ms;
constexpr auto longest_timeout = 120s;
constexpr auto patience = 924600ms;

std::chrono::nanoseconds retry_delay(unsigned tries) noexcept {
    return std::min<std::chrono::nanoseconds>(first_timeout * (1U << std::min(tries, 10U)), longest_timeout);
}

}  // namespace

connection::connection(world& w, host_id a, host_id b, reach r) noexcept : world_(w), reach_(r) {
    ends_[0].host = a;
    ends_[1].host = b;
}

void connection::make_one_way(side writer) noexcept {
    one_way_ = true;
    end_of(other(writer)).shut = end_of(other(writer)).end_sent = true;
}

std::size_t connection::room_of(side s) const noexcept {
    const one_end& e = end_of(s);
    const one_end& peer = end_of(other(s));
    const std::size_t limit = reach_ == reach::local ? peer.receive_limit : e.send_limit;
    const std::size_t used = reach_ == reach::local ? peer.unread.size() : e.unsent.size();
    return limit > used ? limit - used : 0;
}

transfer_result connection::send(side s, const const_bytes* buffers, std::size_t count) noexcept {
    one_end& e = end_of(s);
    if (e.error != 0) return {0, std::exchange(e.error, 0)};
    if (e.dead || e.shut) return {0, EPIPE};
    if (reach_ == reach::local && !end_of(other(s)).open) return {0, EPIPE};
    if (count == 0) return {};
    std::size_t room = room_of(s);
    if (room == 0) return {0, EAGAIN};
    if (world_.strikes(fault::short_write)) room = world_.shortened(room);
    std::size_t sent = 0;
    for (std::size_t i = 0; i < count && room != 0; ++i) {
        const std::size_t part = std::min(room, buffers[i].size());
        e.unsent.append(buffers[i].data(), part);
        room -= part;
        sent += part;
    }
    e.sent += sent;
    pump(s);
    return {sent, 0};
}

transfer_result connection::receive(side s, void* data, std::size_t size) noexcept {
    one_end& e = end_of(s);
    if (!e.unread.empty()) {
        // What comes with a byte keeps what is before it apart.
        for (const attachment& a : end_of(other(s)).attached) {
            if (a.position <= e.received) continue;
            size = static_cast<std::size_t>(std::min<std::uint64_t>(size, a.position - e.received));
            break;
        }
        const std::size_t count = e.unread.take(data, size);
        e.received += count;
        pump(other(s));
        return {count, 0};
    }
    if (e.end_arrived) return {};
    if (e.error != 0) return {0, std::exchange(e.error, 0)};
    if (e.dead) return {};
    return {0, EAGAIN};
}

void connection::put_back(side s, const void* data, std::size_t size) noexcept {
    end_of(s).unread.put_back(data, size);
    end_of(s).received -= size;
}

void connection::attach(side s, std::uint64_t position, const std::vector<std::shared_ptr<object>>& objects) noexcept {
    const one_end& peer = end_of(other(s));
    if (objects.empty() || !peer.open || position < peer.received) return;
    for (const auto& o : objects) o->retain();
    end_of(s).attached.push_back({position, objects});
}

std::vector<std::shared_ptr<object>> connection::take_attached(side s) noexcept {
    std::vector<std::shared_ptr<object>> came;
    std::deque<attachment>& queue = end_of(other(s)).attached;
    while (!queue.empty() && queue.front().position < end_of(s).received) {
        for (auto& o : queue.front().objects) came.push_back(std::move(o));
        queue.pop_front();
    }
    return came;
}

int connection::shut_down_writes(side s) noexcept {
    one_end& e = end_of(s);
    if (over(s)) return ENOTCONN;
    e.shut = true;
    pump(s);
    return 0;
}

void connection::close(side s, how h) noexcept {
    one_end& e = end_of(s);
    e.open = false;
    e.watcher = nullptr;
    // What nobody takes any more is closed, this connection perhaps.
    const std::deque<attachment> untaken = std::exchange(end_of(other(s)).attached, {});
    for (const attachment& a : untaken) {
        for (const auto& o : a.objects) o->release();
    }
    if (e.dead) return;
    if (h == how::reset || !e.unread.empty()) {
        launch_reset(s);
        return;
    }
    e.shut = true;
    pump(s);
}

void connection::break_off(side s, int error) noexcept {
    one_end& e = end_of(s);
    if (e.dead) return;
    launch_reset(s);
    e.error = error;
    wake(e);
}

bool connection::readable(side s) const noexcept {
    const one_end& e = end_of(s);
    return !e.unread.empty() || e.end_arrived || e.error != 0 || e.dead;
}

bool connection::writable(side s) const noexcept {
    const one_end& e = end_of(s);
    return room_of(s) != 0 || e.error != 0 || e.dead || e.shut;
}

// Hands what is unsent to the link, as far as the other end has room.
void connection::pump(side s) noexcept {
    one_end& e = end_of(s);
    const one_end& peer = end_of(other(s));
    if (e.dead) return;
    bool moved = false;
    while (!e.unsent.empty()) {
        const std::size_t taken = peer.unread.size() + e.travelling_bytes;
        if (taken >= peer.receive_limit) break;
        segment part{what::bytes, {}, {}, 0, {}};
        part.bytes.resize(std::min({e.unsent.size(), peer.receive_limit - taken, most_at_once}));
        e.unsent.take(part.bytes.data(), part.bytes.size());
        moved = true;
        launch(s, std::move(part));
        if (e.dead) return;
    }
    if (e.shut && e.unsent.empty() && !e.end_sent) {
        e.end_sent = true;
        launch(s, {what::end, {}, {}, 0, {}});
    }
    if ((moved || reach_ == reach::local) && e.watcher) e.watcher->writable();
}

void connection::launch(side s, segment part) noexcept {
    one_end& e = end_of(s);
    const host_id to = end_of(other(s)).host;
    part.first_try = world_.now();
    part.arrives =
        reach_ == reach::local ? world_.now() : world_.net.arrival(e.host, to, part.bytes.size(), e.link_free_at);
    if (!e.travelling.empty()) part.arrives = std::max(part.arrives, e.travelling.back().arrives);
    if (e.travelling.empty() && part.arrives <= world_.now() && world_.net.reachable(e.host, to)) {
        deliver(s, part);
        return;
    }
    e.travelling_bytes += part.bytes.size();
    e.travelling.push_back(std::move(part));
    if (e.travelling.size() == 1) schedule(s);
}

// What was sent before it is still on its way, and comes first; what is unsent never goes.
void connection::launch_reset(side s) noexcept {
    one_end& e = end_of(s);
    e.unsent.clear();
    e.dead = true;
    launch(s, {what::reset, {}, {}, 0, {}});
}

void connection::schedule(side s) noexcept {
    world_.at(end_of(s).travelling.front().arrives, [self = shared_from_this(), s] { self->on_time(s); });
}

void connection::on_time(side s) noexcept {
    one_end& e = end_of(s);
    if (e.travelling.empty() || e.travelling.front().arrives > world_.now()) return;  // a reset swept it away
    segment& first = e.travelling.front();
    if (!world_.net.reachable(e.host, end_of(other(s)).host)) {
        const bool give_up = world_.now() - first.first_try >= patience;
        if (first.kind != what::reset && !give_up) {
            first.arrives = world_.now() + retry_delay(first.tries++);
            return schedule(s);
        }
        // A reset is not sent again: the other end stays as it is until it sends something.
        e.travelling.clear();
        e.travelling_bytes = 0;
        if (!give_up || e.dead) return;
        e.unsent.clear();
        e.dead = true;
        e.error = ETIMEDOUT;
        return wake(e);
    }
    segment arrived = std::move(first);
    e.travelling.pop_front();
    e.travelling_bytes -= arrived.bytes.size();
    deliver(s, arrived);
    if (!e.travelling.empty()) schedule(s);
    pump(s);
}

void connection::deliver(side from, segment& part) noexcept {
    const side to = other(from);
    world_.events.note(event_kind::arrival, static_cast<std::uint64_t>(part.kind), part.bytes.size(), end_of(to).host);
    switch (part.kind) {
        case what::bytes: deliver_bytes(to, part.bytes); break;
        case what::end:
            end_of(to).end_arrived = true;
            wake(end_of(to));
            break;
        case what::reset: deliver_reset(to); break;
    }
}

void connection::deliver_bytes(side to, const std::vector<std::byte>& bytes) noexcept {
    one_end& e = end_of(to);
    if (e.dead) {
        // The reset that told so may have been lost on the way.
        if (!e.open && e.travelling.empty()) launch(to, {what::reset, {}, {}, 0, {}});
        return;
    }
    if (!e.open) return launch_reset(to);
    e.unread.append(bytes.data(), bytes.size());
    if (e.watcher) e.watcher->readable();
}

void connection::deliver_reset(side to) noexcept {
    one_end& e = end_of(to);
    if (e.dead) return;
    e.dead = true;
    e.error = e.end_arrived || one_way_ ? EPIPE : ECONNRESET;
    e.unsent.clear();
    e.travelling.clear();
    e.travelling_bytes = 0;
    wake(e);
}

void connection::wake(one_end& e) noexcept {
    if (e.watcher) e.watcher->readable();
    if (e.watcher) e.watcher->writable();
}

}  // namespace async::inline v0::io::sim
