#include <libasync/io/sim/fault.hpp>

#include <numeric>

namespace async::inline v0 {

namespace sim {

const char* name_of(fault f) noexcept {
    static constexpr const char* names[] = {
        "short_read",
        "short_write",
        "receive_error",
        "send_error",
        "accept_error",
        "connect_error",
        "socket_error",
        "short_file_read",
        "short_file_write",
        "open_error",
        "file_read_error",
        "file_write_error",
        "sync_error",
        "close_error",
        "late_start",
        "late_completion",
        "completion_beats_cancel",
        "late_cancel",
        "read_ahead_stops",
        "no_buffers",
        "packet_loss",
        "packet_duplicate",
        "packet_reorder",
        "lookup_error",
        "stall",
        "partition",
        "clock_jump",
    };
    static_assert(std::size(names) == fault_count);
    return names[static_cast<std::size_t>(f)];
}

}  // namespace sim

namespace io::sim {

void fault_menu::draw_swarm(std::uint64_t seed) noexcept {
    random_stream draws(seed, purpose::swarm);
    for (std::uint32_t& rate : rates_) {
        const bool on = draws.chance(500'000);
        const auto often = static_cast<std::uint32_t>(draws.between(1'000, 200'000));
        rate = on ? often : 0;
    }
    // What costs hours of virtual time, or ends a connection, strikes once in a while.
    for (const fault rare : {fault::receive_error, fault::send_error, fault::stall, fault::clock_jump}) {
        rates_[index(rare)] /= 20;
    }
}

bool fault_menu::strikes(fault f) noexcept {
    if (stopped_) return false;
    const std::uint64_t this_one = opportunities_[index(f)]++;
    const std::uint64_t of_all = asked_++;
    bool hit = false;
    if (single_.k != fault_at::never) {
        if (single_.kind == fault_at::any) {
            hit = of_all == single_.k;
        } else {
            hit = single_.kind == static_cast<int>(f) && this_one == single_.k;
        }
    } else if (rates_[index(f)] != 0) {
        hit = draws_.chance(rates_[index(f)]);
    }
    if (hit) ++struck_[index(f)];
    return hit;
}

std::uint64_t fault_menu::all_struck() const noexcept {
    return std::accumulate(struck_.begin(), struck_.end(), std::uint64_t{0});
}

}  // namespace io::sim

}  // namespace async::inline v0
