// Connecting and accepting: what a listener's queue keeps, and in which order.
#include <tests/parity/behaviour.hpp>

namespace {

using namespace parity;

tcp_listener listen(int backlog = 8) { return tcp_listener::bind(endpoint::loopback(0), {.backlog = backlog}); }

task<void> connect_and_send(trace& t, endpoint where, std::string text) {
    tcp_stream client = co_await connect(where);
    co_await client.write(text);
    t.note("sent", text);
    co_await client.close();
}

}  // namespace

BEHAVIOUR("connecting to a port that nobody listens on is refused") {
    endpoint nobody;
    {
        tcp_listener listener = listen();
        nobody = listener.local_endpoint();
        co_await listener.close();
    }
    co_await t.see("first connect", connect(nobody));
    co_await t.see("second connect", connect(nobody));
}

BEHAVIOUR("connecting succeeds before anybody accepts") {
    tcp_listener listener = listen();
    auto client = co_await t.see("connect", connect(listener.local_endpoint()));
    auto server = co_await t.see("accept", listener.accept());
    co_await client.value().write("hello");
    co_await t.see("read", server.value().read());
}

BEHAVIOUR("an accept that waits is ended by a connection") {
    tcp_listener listener = listen();
    auto accepting = t.begin("accept", listener.accept());
    co_await settle();
    t.note("accepted already", accepting.done());
    auto client = co_await connect(listener.local_endpoint());
    co_await accepting.wait();
}

BEHAVIOUR("data that is sent before the accept is kept") {
    tcp_listener listener = listen();
    tcp_stream client = co_await connect(listener.local_endpoint());
    co_await client.write("early ");
    co_await client.write("bird");
    co_await settle();
    tcp_stream server = co_await listener.accept();
    const std::string text = co_await read_exactly(server, 10);
    t.note("read", text);
}

BEHAVIOUR("connections are accepted in the order in which they were made") {
    tcp_listener listener = listen();
    const endpoint where = listener.local_endpoint();
    std::vector<tcp_stream> clients;
    for (const char* text : {"first", "second", "third", "fourth"}) {
        tcp_stream client = co_await connect(where);
        co_await client.write(text);
        clients.push_back(std::move(client));
    }
    for (int i = 0; i < 4; ++i) {
        tcp_stream server = co_await listener.accept();
        co_await t.see("read", server.read());
    }
}

BEHAVIOUR("a second accept is busy while the first waits") {
    tcp_listener listener = listen();
    auto first = t.begin("first accept", listener.accept());
    co_await settle();
    co_await t.see("second accept", listener.accept());
    tcp_stream client = co_await connect(listener.local_endpoint());
    co_await first.wait();
    tcp_stream other = co_await connect(listener.local_endpoint());
    co_await t.see("second accept", listener.accept());
}

BEHAVIOUR("a client that has closed before the accept is accepted, and its stream ends") {
    tcp_listener listener = listen();
    tcp_stream client = co_await connect(listener.local_endpoint());
    co_await client.close();
    co_await settle();
    auto server = co_await t.see("accept", listener.accept());
    co_await t.see("read", server.value().read());
    co_await t.see("read", server.value().read());
}

BEHAVIOUR("a client that has sent and closed before the accept leaves its data") {
    tcp_listener listener = listen();
    co_await connect_and_send(t, listener.local_endpoint(), "last words");
    co_await settle();
    auto server = co_await t.see("accept", listener.accept());
    co_await t.see("read", server.value().read());
    co_await t.see("read", server.value().read());
}

BEHAVIOUR("a client that has reset before the accept is accepted, and its stream tells") {
    if (t.excluded_on_windows("a client that has gone may not be accepted")) co_return;
    tcp_listener listener = listen();
    tcp_stream client = co_await connect(listener.local_endpoint());
    client.abort();
    co_await settle();
    auto server = co_await t.see("accept", listener.accept());
    co_await t.see("read", server.value().read());
    co_await t.see("read", server.value().read());
    co_await t.see("write", server.value().write("x"));
}

BEHAVIOUR("a client that has sent and reset before the accept leaves its data, then the reset") {
    if (t.excluded_on_windows("a client that has gone may not be accepted")) co_return;
    tcp_listener listener = listen();
    tcp_stream client = co_await connect(listener.local_endpoint());
    co_await client.write("last words");
    co_await settle();
    client.abort();
    co_await settle();
    auto server = co_await t.see("accept", listener.accept());
    co_await t.see("read", server.value().read());
    co_await t.see("read", server.value().read());
    co_await t.see("read", server.value().read());
}

BEHAVIOUR("a client that was reset in the queue has no remote endpoint once it is accepted") {
    if (t.excluded_on_windows("a client that has gone is not accepted")) co_return;
    tcp_listener listener = listen();
    tcp_stream client = co_await connect(listener.local_endpoint());
    client.abort();
    co_await settle();
    tcp_stream server = co_await listener.accept();
    t.attempt("remote endpoint", [&] { static_cast<void>(server.remote_endpoint()); });
    t.note("local port is the listener's", server.local_endpoint().port() == listener.local_endpoint().port());
}

