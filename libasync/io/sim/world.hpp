// One simulated world: its clock and what is going to happen, chance and faults, the network between its machines, and
// their files. An engine gives a loop access to it; nothing in here knows of loops, and nothing waits.
//
// A world belongs to one thread. It is bounded by what it is asked to hold, and takes memory as it needs it: where
// there is none the program ends.
#pragma once

#include <memory>

#include <libasync/io/sim/event_queue.hpp>
#include <libasync/io/sim/fault.hpp>
#include <libasync/io/sim/file_system.hpp>
#include <libasync/io/sim/local_socket.hpp>
#include <libasync/io/sim/name_service.hpp>
#include <libasync/io/sim/network.hpp>
#include <libasync/io/sim/object.hpp>
#include <libasync/io/sim/random.hpp>
#include <libasync/io/sim/settings.hpp>
#include <libasync/io/sim/trace.hpp>

namespace async::inline v0::io::sim {

class world {
public:
    explicit world(std::uint64_t seed) noexcept;
    world(const world&) = delete;
    world& operator=(const world&) = delete;
    ~world();

    std::uint64_t seed() const noexcept { return seed_; }

    time_point now() const noexcept { return now_; }
    std::chrono::nanoseconds elapsed() const noexcept { return now_ - beginning; }
    void set_now(time_point t) noexcept { now_ = t; }

    // Does `action` when the clock has moved on by `delay`.
    event_queue::key after(std::chrono::nanoseconds delay, unique_function<void()> action) {
        return at(now_ + delay, std::move(action));
    }
    event_queue::key at(time_point when, unique_function<void()> action);
    bool forget(const event_queue::key& k) noexcept { return events_.forget(k); }
    time_point next_event() const noexcept { return events_.next(); }
    // Does what is due. True if there was anything.
    bool run_due() noexcept;

    // Whether `f` strikes here.
    bool strikes(fault f) noexcept;
    // The error of a fault that has struck.
    int error_of(fault f) noexcept;
    // How many of `size` bytes a short transfer takes: at least 1.
    std::size_t shortened(std::size_t size) noexcept { return sizes.between(1, size); }
    std::chrono::nanoseconds delay(std::chrono::nanoseconds least, std::chrono::nanoseconds most) noexcept {
        return delays.between(least, most);
    }

    // The machine that runs what runs now.
    host_id current_host() const noexcept { return host_of_caller ? host_of_caller() : 0; }

    // The end of all faults and of what they did to the network.
    void stop_faults() noexcept;

    static constexpr time_point beginning{std::chrono::hours(1000)};

    host_id (*host_of_caller)() noexcept = nullptr;
    random_stream delays;
    random_stream sizes;
    random_stream outcomes;
    random_stream orders;
    random_stream user;
    fault_menu faults;
    trace events;
    order steps = order::fifo;
    descriptor_table descriptors;
    network net;
    local_names local;
    name_service names;
    file_system files;

private:
    const std::uint64_t seed_;
    time_point now_ = beginning;
    event_queue events_;
};

}  // namespace async::inline v0::io::sim
