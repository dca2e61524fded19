// The machines of a simulated world, the links between them, and who listens where.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <libasync/io/endpoint.hpp>
#include <libasync/io/sim/event_queue.hpp>
#include <libasync/io/sim/group_memberships.hpp>
#include <libasync/io/sim/port_map.hpp>
#include <libasync/io/sim/settings.hpp>

namespace async::inline v0::io::sim {

class datagram_socket;
class tcp_socket;

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
    // Whether a socket of the machine can have `address`: it is one of its own, stands for all of them, or is a group.
    bool is_local(host_id host, const endpoint& address) const noexcept;
    static bool is_any(const endpoint& address) noexcept;
    static bool is_loopback(const endpoint& address) noexcept;

    // The interface of that index, or the one that leads to groups if it is 0; nothing if there is none for addresses of
    // that family. A machine has an address of one family in the network, and the loopback's two.
    std::optional<net_interface> interface_of(host_id host, address_family family, std::uint32_t index) const noexcept;
    endpoint address_of(host_id host, address_family family, net_interface i) const noexcept;

    // Throws std::invalid_argument for latencies that are negative, the wrong way round, or longer than a year.
    static void check(const link_options& options);

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

    // How long a datagram is on its way; nothing if it is lost.
    std::optional<std::chrono::nanoseconds> latency_of_datagram(host_id from, host_id to) noexcept;

    // Ports. Errno values.
    int bind(tcp_socket& s, const endpoint& where) noexcept;
    int bind(datagram_socket& s, const endpoint& where) noexcept;
    int listen(tcp_socket& s) noexcept;
    void unbind(tcp_socket& s) noexcept;
    void unbind(datagram_socket& s) noexcept;
    // Who takes what is sent there, or null.
    std::shared_ptr<tcp_socket> listener(host_id host, const endpoint& where) noexcept;
    std::shared_ptr<datagram_socket> receiver(host_id host, const endpoint& where) noexcept;

    // Groups. A machine takes what is sent to one that a socket of its own has joined; and then gives it to every socket
    // on that port that is bound to the group or to all addresses and has not joined it for other sources alone:
    // one that has not joined it at all hears it too (IP_MULTICAST_ALL, ip(7)).
    void add_member(datagram_socket& s) noexcept;
    bool hears(const datagram_socket& s, const endpoint& group, net_interface by, const endpoint& source) const noexcept;
    // All who hear it, in the order of their machines, and there of their binding.
    std::vector<std::shared_ptr<datagram_socket>> members(const endpoint& group, net_interface by,
                                                          const endpoint& source) noexcept;

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

    static host_pair pair_of(host_id a, host_id b) noexcept { return a < b ? host_pair{a, b} : host_pair{b, a}; }
    const link_options& options_of(host_id a, host_id b) const noexcept;
    void draw_partition(host_id from, host_id to) noexcept;
    template <class Socket>
    int bind_in(port_map<Socket>& ports, Socket& s, const endpoint& where) noexcept;

    world& world_;
    std::vector<machine> machines_;
    std::map<host_pair, link> links_;
    link_options loopback_;
    link_options between_machines_{std::chrono::microseconds(250), std::chrono::microseconds(250), 0, 0};
    port_map<tcp_socket> tcp_ports_;
    port_map<datagram_socket> udp_ports_;
    std::vector<datagram_socket*> members_;  // of some group, perhaps
};

}  // namespace async::inline v0::io::sim