BEHAVIOUR("closing a listener resets the clients in its queue") {
    tcp_listener listener = listen();
    tcp_stream silent = co_await connect(listener.local_endpoint());
    tcp_stream talking = co_await connect(listener.local_endpoint());
    co_await talking.write("hello");
    co_await settle();
    co_await listener.close();
    co_await settle();
    co_await t.see("read of the silent one", silent.read());
    co_await t.see("read of the silent one again", silent.read());
    co_await t.see("read of the talking one", talking.read());
    co_await t.see("write of the talking one", talking.write("x"));
}

BEHAVIOUR("closing a listener resets the clients that came after an accept, and those that it served stay") {
    tcp_listener listener = listen();
    auto accepting = create_task(listener.accept());
    co_await settle();
    tcp_stream first = co_await connect(listener.local_endpoint());
    tcp_stream server = co_await accepting;
    tcp_stream second = co_await connect(listener.local_endpoint());
    tcp_stream third = co_await connect(listener.local_endpoint());
    co_await third.write("hello");
    co_await settle();
    co_await listener.close();
    co_await settle();
    co_await t.see("read of the second", second.read());
    co_await t.see("read of the third", third.read());
    co_await server.write("served");
    co_await t.see("read of the first", first.read());
}

BEHAVIOUR("closing a listener resets a client that waits for an answer") {
    tcp_listener listener = listen();
    tcp_stream client = co_await connect(listener.local_endpoint());
    auto reading = t.begin("read", client.read());
    co_await settle();
    co_await listener.close();
    co_await reading.wait();
    co_await t.see("read again", client.read());
}

BEHAVIOUR("closing a listener ends the accept that waits, and keeps what was accepted") {
    tcp_listener listener = listen();
    const endpoint where = listener.local_endpoint();
    tcp_stream client = co_await connect(where);
    tcp_stream server = co_await listener.accept();
    auto accepting = t.begin_silently("accept that waits", listener.accept());
    co_await settle();
    co_await t.see("close", listener.close());
    co_await t.noted(accepting);
    co_await t.see("accept", listener.accept());
    co_await t.see("close again", listener.close());
    co_await t.see("connect", connect(where));
    co_await client.write("still here");
    co_await t.see("read", server.read());
}

BEHAVIOUR("destroying a listener ends the accept that waits") {
    std::optional<tcp_listener> listener = listen();
    auto accepting = t.begin("accept", listener->accept());
    co_await settle();
    listener.reset();
    co_await accepting.wait();
}

BEHAVIOUR("a backlog of two takes three connections, the fourth waits and can be cancelled") {
    tcp_listener listener = listen(2);
    const endpoint where = listener.local_endpoint();
    std::vector<tcp_stream> clients;
    for (int i = 0; i < 3; ++i) {
        tcp_stream client = co_await connect(where);
        clients.push_back(std::move(client));
    }
    co_await t.see("fourth connect", move_on_after(20ms, connect(where)));
    for (int i = 0; i < 3; ++i) co_await t.see("accept", listener.accept());
    co_await t.see("one more accept", move_on_after(20ms, listener.accept()));
}

BEHAVIOUR("connects that found a backlog full succeed after an accept, and are refused once the listener is closed") {
    tcp_listener kept = listen(1);
    tcp_listener given_up = listen(1);
    std::vector<tcp_stream> clients;
    for (const tcp_listener* listener : {&kept, &kept, &given_up, &given_up}) {
        tcp_stream client = co_await connect(listener->local_endpoint());
        clients.push_back(std::move(client));
    }
    auto lucky = t.begin_silently("third connect after an accept", connect(kept.local_endpoint()));
    auto unlucky = t.begin_silently("third connect after a close", connect(given_up.local_endpoint()));
    co_await sleep(20ms);
    t.note("one is connected already", lucky.done() || unlucky.done());
    co_await t.see("accept", kept.accept());
    co_await given_up.close();
    co_await t.noted(lucky);  // a kernel asks again after a second
    co_await t.noted(unlucky);
    co_await t.see("accept", kept.accept());
    co_await t.see("accept", kept.accept());
    co_await t.see("read of one in the queue of the closed one", clients.back().read());
}

BEHAVIOUR("a listener that is closed gives closed, also its address") {
    tcp_listener listener = listen();
    co_await listener.close();
    t.note("is open", listener.is_open());
    co_await t.see("accept", listener.accept());
    t.attempt("local endpoint", [&] { static_cast<void>(listener.local_endpoint()); });
    tcp_listener never;
    co_await t.see("accept on one that never was", never.accept());
}

BEHAVIOUR("many connections at once all come through") {
    tcp_listener listener = listen(64);
    const endpoint where = listener.local_endpoint();
    std::vector<task<tcp_stream>> connecting;
    for (int i = 0; i < 40; ++i) connecting.push_back(connect(where));
    auto clients = co_await gather(std::move(connecting));
    std::vector<tcp_stream> servers;
    for (int i = 0; i < 40; ++i) {
        tcp_stream server = co_await listener.accept();
        servers.push_back(std::move(server));
    }
    for (std::size_t i = 0; i < clients.size(); ++i) co_await clients[i].write(std::string(i + 1, 'x'));
    for (tcp_stream& client : clients) co_await client.close();
    std::size_t total = 0;
    for (tcp_stream& server : servers) {
        const std::string text = co_await read_all(server);
        total += text.size();
    }
    t.note("bytes", total);
}
