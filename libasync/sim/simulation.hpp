// Runs a program in a simulated world: virtual time that jumps when everything waits, tasks in an order that the seed
// decides, a network and a disk in memory, and faults. The same seed gives the same run.
//
//   async::sim::run(42, server_and_clients());
//
//   for (std::uint64_t seed = 0; seed < 1000; ++seed) {
//       async::sim::run(seed, server_and_clients(), {.faults = async::sim::fault_mode::swarm});
//   }
//
// The program uses the same streams, files and timers as ever. What else it does must be deterministic for the run to be
// so: no clock but the loop's, no threads but those of the loop's pool (whose work must not wait for the loop), no order by
// addresses.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <source_location>

#include <libasync/coro/run.hpp>
#include <libasync/sim/options.hpp>

namespace async::inline v0 {

namespace io {

class sim_engine;

}  // namespace io

namespace sim {

// One world with a loop in it, bound to the thread that builds it.
class simulation {
public:
    explicit simulation(std::uint64_t seed, const options& how = {});
    simulation(const simulation&) = delete;
    simulation& operator=(const simulation&) = delete;
    ~simulation();

    // As runner::run. Where it fails, a line in the log tells the seed. Throws stalled_error, with every suspended task
    // and its awaits in the message, if nothing can ever happen any more, or the time of `options` is over.
    template <class T>
    T run(task<T> main, std::source_location created = std::source_location::current()) {
        try {
            return runner_.run(std::move(main), created);
        } catch (...) {
            tell_failure(created);
            throw;
        }
    }

    std::uint64_t seed() const noexcept;
    // Of everything that happened so far: equal for equal runs.
    std::uint64_t trace_hash() const noexcept;
    // How much time has passed in the world.
    std::chrono::nanoseconds elapsed() const noexcept;
    // How often a fault could have happened, and did.
    std::uint64_t opportunities(fault f) const noexcept;
    std::uint64_t opportunities() const noexcept;
    std::uint64_t struck(fault f) const noexcept;
    std::uint64_t struck() const noexcept;
    // Descriptors that are open in the world.
    std::size_t open_descriptors() const noexcept;

    async::runner& runner() noexcept { return runner_; }
    io::sim::world& world() const noexcept { return *world_; }

private:
    static std::unique_ptr<io::engine> make_engine(const std::shared_ptr<io::sim::world>& w, const options& how);
    void tell_failure(const std::source_location& created) const noexcept;

    std::shared_ptr<io::sim::world> world_;
    async::runner runner_;
};

// Runs `main` in a world of its own to its end, as async::run does. See simulation.
template <class T>
T run(std::uint64_t seed, task<T> main, const options& how = {},
      std::source_location created = std::source_location::current()) {
    simulation s(seed, how);
    return s.run(std::move(main), created);
}

// As if SIGINT had come to the program: in the next turn `main` is cancelled (see runner::run). Throws std::logic_error if
// this thread's loop is not simulated.
void interrupt();

// Adds something to the trace of the world that this thread's loop runs in. Throws std::logic_error if it runs in none.
void note(std::uint64_t value);

// A random number that depends on the seed alone, below `bound`. Throws std::logic_error as well.
std::uint64_t random_below(std::uint64_t bound);

// The seed in LIBASYNC_SEED, if it is set. Throws std::invalid_argument if it is no number.
std::optional<std::uint64_t> seed_from_environment();

// Calls `body` with the seeds from 0 to count - 1, or with the one in LIBASYNC_SEED alone.
template <class Body>
void for_each_seed(std::uint64_t count, Body body) {
    if (const std::optional<std::uint64_t> only = seed_from_environment()) return body(*only);
    for (std::uint64_t seed = 0; seed < count; ++seed) body(seed);
}

// Runs the tasks that `make_main` makes again and again, each time with one fault: at the first place where any could
// happen, at the second, and so on, until a run has none left. Gives the number of faults.
template <class MakeMain>
std::uint64_t for_each_fault(std::uint64_t seed, MakeMain make_main, options how = {},
                             std::source_location created = std::source_location::current()) {
    how.faults_for = std::chrono::hours(24 * 365);
    for (std::uint64_t k = 0;; ++k) {
        how.only = {fault_at::any, k};
        simulation s(seed, how);
        s.run(make_main(), created);
        if (s.struck() == 0) return k;
    }
}

}  // namespace sim

namespace detail {

// The engine of this thread's loop. Throws std::logic_error, naming `operation`, if it is no simulated one.
io::sim_engine& require_sim(const char* operation);

}  // namespace detail

}  // namespace async::inline v0
