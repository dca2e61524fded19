#include <libasync/sim/simulation.hpp>

#include <cinttypes>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <utility>

#include <libasync/coro/scope.hpp>
#include <libasync/io/sim/sim_engine.hpp>
#include <libasync/io/sim/thread_world.hpp>
#include <libasync/loop/log.hpp>

namespace async::inline v0 {

namespace detail {

io::sim_engine& require_sim(const char* operation) {
    auto* engine = dynamic_cast<io::sim_engine*>(require_core(operation).engine.get());
    if (engine == nullptr) {
        throw std::logic_error(std::string(operation) + ": the loop of this thread is not a simulated one");
    }
    return *engine;
}

}  // namespace detail

namespace sim {

namespace {

using namespace std::chrono_literals;

io::sim::host_id host_of_current_task() noexcept {
    const detail::loop_core* core = detail::this_core;
    return core != nullptr && core->current != nullptr ? core->current->host : 0;
}

std::shared_ptr<io::sim::world> make_world(std::uint64_t seed, const options& how) {
    io::sim::network::check(how.link);
    io::sim::network::check(how.loopback);
    auto w = std::make_shared<io::sim::world>(seed);
    w->steps = how.order;
    w->host_of_caller = &host_of_current_task;
    w->net.set_default_link(how.link);
    w->net.set_loopback(how.loopback);
    w->descriptors.limit = how.max_descriptors;
    w->files.set_capacity(how.disk_size);
    w->faults.set_single(how.only);
    if (how.faults == fault_mode::swarm) w->faults.draw_swarm(seed);
    return w;
}

}  // namespace

simulation::simulation(std::uint64_t seed, const options& how)
    : world_(make_world(seed, how)),
      runner_(make_engine(world_, how), how.loop) {}

simulation::~simulation() = default;

std::unique_ptr<io::engine> simulation::make_engine(const std::shared_ptr<io::sim::world>& w, const options& how) {
    const io::engine_settings settings{how.loop.receive_buffers, how.loop.receive_buffer_size, how.loop.pool_threads};
    auto engine = std::make_unique<io::sim_engine>(w, settings, 0ms);
    engine->set_limits(how.faults_for, how.finish_within);
    if (how.clock == clock_mode::by_hand) engine->hold_clock_at(w->now());
    return engine;
}

std::uint64_t simulation::seed() const noexcept { return world_->seed(); }
std::uint64_t simulation::trace_hash() const noexcept { return world_->events.hash(); }
std::chrono::nanoseconds simulation::elapsed() const noexcept { return world_->elapsed(); }
std::uint64_t simulation::opportunities(fault f) const noexcept { return world_->faults.opportunities(f); }
std::uint64_t simulation::opportunities() const noexcept { return world_->faults.all_opportunities(); }
std::uint64_t simulation::struck(fault f) const noexcept { return world_->faults.struck(f); }
std::uint64_t simulation::struck() const noexcept { return world_->faults.all_struck(); }
std::size_t simulation::open_descriptors() const noexcept { return world_->descriptors.open(); }

void simulation::tell_failure(const std::source_location& created) const noexcept {
    try {
        const double seconds = std::chrono::duration<double>(elapsed()).count();
        char line[300];
        std::snprintf(line, sizeof line, " failed with seed %" PRIu64 " after %.6f s of its time, trace %016" PRIx64,
                      seed(), seconds, trace_hash());
        std::string text = "the simulation at " + std::string(created.file_name()) + ":";
        text += std::to_string(created.line()) + line;
        const char* before = "; faults: ";
        for (std::size_t i = 0; i < fault_count; ++i) {
            const auto f = static_cast<fault>(i);
            if (struck(f) == 0) continue;
            text += std::string(std::exchange(before, ", ")) + name_of(f) + " " + std::to_string(struck(f));
        }
        const fault_at& only = world_->faults.single();
        if (only.k != fault_at::never) {
            text += "; options.only was {" + std::to_string(only.kind) + ", " + std::to_string(only.k) + "}";
        }
        text += "; where sim::for_each_seed makes the seeds, LIBASYNC_SEED=" + std::to_string(seed()) + " repeats it";
        detail::log(log_level::error, text);
    } catch (...) {
        detail::log(log_level::error, "a simulation failed, and there is no memory to tell its seed");
    }
}

void interrupt() {
    static_cast<void>(detail::require_sim("sim::interrupt"));
    detail::loop_core& core = *detail::this_core;
    core.face->call_soon([&core] {
        if (core.interrupt) core.interrupt();
    });
}

void note(std::uint64_t value) {
    detail::require_sim("sim::note").world().events.note(io::sim::event_kind::user, value);
}

std::uint64_t random_below(std::uint64_t bound) {
    return detail::require_sim("sim::random_below").world().user.below(bound);
}

std::optional<std::uint64_t> seed_from_environment() { return io::sim::seed_of_environment(); }

}  // namespace sim

}  // namespace async::inline v0
