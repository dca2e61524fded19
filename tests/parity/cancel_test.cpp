// Cancelling before the start, while something waits, and after its result is there; and what follows.
#include <tests/parity/behaviour.hpp>

using namespace parity;

BEHAVIOUR("in a cancelled scope nothing starts, even if the result is there; close alone takes effect") {
    stream_pair pair = co_await connected_pair();
    co_await pair.server.write("there");
    co_await settle();
    std::byte buffer[8];
    co_await t.see_cancelled("read", pair.client.read());
    co_await t.see_cancelled("read_some", pair.client.read_some(buffer));
    co_await t.see_cancelled("write", pair.client.write("never sent"));
    co_await t.see_cancelled("shutdown", pair.client.shutdown_write());
    t.note("written", pair.client.written());
    co_await t.see("read", pair.client.read());
    co_await pair.client.write("sent");
    co_await t.see("server reads", pair.server.read());
    co_await t.see_cancelled("close", pair.client.close());
    t.note("is open", pair.client.is_open());
    co_await t.see("server reads", pair.server.read());
}

BEHAVIOUR("a read that waits is cancelled, and the next one gets what comes") {
    stream_pair pair = co_await connected_pair();
    auto reading = t.begin("read", pair.client.read());
    co_await settle();
    reading.cancel();
    co_await reading.wait();
    co_await pair.server.write("later");
    co_await t.see("read", pair.client.read());
}

BEHAVIOUR("a read_some that waits is cancelled, and the next one gets what comes") {
    stream_pair pair = co_await connected_pair();
    std::byte buffer[16];
    auto reading = t.begin("read_some", pair.client.read_some(buffer));
    co_await settle();
    reading.cancel();
    co_await reading.wait();
    co_await pair.server.write("later");
    co_await t.see("read_some", pair.client.read_some(buffer));
}

BEHAVIOUR("a read is cancelled in the step in which data was sent: nothing is lost") {
    stream_pair pair = co_await connected_pair();
    auto reading = create_task([](tcp_stream& stream) -> task<std::string> {
        const chunk data = co_await stream.read();
        co_return std::string(data.text());
    }(pair.client));
    co_await settle();
    co_await pair.server.write("either way");
    reading.cancel();
    co_await reading.wait();
    std::string text;
    if (!reading.cancelled()) text = reading.result();
    if (text.empty()) {
        const chunk data = co_await pair.client.read();
        text = data.text();
    }
    t.note("read", text);
}

BEHAVIOUR("a result that is there before the cancellation is given") {
    stream_pair pair = co_await connected_pair();
    auto reading = t.begin("read", pair.client.read());
    co_await settle();
    co_await pair.server.write("in time");
    co_await settle();
    reading.cancel();
    co_await reading.wait();
}

BEHAVIOUR("a write that waits is cancelled: a part is sent, later writes are refused, reads go on") {
    stream_pair pair = co_await connected_pair(narrow);
    auto writing = t.begin("write", pair.client.write(much()));
    co_await settle();
    writing.cancel();
    co_await writing.wait();
    const std::uint64_t written = pair.client.written();
    t.note("a part", written > 0 && written < much().size());
    co_await t.see("write", pair.client.write("x"));
    co_await pair.server.write("still read");
    co_await t.see("read", pair.client.read());
    co_await pair.client.close();
    const std::string text = co_await read_all(pair.server);
    t.note("the peer has what was written", text.size() == written);
    t.note("as it was sent", much().compare(0, text.size(), text) == 0);
}

BEHAVIOUR("after a write was cut short, a half close ends what was sent") {
    stream_pair pair = co_await connected_pair(narrow);
    co_await t.see("write", move_on_after(5ms, pair.client.write(much())));
    co_await t.see("shutdown", pair.client.shutdown_write());
    const std::string text = co_await read_all(pair.server);
    t.note("the peer has what was written", text.size() == pair.client.written());
}

BEHAVIOUR("an accept that waits is cancelled, and the next one gets the connection") {
    tcp_listener listener = tcp_listener::bind(endpoint::loopback(0));
    auto accepting = t.begin("accept", listener.accept());
    co_await settle();
    accepting.cancel();
    co_await accepting.wait();
    tcp_stream client = co_await connect(listener.local_endpoint());
    co_await client.write("hello");
    auto server = co_await t.see("accept", listener.accept());
    co_await t.see("read", server.value().read());
}

