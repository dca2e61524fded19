#include <libasync/sim/names.hpp>

#include <stdexcept>
#include <vector>

#include <libasync/detail/unfailing.hpp>
#include <libasync/io/sim/sim_engine.hpp>

namespace async::inline v0::sim {

void set_name(std::string_view name, std::span<const std::string_view> addresses) {
    io::sim::world& world = detail::require_sim("sim::set_name").world();
    const detail::unfailing no_failures;
    std::vector<endpoint> all;
    for (const std::string_view text : addresses) all.emplace_back(text, std::uint16_t{0});
    world.names.set(name, std::move(all));
}

void remove_name(std::string_view name) { detail::require_sim("sim::remove_name").world().names.remove(name); }

void set_name_latency(std::chrono::nanoseconds least, std::chrono::nanoseconds most) {
    io::sim::world& world = detail::require_sim("sim::set_name_latency").world();
    if (least < std::chrono::nanoseconds::zero() || most < least || most > std::chrono::hours(24)) {
        throw std::invalid_argument("sim::set_name_latency: it lies between 0 and a day, the least first");
    }
    world.names.set_latency(least, most);
}

}  // namespace async::inline v0::sim
