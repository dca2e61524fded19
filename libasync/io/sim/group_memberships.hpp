// The multicast groups that a simulated socket has joined (ip(7), RFC 3678).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <libasync/io/endpoint.hpp>

namespace async::inline v0::io::sim {

// The interfaces of a simulated machine, by their indices.
enum class net_interface : std::uint32_t { loopback = 1, network = 2 };

// Whatever their ports.
bool same_address(const endpoint& a, const endpoint& b) noexcept;

// 224.0.0.0/4, ff00::/8.
bool is_group(const endpoint& address) noexcept;

class group_memberships {
public:
    static constexpr std::size_t most_groups = 20;   // of a socket (net.ipv4.igmp_max_memberships)
    static constexpr std::size_t most_sources = 10;  // of a group (net.ipv4.igmp_max_msf)

    // Errno values as Linux has them: EINVAL for what is no group, EADDRINUSE for one that was joined already, ENOBUFS
    // for too many, EADDRNOTAVAIL for one that was not joined, or not with that source.
    int join(const endpoint& group, net_interface where) noexcept;
    int leave(const endpoint& group, net_interface where) noexcept;
    // Only what comes from there. One that was joined for all sources has these alone from then on.
    int join_source(const endpoint& group, net_interface where, const endpoint& source) noexcept;
    int leave_source(const endpoint& group, net_interface where, const endpoint& source) noexcept;

    enum class answer : std::uint8_t { not_a_member, wanted, unwanted };
    answer wants(const endpoint& group, net_interface where, const endpoint& source) const noexcept;

    void clear() noexcept { joined_.clear(); }

private:
    struct one_group {
        endpoint group;
        net_interface where;
        std::vector<endpoint> sources;  // none: all
    };

    std::vector<one_group>::iterator find(const endpoint& group, net_interface where) noexcept;

    std::vector<one_group> joined_;
};

}  // namespace async::inline v0::io::sim
