#include <libasync/io/sim/thread_world.hpp>

#include <charconv>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include <libasync/io/sim/sim_engine.hpp>

namespace async::inline v0::io::sim {

namespace {

using namespace std::chrono_literals;

// Programs that know nothing of a simulation may wait for threads of their own.
constexpr auto patience_with_threads = 10s;

}  // namespace

std::optional<std::uint64_t> seed_of_environment() {
    const char* text = std::getenv("LIBASYNC_SEED");
    if (text == nullptr || *text == '\0') return std::nullopt;
    const std::string_view digits(text);
    std::uint64_t seed = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), seed);
    if (error != std::errc() || end != digits.data() + digits.size()) {
        throw std::invalid_argument("LIBASYNC_SEED: '" + std::string(digits) + "' is no number");
    }
    return seed;
}

namespace {

thread_local std::shared_ptr<world> world_here;

}  // namespace

const std::shared_ptr<world>& world_of_thread() {
    if (!world_here) world_here = std::make_shared<world>(seed_of_environment().value_or(0));
    return world_here;
}

std::size_t open_in_world_of_thread() noexcept { return world_here ? world_here->descriptors.open() : 0; }

std::unique_ptr<engine> make_engine_of_thread(const engine_settings& settings) {
    return make_sim_engine(world_of_thread(), settings, patience_with_threads);
}

}  // namespace async::inline v0::io::sim
