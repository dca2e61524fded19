// Addresses and ports: who may bind what, and which ends a connection has.
#include <set>

#include <tests/parity/behaviour.hpp>
#include <tests/support/own_address.hpp>

namespace {

using namespace parity;
using async_tests::own_address;

// Gives the listener, if there is one.
tcp_listener try_bind(trace& t, std::string_view what, endpoint where, listen_options options = {}) {
    tcp_listener bound;
    t.attempt(what, [&] { bound = tcp_listener::bind(where, options); });
    return bound;
}

bool has_ipv6() {
    try {
        static_cast<void>(tcp_listener::bind(endpoint::loopback(0, address_family::ipv6)));
        return true;
    } catch (const std::system_error&) {
        return false;
    }
}

}  // namespace

BEHAVIOUR("a port that is listened on is in use") {
    tcp_listener listener = tcp_listener::bind(endpoint::loopback(0));
    const std::uint16_t port = listener.local_endpoint().port();
    try_bind(t, "same address", endpoint::loopback(port));
    try_bind(t, "any address", endpoint::any(port));
    try_bind(t, "another loopback address", endpoint("127.0.0.2", port));
    co_return;
}

BEHAVIOUR("a port that any address listens on is in use for each one") {
    tcp_listener listener = tcp_listener::bind(endpoint::any(0));
    const std::uint16_t port = listener.local_endpoint().port();
    try_bind(t, "loopback", endpoint::loopback(port));
    try_bind(t, "another loopback address", endpoint("127.0.0.2", port));
    co_return;
}

BEHAVIOUR("two listeners share a port if both say so") {
    if (t.excluded_on_windows("there is no reuse_port")) co_return;
    tcp_listener first = tcp_listener::bind(endpoint::loopback(0), {.reuse_port = true});
    const endpoint where = first.local_endpoint();
    try_bind(t, "without reuse_port", where);
    tcp_listener second = try_bind(t, "with reuse_port", where, {.reuse_port = true});
    co_return;
}

BEHAVIOUR("a port is free again after its listener is closed") {
    tcp_listener listener = tcp_listener::bind(own_address());
    const endpoint where = listener.local_endpoint();
    co_await listener.close();
    tcp_listener again = try_bind(t, "again", where);
    tcp_stream client = co_await connect(where);
    co_await t.see("accept", again.accept());
}

BEHAVIOUR("a port can be bound again while connections of the old listener are open") {
    tcp_listener listener = tcp_listener::bind(endpoint::loopback(0));
    const endpoint where = listener.local_endpoint();
    tcp_stream client = co_await connect(where);
    tcp_stream server = co_await listener.accept();
    co_await listener.close();
    tcp_listener again = try_bind(t, "again", where);
    tcp_stream other = co_await connect(where);
    tcp_stream other_server = co_await again.accept();
    co_await client.write("to the old one");
    co_await other.write("to the new one");
    co_await t.see("old connection", server.read());
    co_await t.see("new connection", other_server.read());
}

BEHAVIOUR("a port can be bound again after the server has closed its connections") {
    tcp_listener listener = tcp_listener::bind(endpoint::loopback(0));
    const endpoint where = listener.local_endpoint();
    tcp_stream client = co_await connect(where);
    tcp_stream server = co_await listener.accept();
    co_await server.close();
    co_await t.see("read", client.read());
    co_await client.close();
    co_await listener.close();
    try_bind(t, "again", where);
}

BEHAVIOUR("the port of an open connection's client is in use") {
    tcp_listener listener = tcp_listener::bind(endpoint::loopback(0));
    tcp_stream client = co_await connect(listener.local_endpoint());
    tcp_stream server = co_await listener.accept();
    try_bind(t, "while it is open", client.local_endpoint());
    co_return;
}

BEHAVIOUR("a port is chosen, and the listener tells which") {
    tcp_listener first = tcp_listener::bind(endpoint::loopback(0));
    tcp_listener second = tcp_listener::bind(endpoint::loopback(0));
    t.note("address " + first.local_endpoint().address());
    t.note("a port is known", first.local_endpoint().port() != 0);
    t.note("the ports differ", first.local_endpoint().port() != second.local_endpoint().port());
    t.note("not privileged", first.local_endpoint().port() >= 1024);
    co_return;
}

BEHAVIOUR("both ends agree on their endpoints") {
    tcp_listener listener = tcp_listener::bind(endpoint::loopback(0));
    tcp_stream client = co_await connect(listener.local_endpoint());
    tcp_stream server = co_await listener.accept();
    t.note("client's remote is the listener", client.remote_endpoint() == listener.local_endpoint());
    t.note("server's local is the listener", server.local_endpoint() == listener.local_endpoint());
    t.note("server's remote is the client", server.remote_endpoint() == client.local_endpoint());
    t.note("client's address " + client.local_endpoint().address());
}

