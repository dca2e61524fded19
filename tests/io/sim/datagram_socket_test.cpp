#include <libasync/io/sim/datagram_socket.hpp>

#include <doctest/doctest.h>

#include <cerrno>
#include <string>

#include <libasync/io/sim/world.hpp>

using namespace async;
using namespace async::io::sim;
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
