#include <libasync/io/sim/datagram_socket.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include <libasync/io/sim/world.hpp>

using namespace async;
using namespace async::io::sim;
using async::io::membership;
using async::io::socket_option;
using namespace std::chrono_literals;

namespace {

struct two_sockets {
    explicit two_sockets(world& w)
        : a(std::make_shared<datagram_socket>(w, w.net.host_named(endpoint("10.0.0.1", 0)), address_family::ipv4)),
          b(std::make_shared<datagram_socket>(w, w.net.host_named(endpoint("10.0.0.2", 0)), address_family::ipv4)) {
        REQUIRE(a->bind(endpoint("10.0.0.1", 1000)) == 0);
        REQUIRE(b->bind(endpoint("10.0.0.2", 2000)) == 0);
    }

    std::shared_ptr<datagram_socket> a;
    std::shared_ptr<datagram_socket> b;
};

void pass(world& w, std::chrono::nanoseconds time) {
    const time_point end = w.now() + time;
    while (w.next_event() <= end) {
        w.set_now(w.next_event());
        w.run_due();
    }
    w.set_now(end);
}

int send(datagram_socket& s, const std::string& text, const endpoint& to) {
    return s.send_to(text.data(), text.size(), to);
}

std::string receive(datagram_socket& s) {
    char buffer[100];
    const datagram_socket::received r = s.receive(buffer, sizeof buffer);
    if (r.error != 0) return "error " + std::to_string(r.error);
    return std::string(buffer, r.bytes) + " from " + r.from.to_string();
}

const std::string nothing = "error " + std::to_string(EAGAIN);

}  // namespace

TEST_CASE("a datagram arrives whole, with its sender, after the latency of the link") {
    world w(1);
    two_sockets s(w);
    w.net.set_default_link({5ms, 5ms, 0, 0});
    CHECK(send(*s.a, "one", s.b->local()) == 0);
    CHECK(send(*s.a, "", s.b->local()) == 0);
    CHECK(send(*s.a, "three", s.b->local()) == 0);
    pass(w, 4ms);
    CHECK(receive(*s.b) == nothing);
    CHECK_FALSE(s.b->readable());
    pass(w, 1ms);
    CHECK(s.b->readable());
    CHECK(receive(*s.b) == "one from 10.0.0.1:1000");
    CHECK(receive(*s.b) == " from 10.0.0.1:1000");
    CHECK(receive(*s.b) == "three from 10.0.0.1:1000");
    CHECK(receive(*s.b) == nothing);
}

TEST_CASE("a datagram that is longer than the room for it is cut, and tells its length") {
    world w(1);
    two_sockets s(w);
    send(*s.a, "0123456789", s.b->local());
    pass(w, 1s);
    char buffer[4];
    const auto r = s.b->receive(buffer, sizeof buffer);
    CHECK(r.bytes == 10);
    CHECK(std::string(buffer, 4) == "0123");
    CHECK(receive(*s.b) == nothing);
}

TEST_CASE("what does not fit into a datagram is refused, what does not fit into the receiver's buffer is lost") {
    world w(1);
    two_sockets s(w);
    CHECK(send(*s.a, std::string(datagram_socket::largest + 1, 'x'), s.b->local()) == EMSGSIZE);
    for (int i = 0; i < 10; ++i) CHECK(send(*s.a, std::string(datagram_socket::largest, 'x'), s.b->local()) == 0);
    pass(w, 1s);
    int arrived = 0;
    char buffer[1];
    while (s.b->receive(buffer, 1).error == 0) ++arrived;
    CHECK(arrived == 3);
}

