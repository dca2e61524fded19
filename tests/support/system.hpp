// What tests do to the system beneath the loop, on whichever engine: the operating system's, or the simulated world.
#pragma once

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <string_view>

#include <libasync/async.hpp>
#include <libasync/io/native_socket.hpp>
#include <libasync/io/sim/sim_engine.hpp>
#include <libasync/io/sim/tcp_socket.hpp>
#include <libasync/io/sim/thread_world.hpp>

namespace async_tests {

// Whether loops of this run are on the simulated engine, unless they say otherwise.
inline bool on_sim() {
    const char* name = std::getenv("LIBASYNC_ENGINE");
    return name != nullptr && std::string_view(name) == "sim";
}

// Null on the engines of the operating system.
inline async::io::sim_engine* simulated(async::io::engine& e) { return dynamic_cast<async::io::sim_engine*>(&e); }

// The engine of the loop that runs on this thread.
inline async::io::engine& this_engine() { return *async::this_loop().core().engine; }

inline async::time_point clock_now() { return this_engine().clock(); }

// A step that takes long: time passes, and nothing else happens.
inline void work_for(async::io::engine& e, std::chrono::nanoseconds duration) {
    const async::time_point end = e.clock() + duration;
    if (async::io::sim_engine* sim = simulated(e)) sim->world().set_now(end);
    while (e.clock() < end) {
    }
}

// While it lives, other threads are at work for the loop: simulated time does not pass meanwhile.
class outside_work {
public:
    explicit outside_work(async::io::engine& e) : sim_(simulated(e)) { add(1); }
    outside_work(const outside_work&) = delete;
    outside_work& operator=(const outside_work&) = delete;
    ~outside_work() { add(-1); }

private:
    void add(int count) {
        if (sim_) sim_->add_outside_work(count);
    }

    async::io::sim_engine* sim_;
};

// The calls of native_socket.hpp that only tests make beside an engine.

inline std::shared_ptr<async::io::sim::tcp_socket> simulated_socket(async::io::sim_engine& e,
                                                                    async::native_handle handle) {
    return e.world().descriptors.find<async::io::sim::tcp_socket>(handle);
}

inline int connect_now(async::io::engine& e, async::native_handle handle, const async::endpoint& to) {
    async::io::sim_engine* sim = simulated(e);
    if (!sim) return async::io::connect_now(handle, to);
    const auto s = simulated_socket(*sim, handle);
    return s ? s->connect(to) : EBADF;
}

inline async::io::transfer_result send_now(async::io::engine& e, async::native_handle handle,
                                           async::const_bytes bytes) {
    async::io::sim_engine* sim = simulated(e);
    if (!sim) return async::io::send_now(handle, &bytes, 1);
    const auto s = simulated_socket(*sim, handle);
    if (!s || !s->stream()) return {0, EBADF};
    return s->stream()->send(s->stream_side(), &bytes, 1);
}

inline async::io::transfer_result receive_now(async::io::engine& e, async::native_handle handle, void* data,
                                              std::size_t size) {
    async::io::sim_engine* sim = simulated(e);
    if (!sim) return async::io::receive_now(handle, data, size);
    const auto s = simulated_socket(*sim, handle);
    if (!s || !s->stream()) return {0, EBADF};
    return s->stream()->receive(s->stream_side(), data, size);
}

}  // namespace async_tests
