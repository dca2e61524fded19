// A UDP socket of the simulated system (udp(7)): datagrams that arrive whole, late, twice, out of order or not at all.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include <libasync/io/sim/group_memberships.hpp>
#include <libasync/io/sim/network.hpp>
#include <libasync/io/sim/object.hpp>
#include <libasync/io/system_calls.hpp>

namespace async::inline v0::io::sim {

class datagram_socket final : public object, public std::enable_shared_from_this<datagram_socket> {
public:
    static constexpr std::size_t largest = 65'507;          // bytes of one datagram
    static constexpr std::size_t default_buffer = 212'992;  // bytes that wait to be received

    datagram_socket(world& w, host_id host, address_family family) noexcept;
    ~datagram_socket() override;

    // As the system calls of these names, without waiting; errno values.
    int bind(const endpoint& where) noexcept;
    // From now on datagrams go to `peer` and come from it alone, and that nobody is there is told: ECONNREFUSED, once.
    int connect(const endpoint& peer) noexcept;
    int send_to(const void* data, std::size_t size, const endpoint& to) noexcept;
    int send(const void* data, std::size_t size) noexcept;

    struct received {
        std::size_t bytes = 0;  // of which as many were stored as there was room for
        int error = 0;          // EAGAIN if there is nothing
        endpoint from;
    };
    received receive(void* data, std::size_t size) noexcept;

    // Anybody's again.
    void disconnect() noexcept { connected_ = false; }
    int change_membership(const multicast_group& group, membership m) noexcept;
    int remote_endpoint(endpoint& where) const noexcept;
    int set_option(socket_option option, int value) noexcept;
    int get_option(socket_option option, int& value) const noexcept;

    bool readable() const noexcept override { return !queue_.empty() || error_ != 0; }
    void closed() noexcept override;

    const endpoint& local() const noexcept { return local_; }
    address_family family() const noexcept { return family_; }
    host_id host() const noexcept { return host_; }
    void share_port() noexcept { shares_port_ = true; }
    bool shares_port() const noexcept { return shares_port_; }
    void set_receive_limit(std::size_t bytes) noexcept { receive_limit_ = bytes; }

private:
    friend class network;
    int option(socket_option o) const noexcept { return options_[static_cast<std::size_t>(o)]; }

    struct datagram {
        std::vector<std::byte> bytes;
        endpoint from;
    };

    // Who is to get it: whoever has that address when it arrives, or a certain member of a group.
    struct addressee {
        endpoint to;
        std::shared_ptr<datagram_socket> member;
        net_interface by = net_interface::network;
    };

    net_interface leaves_by(const endpoint& to) const noexcept;
    endpoint source_towards(const endpoint& to) const noexcept;
    void send_to_group(const datagram& d, const endpoint& group) noexcept;
    void launch(const datagram& d, const addressee& a) noexcept;
    void travel(const datagram& d, const addressee& a, std::chrono::nanoseconds delay) noexcept;
    void arrive(datagram d, const addressee& a) noexcept;
    void take(datagram d, const endpoint& to) noexcept;
    void refused(const endpoint& by) noexcept;

    world& world_;
    const host_id host_;
    const address_family family_;
    bool bound_ = false;
    bool connected_ = false;
    bool open_ = true;
    bool shares_port_ = false;
    int error_ = 0;
    endpoint local_;
    endpoint peer_;
    std::deque<datagram> queue_;
    std::size_t queued_bytes_ = 0;
    std::size_t receive_limit_ = default_buffer;
    group_memberships groups_;
    int options_[static_cast<std::size_t>(socket_option::hops) + 1]{};
};

}  // namespace async::inline v0::io::sim