TEST_CASE("a connected socket hears its peer alone, and that nobody is there, once") {
    world w(1);
    two_sockets s(w);
    const auto stranger = std::make_shared<datagram_socket>(w, 0, address_family::ipv4);
    CHECK(s.a->connect(s.b->local()) == 0);
    CHECK(s.a->send("hello", 5) == 0);
    pass(w, 1s);
    CHECK(receive(*s.b) == "hello from 10.0.0.1:1000");
    s.b->closed();
    CHECK(s.a->send("anybody?", 8) == 0);
    pass(w, 1s);
    CHECK(s.a->readable());
    CHECK(s.a->send("again", 5) == ECONNREFUSED);
    CHECK(receive(*s.a) == nothing);
    CHECK(s.a->send("again", 5) == 0);
    CHECK(send(*stranger, "not connected", endpoint("10.0.0.2", 2000)) == 0);
    pass(w, 1s);
    CHECK(receive(*stranger) == nothing);
}

TEST_CASE("between machines that have lost each other datagrams are lost too") {
    world w(1);
    two_sockets s(w);
    w.net.cut(0, s.b->host());
    CHECK(send(*s.a, "lost", s.b->local()) == 0);
    pass(w, 1h);
    w.net.heal(0, s.b->host());
    CHECK(send(*s.a, "arrives", s.b->local()) == 0);
    pass(w, 1s);
    CHECK(receive(*s.b) == "arrives from 10.0.0.1:1000");
    CHECK(receive(*s.b) == nothing);
}

