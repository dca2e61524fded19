#include <libasync/io/sim/world.hpp>

#include <cerrno>
#include <span>

namespace async::inline v0::io::sim {

world::world(std::uint64_t seed) noexcept
    : delays(seed, purpose::delays),
      sizes(seed, purpose::sizes),
      outcomes(seed, purpose::outcomes),
      orders(seed, purpose::order),
      user(seed, purpose::user),
      faults(seed),
      net(*this),
      names(*this),
      files(*this),
      seed_(seed) {}

// Events and descriptors keep alive what they refer to, and that refers to the world: sockets leave the network.
world::~world() {
    events_.clear();
    descriptors = {};
}

event_queue::key world::at(time_point when, unique_function<void()> action) {
    return events_.add(when, steps == order::fifo ? 0 : orders.next(), std::move(action));
}

bool world::run_due() noexcept {
    bool any = false;
    while (events_.next() <= now_) {
        unique_function<void()> action = events_.take_first();
        action();
        any = true;
    }
    return any;
}

bool world::strikes(fault f) noexcept {
    if (!faults.strikes(f)) return false;
    events.note(event_kind::fault, static_cast<std::uint64_t>(f), static_cast<std::uint64_t>(elapsed().count()));
    return true;
}

namespace {

std::span<const int> errors_of(fault f) noexcept {
    static constexpr int receive[] = {ECONNRESET, ETIMEDOUT, EHOSTUNREACH, ENOMEM};
    static constexpr int send[] = {EPIPE, ECONNRESET, ETIMEDOUT, EHOSTUNREACH, ENOBUFS, ENOMEM};
    static constexpr int accept[] = {EMFILE, ENFILE, ENOBUFS, ENOMEM};
    static constexpr int connect[] = {ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, EADDRNOTAVAIL};
    static constexpr int socket[] = {EMFILE, ENFILE, ENOBUFS, ENOMEM};
    static constexpr int open[] = {EMFILE, ENFILE, ENOMEM, EACCES, ENOSPC, EIO};
    static constexpr int read[] = {EIO, ENOMEM};
    static constexpr int write[] = {ENOSPC, EIO};
    static constexpr int sync[] = {EIO, ENOSPC};
    switch (f) {
        case fault::receive_error: return receive;
        case fault::send_error: return send;
        case fault::accept_error: return accept;
        case fault::connect_error: return connect;
        case fault::socket_error: return socket;
        case fault::open_error: return open;
        case fault::file_read_error: return read;
        case fault::sync_error: return sync;
        default: return write;
    }
}

}  // namespace

int world::error_of(fault f) noexcept {
    const std::span<const int> errors = errors_of(f);
    return errors[outcomes.below(errors.size())];
}

void world::stop_faults() noexcept {
    faults.stop();
    net.end_faults();
}

}  // namespace async::inline v0::io::sim
