#include <libasync/io/sim/group_memberships.hpp>

#include <doctest/doctest.h>

#include <cerrno>
#include <string>

using namespace async;
using namespace async::io::sim;

namespace {

constexpr auto network_side = net_interface::network;
constexpr auto inside = net_interface::loopback;
using answer = group_memberships::answer;

const endpoint group("239.1.1.1", 0);
const endpoint friendly("10.0.0.2", 0);
const endpoint stranger("10.0.0.3", 0);

}  // namespace

TEST_CASE("groups are 224.0.0.0/4 and ff00::/8") {
    for (const char* text : {"224.0.0.0", "239.255.255.255", "ff02::1"}) CHECK(is_group(endpoint(text, 0)));
    for (const char* text : {"223.255.255.255", "240.0.0.0", "255.255.255.255", "fe80::1"})
        CHECK_FALSE(is_group(endpoint(text, 0)));
}

TEST_CASE("a group is joined once for each interface, and left as often; ports do not matter") {
    group_memberships m;
    CHECK(m.wants(group, inside, friendly) == answer::not_a_member);
    CHECK(m.join(group, inside) == 0);
    CHECK(m.join(endpoint("239.1.1.1", 99), inside) == EADDRINUSE);
    CHECK(m.wants(endpoint("239.1.1.1", 99), inside, friendly) == answer::wanted);
    CHECK(m.wants(group, network_side, friendly) == answer::not_a_member);
    CHECK(m.leave(group, network_side) == EADDRNOTAVAIL);
    CHECK(m.join(group, network_side) == 0);
    CHECK(m.leave(group, inside) == 0);
    CHECK(m.wants(group, inside, friendly) == answer::not_a_member);
    CHECK(m.wants(group, network_side, friendly) == answer::wanted);
    m.clear();
    CHECK(m.leave(group, network_side) == EADDRNOTAVAIL);
}

TEST_CASE("a group that is joined for sources is left with the last of them") {
    group_memberships m;
    CHECK(m.leave_source(group, inside, friendly) == EINVAL);
    CHECK(m.join_source(group, inside, friendly) == 0);
    CHECK(m.join_source(group, inside, friendly) == EADDRNOTAVAIL);
    CHECK(m.wants(group, inside, endpoint("10.0.0.2", 4000)) == answer::wanted);
    CHECK(m.wants(group, inside, stranger) == answer::unwanted);
    CHECK(m.join(group, inside) == EADDRINUSE);
    CHECK(m.join_source(group, inside, stranger) == 0);
    CHECK(m.leave_source(group, inside, friendly) == 0);
    CHECK(m.leave_source(group, inside, friendly) == EADDRNOTAVAIL);
    CHECK(m.wants(group, inside, friendly) == answer::unwanted);
    CHECK(m.leave_source(group, inside, stranger) == 0);
    CHECK(m.wants(group, inside, stranger) == answer::not_a_member);
}

TEST_CASE("a group that was joined for all becomes one for sources") {
    group_memberships m;
    CHECK(m.join(group, inside) == 0);
    CHECK(m.leave_source(group, inside, friendly) == EADDRNOTAVAIL);
    CHECK(m.join_source(group, inside, friendly) == 0);
    CHECK(m.wants(group, inside, stranger) == answer::unwanted);
    CHECK(m.leave(group, inside) == 0);
}

TEST_CASE("what is no group is refused, and so are more of them than the system allows") {
    group_memberships m;
    CHECK(m.join(friendly, inside) == EINVAL);
    CHECK(m.join_source(friendly, inside, stranger) == EINVAL);
    CHECK(m.leave(friendly, inside) == EADDRNOTAVAIL);
    for (std::size_t i = 0; i < group_memberships::most_groups; ++i)
        CHECK(m.join(endpoint("239.0.0." + std::to_string(i), 0), inside) == 0);
    CHECK(m.join(group, inside) == ENOBUFS);
    CHECK(m.join_source(group, inside, friendly) == ENOBUFS);
    for (std::size_t i = 0; i < group_memberships::most_sources; ++i)
        CHECK(m.join_source(endpoint("239.0.0.1", 0), inside, endpoint("10.0.1." + std::to_string(i), 0)) == 0);
    CHECK(m.join_source(endpoint("239.0.0.1", 0), inside, friendly) == ENOBUFS);
}
