// A socket of the simulated engine: an object of the world, and the operations that wait for it.
#pragma once

#include <memory>

#include <libasync/io/operation.hpp>
#include <libasync/io/sim/stream_object.hpp>

namespace async::inline v0::io {

class sim_engine;

// Reading (and accepting), or writing (and connecting). At most one operation waits.
struct sim_direction {
    operation* waiter = nullptr;
    bool trying = false;  // its call is on the stack
};

class sim_socket final : public socket, public sim::readiness {
public:
    explicit sim_socket(std::shared_ptr<sim::stream_object> o) noexcept : object(std::move(o)) {}

    bool open() const noexcept { return handle != invalid_handle; }

    void readable() noexcept override;
    void writable() noexcept override;

    std::shared_ptr<sim::stream_object> object;
    int read_error = 0;  // of the stream: once told, it is told again
    sim_direction reading;
    sim_direction writing;
};

}  // namespace async::inline v0::io
