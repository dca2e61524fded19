#include <libasync/loop/engine_choice.hpp>

#include <atomic>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>

#include <libasync/io/sim/thread_world.hpp>
#include <libasync/loop/log.hpp>

namespace async::inline v0 {

#if !LIBASYNC_WITH_URING
namespace io {

std::unique_ptr<engine> make_uring_engine(const engine_settings&, std::string& why) {
    why = "this build of libasync has no io_uring";
    return nullptr;
}

}  // namespace io
#endif

namespace detail {

namespace {

engine_kind kind_by_name(std::string_view name) {
    if (name == "uring") return engine_kind::uring;
    if (name == "asio") return engine_kind::asio;
    if (name == "sim") return engine_kind::sim;
    throw std::invalid_argument("LIBASYNC_ENGINE: unknown engine '" + std::string(name) +
                                "'; uring, asio and sim exist");
}

engine_kind wanted(const loop_options& options) {
    if (options.engine != engine_kind::automatic) return options.engine;
    const char* name = std::getenv("LIBASYNC_ENGINE");
    return name == nullptr || *name == '\0' ? engine_kind::automatic : kind_by_name(name);
}

// A refusal is told once; it is asked for again with each loop, since what was missing may be there by then.
std::atomic<bool> refusal_told{false};

std::unique_ptr<io::engine> uring_or_asio(const io::engine_settings& settings) {
    std::string why;
    if (auto engine = io::make_uring_engine(settings, why)) return engine;
#if LIBASYNC_WITH_URING
    if (!refusal_told.exchange(true)) {
        log(log_level::info, "io_uring is not available, Boost.Asio takes over: " + why);
    }
#endif
    return io::make_asio_engine(settings, why);
}

}  // namespace

std::unique_ptr<io::engine> choose_engine(const loop_options& options) {
    const io::engine_settings settings{options.receive_buffers, options.receive_buffer_size, options.pool_threads};
    std::string why;
    std::unique_ptr<io::engine> engine;
    switch (wanted(options)) {
        case engine_kind::uring: engine = io::make_uring_engine(settings, why); break;
        case engine_kind::asio: engine = io::make_asio_engine(settings, why); break;
        case engine_kind::sim: engine = io::sim::make_engine_of_thread(settings); break;
        case engine_kind::automatic: engine = uring_or_asio(settings); break;
    }
    if (!engine) throw std::runtime_error("no engine for the loop: " + why);
    return engine;
}

}  // namespace detail

}  // namespace async::inline v0
