// The menu of faults of the simulated system: what may go wrong, how often, and what did.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

#include <libasync/io/sim/random.hpp>

namespace async::inline v0 {

namespace sim {

enum class fault : std::uint8_t {
    short_read,               // a read of a stream gives less than there is
    short_write,              // a stream takes less than it has room for
    receive_error,            // ECONNRESET and ETIMEDOUT, which end the connection; ENOMEM, EHOSTUNREACH
    send_error,               // EPIPE, ECONNRESET and ETIMEDOUT, which end it; EHOSTUNREACH, ENOBUFS, ENOMEM
    accept_error,             // EMFILE, ENFILE, ENOBUFS, ENOMEM
    connect_error,            // ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, EADDRNOTAVAIL
    socket_error,             // making a socket: EMFILE, ENFILE, ENOBUFS, ENOMEM
    short_file_read,          // fewer bytes than the file has there; or they must come from the disk first
    short_file_write,         // fewer bytes than were given
    open_error,               // EMFILE, ENFILE, ENOMEM, EACCES, ENOSPC, EIO
    file_read_error,          // EIO, ENOMEM
    file_write_error,         // ENOSPC, EIO
    sync_error,               // EIO, ENOSPC; what was not synced stays so
    close_error,              // of a file: ENOSPC, EIO; it is closed all the same
    late_start,               // the queue to the system is full: the operation begins later
    late_completion,          // the outcome is there, and told later
    completion_beats_cancel,  // a cancelled operation goes on for a while, and may succeed
    late_cancel,              // a cancelled operation ends at once, and tells so later
    read_ahead_stops,         // a multishot operation is cut short and has to be armed again
    no_buffers,               // a chunk is one byte long, since no buffer is free
    packet_loss,              // a packet comes again, later; a datagram never
    packet_duplicate,         // a datagram comes twice
    packet_reorder,           // a datagram is overtaken
    lookup_error,             // the server of names does not answer
    stall,                    // a peer is silent for minutes or hours
    partition,                // two machines do not reach each other for a while
    clock_jump,               // the clock leaps ahead, by up to an hour
};
inline constexpr std::size_t fault_count = static_cast<std::size_t>(fault::clock_jump) + 1;

const char* name_of(fault f) noexcept;

// One fault at one place: the k-th time, counted from 0, that it could happen. `any` counts all faults together.
struct fault_at {
    static constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();
    static constexpr int any = -1;

    int kind = any;  // a sim::fault
    std::uint64_t k = never;
};

}  // namespace sim

namespace io::sim {

using async::sim::fault;
using async::sim::fault_at;
using async::sim::fault_count;

class fault_menu {
public:
    explicit fault_menu(std::uint64_t seed) noexcept : draws_(seed, purpose::faults) {}

    // Each kind is on with an even chance, at a rate of its own.
    void draw_swarm(std::uint64_t seed) noexcept;
    void set_rate(fault f, std::uint32_t per_million) noexcept { rates_[index(f)] = per_million; }
    std::uint32_t rate(fault f) const noexcept { return rates_[index(f)]; }
    void set_single(const fault_at& single) noexcept { single_ = single; }
    const fault_at& single() const noexcept { return single_; }
    // From now on nothing goes wrong.
    void stop() noexcept { stopped_ = true; }
    bool stopped() const noexcept { return stopped_; }

    // Asked wherever `f` could happen.
    bool strikes(fault f) noexcept;

    std::uint64_t opportunities(fault f) const noexcept { return opportunities_[index(f)]; }
    std::uint64_t all_opportunities() const noexcept { return asked_; }
    std::uint64_t struck(fault f) const noexcept { return struck_[index(f)]; }
    std::uint64_t all_struck() const noexcept;

private:
    static constexpr std::size_t index(fault f) noexcept { return static_cast<std::size_t>(f); }

    random_stream draws_;
    fault_at single_;
    std::array<std::uint32_t, fault_count> rates_{};
    std::array<std::uint64_t, fault_count> opportunities_{};
    std::array<std::uint64_t, fault_count> struck_{};
    std::uint64_t asked_ = 0;
    bool stopped_ = false;
};

}  // namespace io::sim

}  // namespace async::inline v0
