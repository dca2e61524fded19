// How a loop is set up. Trivially destructible, so that it can be written in place with designated initialisers.
#pragma once

#include <chrono>
#include <cstdint>
#include <type_traits>

#include <libasync/config.hpp>

namespace async::inline v0 {

enum class engine_kind : std::uint8_t {
    automatic,  // LIBASYNC_ENGINE if set, else io_uring where it works, else Boost.Asio
    uring,
    asio,
    sim,  // a simulated world of this thread's own, in virtual time (libasync/sim)
};

struct loop_options {
    engine_kind engine = engine_kind::automatic;

    // Checks for misuse that cost time, such as calls from a wrong thread. Also LIBASYNC_DEBUG=1.
    bool debug = false;

    // Steps that take at least this long are logged; 0 switches the clock readings off. With `debug`: 100 ms.
    std::chrono::nanoseconds slow_step{0};

    // How long to poll before sleeping, while that has paid off lately; 0: not at all. Trades processor time for
    // latency: worth it for few connections on a core of one's own.
    std::chrono::nanoseconds spin{0};

    // Buffers that an io_uring loop starts to receive with, and their size in bytes. They grow on demand.
    std::uint32_t receive_buffers = 256;
    std::uint32_t receive_buffer_size = 4096;

    // The most threads for blocking work of this loop.
    std::uint32_t pool_threads = 4;
};
static_assert(std::is_trivially_destructible_v<loop_options>);

}  // namespace async::inline v0
