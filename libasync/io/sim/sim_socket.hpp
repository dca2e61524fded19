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
    sim_socket(socket_role r, std::shared_ptr<sim::object> o, sim::stream_object* e) noexcept
        : socket(r),
          object(std::move(o)),
          end(e) {}

    bool open() const noexcept { return handle != invalid_handle; }

    void readable() noexcept override;
    void writable() noexcept override;

    // Null if it is no stream, or not connected.
    sim::connection* stream() const noexcept { return end ? end->stream() : nullptr; }

    std::shared_ptr<sim::object> object;
    sim::stream_object* end;  // the same, or null if it is no stream
    sim_direction reading;
    sim_direction writing;
};

// One that waits for a handle which no socket has.
class foreign_wait final : public sim::readiness {
public:
    foreign_wait(sim_engine& e, wait_op& op, std::shared_ptr<sim::object> o) noexcept;
    foreign_wait(const foreign_wait&) = delete;
    foreign_wait& operator=(const foreign_wait&) = delete;
    ~foreign_wait() { object_->watch(nullptr); }

    const wait_op& op() const noexcept { return op_; }
    void readable() noexcept override;
    void writable() noexcept override;

private:
    void end() noexcept;

    wait_op& op_;
    sim_engine& engine_;
    std::shared_ptr<sim::object> object_;
};

}  // namespace async::inline v0::io