BEHAVIOUR("an accept in a cancelled scope leaves the connection in the queue") {
    tcp_listener listener = tcp_listener::bind(endpoint::loopback(0));
    tcp_stream client = co_await connect(listener.local_endpoint());
    co_await settle();
    co_await t.see_cancelled("accept", listener.accept());
    co_await t.see("accept", listener.accept());
}

BEHAVIOUR("an accept is cancelled in the step in which a client comes: no connection is lost") {
    tcp_listener listener = tcp_listener::bind(endpoint::loopback(0));
    auto accepting = create_task(listener.accept());
    co_await settle();
    tcp_stream client = co_await connect(listener.local_endpoint());
    accepting.cancel();
    co_await accepting.wait();
    tcp_stream server;
    if (!accepting.cancelled()) server = accepting.result();
    if (!server.is_open()) server = co_await listener.accept();
    co_await client.write("hello");
    co_await t.see("read", server.read());
}

BEHAVIOUR("a connect in a cancelled scope reaches nobody") {
    tcp_listener listener = tcp_listener::bind(endpoint::loopback(0));
    co_await t.see_cancelled("connect", connect(listener.local_endpoint()));
    co_await t.see("accept", move_on_after(5ms, listener.accept()));
}

BEHAVIOUR("a connect that waits is cancelled, and its place is not taken") {
    tcp_listener listener = tcp_listener::bind(endpoint::loopback(0), {.backlog = 1});
    const endpoint where = listener.local_endpoint();
    tcp_stream one = co_await connect(where);
    tcp_stream two = co_await connect(where);
    auto connecting = t.begin("connect", connect(where));
    co_await settle();
    connecting.cancel();
    co_await connecting.wait();
    co_await t.see("accept", listener.accept());
    co_await t.see("accept", listener.accept());
    co_await t.see("accept", move_on_after(5ms, listener.accept()));
}

BEHAVIOUR("a time-out on a read, data comes later") {
    stream_pair pair = co_await connected_pair();
    co_await t.see("read", timeout(5ms, pair.client.read()));
    co_await pair.server.write("later");
    co_await t.see("read", timeout(1s, pair.client.read()));
}

BEHAVIOUR("a time-out of nothing acts before a read whose data is there") {
    stream_pair pair = co_await connected_pair();
    co_await pair.server.write("there");
    co_await settle();
    co_await t.see("read", timeout(0ms, pair.client.read()));
    co_await t.see("read", timeout(1s, pair.client.read()));
}

BEHAVIOUR("a time-out on an accept, a client comes later") {
    tcp_listener listener = tcp_listener::bind(endpoint::loopback(0));
    co_await t.see("accept", timeout(5ms, listener.accept()));
    tcp_stream client = co_await connect(listener.local_endpoint());
    co_await t.see("accept", timeout(1s, listener.accept()));
}

BEHAVIOUR("many reads that are cancelled leave the stream as it was") {
    stream_pair pair = co_await connected_pair();
    for (int i = 0; i < 50; ++i) {
        auto reading = create_task(detail::into_task(pair.client.read()));
        co_await yield();
        co_await yield();
        reading.cancel();
        co_await reading.wait();
        if (!reading.cancelled()) t.note("a read ended by itself");
    }
    co_await pair.server.write("after all");
    co_await t.see("read", pair.client.read());
}

BEHAVIOUR("a cancellation that a task swallows comes back at its next await") {
    stream_pair pair = co_await connected_pair();
    auto stubborn = [](trace& t, tcp_stream& stream) -> task<void> {
        for (int i = 0; i < 2; ++i) {
            try {
                co_await t.see("read", stream.read());
            } catch (const cancelled&) {
                t.note("swallowed");
            }
        }
        co_await t.see("close", stream.close());
    };
    auto running = create_task(stubborn(t, pair.client));
    co_await settle();
    running.cancel();
    co_await running.wait();
    co_await t.see("server reads", pair.server.read());
}