BEHAVIOUR("each client has a port of its own") {
    tcp_listener listener = tcp_listener::bind(endpoint::loopback(0));
    std::vector<tcp_stream> clients;
    std::set<std::uint16_t> ports;
    for (int i = 0; i < 20; ++i) {
        tcp_stream client = co_await connect(listener.local_endpoint());
        ports.insert(client.local_endpoint().port());
        clients.push_back(std::move(client));
    }
    t.note("ports", ports.size());
    t.note("the listener's is among them", ports.count(listener.local_endpoint().port()) != 0);
}

BEHAVIOUR("any address takes connections to each one, and the server sees which") {
    tcp_listener listener = tcp_listener::bind(endpoint::any(0));
    t.note("listens on " + listener.local_endpoint().address());
    const std::uint16_t port = listener.local_endpoint().port();
    for (const char* address : {"127.0.0.1", "127.0.0.2"}) {
        tcp_stream client = co_await connect(endpoint(address, port));
        tcp_stream server = co_await listener.accept();
        t.note("server's local address " + server.local_endpoint().address());
        t.note("server's remote address " + server.remote_endpoint().address());
    }
}

BEHAVIOUR("connecting to any address reaches the loopback one") {
    tcp_listener listener = tcp_listener::bind(endpoint::loopback(0));
    auto client = co_await t.see("connect", connect(endpoint::any(listener.local_endpoint().port())));
    if (client) t.note("remote address " + client.value().remote_endpoint().address());
}

BEHAVIOUR("a listener on one address refuses connections to another") {
    tcp_listener listener = tcp_listener::bind(endpoint::loopback(0));
    co_await t.see("connect", connect(endpoint("127.0.0.2", listener.local_endpoint().port())));
}

BEHAVIOUR("an address that is none of this host's cannot be bound") {
    try_bind(t, "documentation address", endpoint("192.0.2.1", 0));
    co_return;
}

BEHAVIOUR("IPv6 works as IPv4 does") {
    if (!has_ipv6()) {
        t.exclude("no IPv6 here");
        co_return;
    }
    tcp_listener listener = tcp_listener::bind(endpoint::loopback(0, address_family::ipv6));
    tcp_stream client = co_await connect(listener.local_endpoint());
    tcp_stream server = co_await listener.accept();
    t.note("server's remote address " + server.remote_endpoint().address());
    t.note("they agree", server.remote_endpoint() == client.local_endpoint());
    const endpoint four = own_address(listener.local_endpoint().port());
    co_await t.see("IPv4", connect(four));
    try_bind(t, "the same port for IPv4", four);
}

BEHAVIOUR("an IPv6 listener for any address takes IPv4 only if it is dual stack") {
    if (!has_ipv6()) {
        t.exclude("no IPv6 here");
        co_return;
    }
    for (const bool dual : {false, true}) {
        tcp_listener listener = tcp_listener::bind(endpoint::any(0, address_family::ipv6), {.dual_stack = dual});
        const std::uint16_t port = listener.local_endpoint().port();
        t.note(dual ? "dual stack" : "IPv6 only");
        tcp_stream six = co_await connect(endpoint::loopback(port, address_family::ipv6));
        tcp_stream six_server = co_await listener.accept();
        t.note("remote address " + six_server.remote_endpoint().address());
        auto four = co_await t.see("IPv4", connect(own_address(port)));
        if (!four) continue;
        tcp_stream four_server = co_await listener.accept();
        t.note("local address " + four_server.local_endpoint().address());
        t.note("remote address " + four_server.remote_endpoint().address());
        t.note("the client's remote address " + four.value().remote_endpoint().address());
    }
}

BEHAVIOUR("a stream that is closed has no endpoints") {
    stream_pair pair = co_await connected_pair();
    co_await pair.client.close();
    t.attempt("remote endpoint", [&] { static_cast<void>(pair.client.remote_endpoint()); });
    t.attempt("local endpoint", [&] { static_cast<void>(pair.client.local_endpoint()); });
}

BEHAVIOUR("the endpoints stay known after the peer has closed, not after it has reset") {
    stream_pair pair = co_await connected_pair();
    const endpoint peer = pair.client.remote_endpoint();
    co_await pair.server.close();
    co_await settle();
    t.note("known after the end", pair.client.remote_endpoint() == peer);

    stream_pair other = co_await connected_pair();
    const endpoint own = other.client.local_endpoint();
    other.server.abort();
    co_await settle();
    t.attempt("remote endpoint after the reset", [&] { static_cast<void>(other.client.remote_endpoint()); });
    t.note("local endpoint after the reset is the same", other.client.local_endpoint() == own);
}
