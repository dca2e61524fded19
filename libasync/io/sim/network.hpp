// The machines of a simulated world, the links between them, and who listens where.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include <libasync/io/endpoint.hpp>
#include <libasync/io/sim/event_queue.hpp>

namespace async::inline v0 {

namespace sim {

// How a link carries what is sent. Latencies are drawn between the two bounds; they are one way.
struct link_options {
    std::chrono::nanoseconds least_latency{0};
    std::chrono::nanoseconds most_latency{0};
    std::uint64_t bandwidth = 0;  // bytes per second; 0: without limit
    std::uint32_t loss = 0;       // packets of a million that are lost: TCP sends them again, later
};

}  // namespace sim

namespace io::sim {

using async::sim::link_options;

class world;
class tcp_socket;

// A machine, by its number. 0 is the one where everything runs that does not say otherwise.
using host_id = std::uint32_t;

class network {
public:
    explicit network(world& w) noexcept;

    // The machine of that address, which comes into being when it is first named.
    host_id host_named(const endpoint& address) noexcept;
    // The machine that `to` leads to from `from`, or nobody.
    static constexpr host_id nobody = ~host_id{0};
    host_id route(host_id from, const endpoint& to) const noexcept;
    // Where "all addresses" leads to as a destination: here.
    static endpoint destination(const endpoint& to) noexcept;
    // The address that a socket of `from` has towards `to`, with no port.
    endpoint source(host_id from, const endpoint& to) const noexcept;
    // Whether `address` is one of the machine's own, or stands for all of them.
    bool is_local(host_id host, const endpoint& address) const noexcept;

    // Links go both ways. A machine reaches itself over a link too, that is never down.
    void set_link(host_id a, host_id b, const link_options& options) noexcept;
    void set_default_link(const link_options& options) noexcept { between_machines_ = options; }
    void set_loopback(const link_options& options) noexcept { loopback_ = options; }
    void cut(host_id a, host_id b) noexcept { links_[pair_of(a, b)].cut = true; }
    void heal(host_id a, host_id b) noexcept { links_[pair_of(a, b)].cut = false; }
    // Cuts a machine off from all others, those to come included.
    void isolate(host_id host) noexcept;
    void rejoin(host_id host) noexcept;
    void heal_all() noexcept;
    // Undoes what faults have cut.
    void end_faults() noexcept;
    bool reachable(host_id a, host_id b) const noexcept;

    // When something sent now arrives. `free_at` is when the link has carried what was sent before.
    time_point arrival(host_id from, host_id to, std::size_t bytes, time_point& free_at) noexcept;

    // Ports. Errno values.
    int bind(tcp_socket& s, endpoint where) noexcept;
    int bind_any_port(tcp_socket& s, const endpoint& address) noexcept;
    int listen(tcp_socket& s) noexcept;
    void unbind(tcp_socket& s) noexcept;
    std::shared_ptr<tcp_socket> listener(host_id host, const endpoint& where) noexcept;

private:
    struct link {
        link_options options;
        bool has_options = false;
        bool cut = false;
        bool lost = false;  // by a fault
    };
    struct machine {
        endpoint address;
        bool isolated = false;
    };
    using host_pair = std::pair<host_id, host_id>;
    using port_key = std::pair<host_id, std::uint16_t>;

    static host_pair pair_of(host_id a, host_id b) noexcept { return a < b ? host_pair{a, b} : host_pair{b, a}; }
    const link_options& options_of(host_id a, host_id b) const noexcept;
    void draw_partition(host_id from, host_id to) noexcept;
    bool conflicts(const tcp_socket& s, const endpoint& where) const noexcept;

    world& world_;
    std::vector<machine> machines_;
    std::map<host_pair, link> links_;
    link_options loopback_;
    link_options between_machines_{std::chrono::microseconds(250), std::chrono::microseconds(250), 0, 0};
    std::map<port_key, std::vector<tcp_socket*>> bound_;
    std::uint16_t next_port_ = 32768;
};

}  // namespace io::sim

}  // namespace async::inline v0