TEST_CASE("faults lose datagrams, double them, and turn their order round") {
    const auto arrived = [](fault f) {
        world w(3);
        two_sockets s(w);
        w.faults.set_rate(f, 300'000);
        std::string got;
        for (char c = 'a'; c <= 'z'; ++c) {
            send(*s.a, std::string(1, c), s.b->local());
            pass(w, 1us);
        }
        pass(w, 1s);
        for (std::string one = receive(*s.b); one != nothing; one = receive(*s.b)) got += one[0];
        return got;
    };
    const std::string all = "abcdefghijklmnopqrstuvwxyz";
    CHECK(arrived(fault::packet_loss).size() < 26);
    CHECK(arrived(fault::packet_duplicate).size() > 26);
    std::string mixed = arrived(fault::packet_reorder);
    CHECK(mixed != all);
    std::sort(mixed.begin(), mixed.end());
    CHECK(mixed == all);
}

TEST_CASE("ports: one owner, unless all share; the address must be the machine's own") {
    world w(1);
    const auto make = [&] { return std::make_shared<datagram_socket>(w, 0, address_family::ipv4); };
    const auto first = make();
    CHECK(first->bind(endpoint::any(53)) == 0);
    CHECK(make()->bind(endpoint::loopback(53)) == EADDRINUSE);
    CHECK(make()->bind(endpoint("192.0.2.1", 1)) == EADDRNOTAVAIL);
    const auto shared = make();
    const auto other = make();
    shared->share_port();
    other->share_port();
    CHECK(shared->bind(endpoint::any(54)) == 0);
    CHECK(other->bind(endpoint::any(54)) == 0);
    first->closed();
    CHECK(make()->bind(endpoint::loopback(53)) == 0);
    CHECK(make()->send("x", 1) == EDESTADDRREQ);
}

namespace {

const endpoint the_group("239.1.2.3", 500);

// Sockets on a port of their machines that have joined the group.
struct members {
    explicit members(world& w) : world_(w) {}

    std::shared_ptr<datagram_socket> add(const char* machine, const endpoint& where = endpoint::any(500)) {
        auto s = std::make_shared<datagram_socket>(world_, world_.net.host_named(endpoint(machine, 0)), where.family());
        s->share_port();
        REQUIRE(s->bind(where) == 0);
        return s;
    }
    std::shared_ptr<datagram_socket> join(const char* machine, const endpoint& where = endpoint::any(500)) {
        auto s = add(machine, where);
        CHECK(s->change_membership({the_group, {}, false, 0}, membership::join) == 0);
        return s;
    }

private:
    world& world_;
};

}  // namespace

TEST_CASE("what is sent to a group reaches its members on all machines, each by its own link") {
    world w(1);
    members m(w);
    const auto sender = m.join("10.0.0.1");
    const auto near = m.join("10.0.0.2");
    const auto far = m.join("10.0.0.3");
    const auto stranger = m.add("10.0.0.4");
    const auto other_port = m.join("10.0.0.2", endpoint::any(501));
    w.net.set_link(0, near->host(), {1ms, 1ms, 0, 0});
    w.net.set_link(0, far->host(), {5ms, 5ms, 0, 0});
    CHECK(send(*sender, "all", the_group) == 0);
    CHECK(receive(*sender) == "all from 10.0.0.1:500");
    pass(w, 1ms);
    CHECK(receive(*near) == "all from 10.0.0.1:500");
    CHECK(receive(*far) == nothing);
    pass(w, 4ms);
    CHECK(receive(*far) == "all from 10.0.0.1:500");
    pass(w, 1s);
    for (const auto& s : {sender, near, far, stranger, other_port}) CHECK(receive(*s) == nothing);
}

TEST_CASE("options keep what is sent to a group from this machine, or from others") {
    world w(1);
    members m(w);
    const auto sender = m.join("10.0.0.1");
    const auto other = m.join("10.0.0.2");
    CHECK(sender->set_option(socket_option::multicast_loop, 0) == 0);
    send(*sender, "outside", the_group);
    CHECK(sender->set_option(socket_option::multicast_loop, 1) == 0);
    CHECK(sender->set_option(socket_option::multicast_hops, 0) == 0);
    send(*sender, "inside", the_group);
    pass(w, 1s);
    CHECK(receive(*sender) == "inside from 10.0.0.1:500");
    CHECK(receive(*sender) == nothing);
    CHECK(receive(*other) == "outside from 10.0.0.1:500");
    CHECK(receive(*other) == nothing);
}

TEST_CASE("the loopback interface and the network have members of their own") {
    world w(1);
    members m(w);
    const auto inside = m.add("10.0.0.1");
    CHECK(inside->change_membership({the_group, {}, false, 1}, membership::join) == 0);
    const auto other = m.join("10.0.0.2");
    const auto sender = m.add("10.0.0.1", endpoint::loopback(7));
    send(*sender, "inside", the_group);
    const auto outgoing = m.add("10.0.0.1", endpoint("10.0.0.1", 7));
    send(*outgoing, "outside", the_group);
    CHECK(outgoing->set_option(socket_option::multicast_interface, 1) == 0);
    CHECK(outgoing->set_option(socket_option::multicast_interface, 3) == EADDRNOTAVAIL);
    send(*outgoing, "inside too", the_group);
    pass(w, 1s);
    CHECK(receive(*inside) == "inside from 127.0.0.1:7");
    CHECK(receive(*inside) == "inside too from 10.0.0.1:7");
    CHECK(receive(*inside) == nothing);
    CHECK(receive(*other) == "outside from 10.0.0.1:7");
    CHECK(receive(*other) == nothing);
    CHECK(inside->change_membership({the_group, {}, false, 3}, membership::join) == ENODEV);
    CHECK(inside->change_membership({endpoint("ff02::7", 0), {}, false, 1}, membership::join) == ENOPROTOOPT);
}

TEST_CASE("on a machine with a member those hear a group who are bound to it, or to all addresses") {
    world w(1);
    members m(w);
    const auto member = m.join("10.0.0.2");
    const auto not_joined = m.add("10.0.0.2");
    const auto at_group = m.add("10.0.0.2", the_group);
    const auto at_other_group = m.add("10.0.0.2", endpoint("239.1.2.4", 500));
    const auto at_address = m.add("10.0.0.2", endpoint("10.0.0.2", 500));
    const auto choosy = m.add("10.0.0.2");
    CHECK(choosy->change_membership({the_group, endpoint("10.0.0.9", 0), true, 0}, membership::join) == 0);
    const auto sender = m.add("10.0.0.1");
    send(*sender, "all", the_group);
    pass(w, 1s);
    for (const auto& s : {member, not_joined, at_group}) CHECK(receive(*s) == "all from 10.0.0.1:500");
    for (const auto& s : {at_other_group, at_address, choosy}) CHECK(receive(*s) == nothing);
    member->closed();
    send(*sender, "no member", the_group);
    send(*m.add("10.0.0.9"), "wanted", the_group);
    pass(w, 1s);
    for (const auto& s : {not_joined, at_group, choosy}) CHECK(receive(*s) == "wanted from 10.0.0.9:500");
}

TEST_CASE("who leaves a group, closes or is cut off while something is on its way does not get it") {
    world w(1);
    members m(w);
    const auto sender = m.add("10.0.0.1");
    const auto leaves = m.join("10.0.0.2");
    auto closes = m.join("10.0.0.3");
    const auto is_cut_off = m.join("10.0.0.4");
    const auto stays = m.join("10.0.0.5");
    w.net.set_default_link({1ms, 1ms, 0, 0});
    send(*sender, "all", the_group);
    CHECK(leaves->change_membership({the_group, {}, false, 0}, membership::leave) == 0);
    closes->closed();
    closes.reset();
    w.net.isolate(is_cut_off->host());
    pass(w, 1s);
    CHECK(receive(*leaves) == nothing);
    CHECK(receive(*is_cut_off) == nothing);
    CHECK(receive(*stays) == "all from 10.0.0.1:500");
}

TEST_CASE("each member of a group has its own losses, doubles and order; a seed repeats them") {
    const auto arrived = [](fault f, std::uint64_t seed) {
        world w(seed);
        members m(w);
        const auto sender = m.add("10.0.0.1");
        const std::vector<std::shared_ptr<datagram_socket>> all = {m.join("10.0.0.2"), m.join("10.0.0.2"),
                                                                   m.join("10.0.0.3")};
        w.faults.set_rate(f, 300'000);
        for (char c = 'a'; c <= 'z'; ++c) {
            send(*sender, std::string(1, c), the_group);
            pass(w, 1us);
        }
        pass(w, 1s);
        std::vector<std::string> got(3);
        for (std::size_t i = 0; i < 3; ++i) {
            for (std::string one = receive(*all[i]); one != nothing; one = receive(*all[i])) got[i] += one[0];
        }
        return std::pair(got, w.events.hash());
    };
    for (const fault f : {fault::packet_loss, fault::packet_duplicate, fault::packet_reorder}) {
        const auto [got, hash] = arrived(f, 3);
        CHECK(got[0] != got[1]);
        CHECK(got[0] != got[2]);
        CHECK(arrived(f, 3) == std::pair(got, hash));
        CHECK(arrived(f, 4).second != hash);
    }
}

TEST_CASE("an IPv6 group is one of the machines that have such an address, or of a machine's loopback") {
    world w(1);
    members m(w);
    const endpoint group("ff05::7", 500);
    const endpoint everywhere = endpoint::any(500, address_family::ipv6);
    const auto join = [&](const char* machine) {
        auto s = m.add(machine, everywhere);
        CHECK(s->change_membership({group, {}, false, 0}, membership::join) == 0);
        return s;
    };
    const auto sender = join("fd00::1");
    const auto other = join("fd00::2");
    const auto old_fashioned = join("10.0.0.3");
    send(*sender, "new", group);
    send(*old_fashioned, "inside", group);
    pass(w, 1s);
    CHECK(receive(*sender) == "new from [fd00::1]:500");
    CHECK(receive(*other) == "new from [fd00::1]:500");
    CHECK(receive(*other) == nothing);
    CHECK(receive(*old_fashioned) == "inside from [::1]:500");
    CHECK(receive(*old_fashioned) == nothing);
}

TEST_CASE("a world ends while sockets are open, bound, members of a group, and have something on the way") {
    world w(1);
    members m(w);
    w.net.set_loopback({1ms, 1ms, 0, 0});
    for (int i = 0; i < 3; ++i) CHECK(w.descriptors.add(m.join("10.0.0.1")) != invalid_handle);
    send(*w.descriptors.find<datagram_socket>(descriptor_table::first), "on the way", the_group);
    CHECK(w.next_event() == w.now() + 1ms);
}
