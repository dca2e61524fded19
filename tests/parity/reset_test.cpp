// Resets: who gets one, what is read before it, and what follows.
#include <tests/parity/behaviour.hpp>

using namespace parity;

BEHAVIOUR("closing with unread data resets the peer; its next write is refused") {
    stream_pair pair = co_await connected_pair();
    co_await pair.client.write("never read");
    co_await settle();
    co_await pair.server.close();
    co_await settle();
    co_await t.see("read", pair.client.read());
    co_await t.see("read", pair.client.read());
    co_await t.see("write", pair.client.write("x"));
    co_await t.see("write", pair.client.write("x"));
}

BEHAVIOUR("closing with unread data, the peer writes first") {
    stream_pair pair = co_await connected_pair();
    co_await pair.client.write("never read");
    co_await settle();
    co_await pair.server.close();
    co_await settle();
    co_await t.see("write", pair.client.write("x"));
    co_await t.see("write", pair.client.write("x"));
    co_await t.see("read", pair.client.read());
    co_await t.see("read", pair.client.read());
}

BEHAVIOUR("closing with unread data, the peer reads what was sent before, then the reset, then the end") {
    stream_pair pair = co_await connected_pair();
    co_await pair.server.write("sent before");
    co_await pair.client.write("never read");
    co_await settle();
    co_await pair.server.close();
    co_await settle();
    co_await t.see("read", pair.client.read());
    co_await t.see("read", pair.client.read());
    co_await t.see("read", pair.client.read());
}

BEHAVIOUR("closing with unread data after a read of some, by read_some") {
    stream_pair pair = co_await connected_pair();
    co_await pair.client.write("partly read");
    std::byte buffer[6];
    co_await t.see("server reads", pair.server.read_some(buffer));
    co_await pair.server.close();
    co_await settle();
    co_await t.see("read", pair.client.read());
    co_await t.see("read", pair.client.read());
}

BEHAVIOUR("closing with unread data that came after a read") {
    stream_pair pair = co_await connected_pair();
    auto reading = t.begin("server reads", pair.server.read());
    co_await settle();
    co_await pair.client.write("read");
    co_await reading.wait();
    co_await pair.client.write("never read");
    co_await settle();
    co_await pair.server.close();
    co_await settle();
    co_await t.see("read", pair.client.read());
    co_await t.see("read", pair.client.read());
}

BEHAVIOUR("closing in the step in which data came, after a read") {
    stream_pair pair = co_await connected_pair();
    auto reading = t.begin("server reads", pair.server.read());
    co_await settle();
    co_await pair.client.write("read");
    co_await reading.wait();
    co_await pair.client.write("never read");
    co_await pair.server.close();
    co_await settle();
    co_await t.see("read", pair.client.read());
}

BEHAVIOUR("closing with a part of a chunk unread") {
    stream_pair pair = co_await connected_pair();
    auto reading = t.begin("server reads", pair.server.read());
    co_await settle();
    co_await pair.client.write("read");
    co_await reading.wait();
    co_await pair.client.write("partly read");
    co_await settle();
    std::byte buffer[6];
    co_await t.see("server reads", pair.server.read_some(buffer));
    co_await pair.server.close();
    co_await settle();
    co_await t.see("read", pair.client.read());
}

BEHAVIOUR("closing with a chunk that is read but still kept does not reset") {
    stream_pair pair = co_await connected_pair();
    co_await pair.client.write("read");
    const chunk kept = co_await pair.server.read();
    co_await pair.server.close();
    co_await t.see("read", pair.client.read());
    t.note("kept", kept);
}

BEHAVIOUR("closing with unread data while a half close of the peer waits to be read") {
    stream_pair pair = co_await connected_pair();
    co_await pair.client.write("never read");
    co_await pair.client.shutdown_write();
    co_await settle();
    co_await pair.server.close();
    co_await settle();
    co_await t.see("read", pair.client.read());
    co_await t.see("read", pair.client.read());
}

BEHAVIOUR("closing with all data read but not the end does not reset") {
    stream_pair pair = co_await connected_pair();
    co_await pair.client.write("read");
    co_await pair.client.shutdown_write();
    co_await settle();
    co_await t.see("server reads", pair.server.read());
    co_await pair.server.close();
    co_await settle();
    co_await t.see("read", pair.client.read());
}

BEHAVIOUR("data that arrives after a close resets the sender") {
    stream_pair pair = co_await connected_pair();
    co_await pair.server.close();
    co_await settle();
    co_await pair.client.write("too late");
    co_await settle();
    co_await t.see("write", pair.client.write("x"));
    co_await t.see("read", pair.client.read());
}

BEHAVIOUR("after a half close, unread data at the close still resets") {
    stream_pair pair = co_await connected_pair();
    co_await pair.server.shutdown_write();
    co_await t.see("read", pair.client.read());
    co_await pair.client.write("never read");
    co_await settle();
    co_await pair.server.close();
    co_await settle();
    co_await t.see("write", pair.client.write("x"));
    co_await t.see("write", pair.client.write("x"));
    co_await t.see("read", pair.client.read());
}

BEHAVIOUR("an abort with nothing in flight resets the peer") {
    stream_pair pair = co_await connected_pair();
    pair.server.abort();
    t.note("server is open", pair.server.is_open());
    co_await settle();
    co_await t.see("read", pair.client.read());
    co_await t.see("read", pair.client.read());
    co_await t.see("write", pair.client.write("x"));
}

BEHAVIOUR("an abort, the peer writes first") {
    stream_pair pair = co_await connected_pair();
    pair.server.abort();
    co_await settle();
    co_await t.see("write", pair.client.write("x"));
    co_await t.see("write", pair.client.write("x"));
    co_await t.see("read", pair.client.read());
}

BEHAVIOUR("data that arrived before an abort is read, then the reset") {
    stream_pair pair = co_await connected_pair();
    co_await pair.server.write("arrived");
    co_await settle();
    pair.server.abort();
    co_await settle();
    co_await t.see("read", pair.client.read());
    co_await t.see("read", pair.client.read());
    co_await t.see("read", pair.client.read());
}

BEHAVIOUR("data that arrived before an abort is read by read_some, piece by piece, then the reset") {
    stream_pair pair = co_await connected_pair();
    co_await pair.server.write("arrived");
    co_await settle();
    pair.server.abort();
    co_await settle();
    std::byte buffer[4];
    for (int i = 0; i < 4; ++i) co_await t.see("read_some", pair.client.read_some(buffer));
}

BEHAVIOUR("data that arrived before an abort is there after a write has failed") {
    stream_pair pair = co_await connected_pair();
    co_await pair.server.write("arrived");
    co_await settle();
    pair.server.abort();
    co_await settle();
    co_await t.see("write", pair.client.write("x"));
    co_await t.see("read", pair.client.read());
    co_await t.see("read", pair.client.read());
}

BEHAVIOUR("an abort after a half close resets who has read the end") {
    stream_pair pair = co_await connected_pair();
    co_await pair.server.shutdown_write();
    co_await t.see("read", pair.client.read());
    pair.server.abort();
    co_await settle();
    co_await t.see("read", pair.client.read());
    co_await t.see("write", pair.client.write("x"));
    co_await t.see("write", pair.client.write("x"));
}

BEHAVIOUR("an abort after a half close, the end not being read before") {
    stream_pair pair = co_await connected_pair();
    co_await pair.server.shutdown_write();
    co_await settle();
    pair.server.abort();
    co_await settle();
    co_await t.see("read", pair.client.read());
    co_await t.see("read", pair.client.read());
    co_await t.see("write", pair.client.write("x"));
}

BEHAVIOUR("an abort with unread data resets all the same") {
    stream_pair pair = co_await connected_pair();
    co_await pair.client.write("never read");
    co_await settle();
    pair.server.abort();
    co_await settle();
    co_await t.see("read", pair.client.read());
    co_await t.see("read", pair.client.read());
}

BEHAVIOUR("an abort discards what does not fit at the peer") {
    stream_pair pair = co_await connected_pair(narrow);
    auto writing = t.begin_silently("write", pair.server.write(much()));
    co_await settle();
    pair.server.abort();
    co_await t.noted(writing);
    co_await read_to_the_end(t, pair.client, much());
}

BEHAVIOUR("closing with unread data discards what does not fit at the peer") {
    stream_pair pair = co_await connected_pair(narrow);
    co_await pair.client.write("never read");
    auto writing = t.begin_silently("write", pair.server.write(much()));
    co_await settle();
    co_await pair.server.close();
    co_await t.noted(writing);
    co_await read_to_the_end(t, pair.client, much());
}

BEHAVIOUR("a half close of a stream that was reset fails") {
    stream_pair pair = co_await connected_pair();
    pair.server.abort();
    co_await settle();
    co_await t.see("shutdown", pair.client.shutdown_write());
    co_await t.see("read", pair.client.read());
    co_await t.see("read", pair.client.read());
    co_await t.see("shutdown", pair.client.shutdown_write());
}

BEHAVIOUR("a stream that was reset is closed as any other") {
    stream_pair pair = co_await connected_pair();
    pair.server.abort();
    co_await settle();
    co_await t.see("close", pair.client.close());
    co_await t.see("read", pair.client.read());
}

BEHAVIOUR("destroying a stream ends the peer's as a close does") {
    stream_pair pair = co_await connected_pair();
    co_await pair.server.write("before");
    pair.server = tcp_stream();
    co_await t.see("read", pair.client.read());
    co_await t.see("read", pair.client.read());
}

BEHAVIOUR("destroying a stream with unread data resets the peer") {
    stream_pair pair = co_await connected_pair();
    co_await pair.client.write("never read");
    co_await settle();
    pair.server = tcp_stream();
    co_await settle();
    co_await t.see("read", pair.client.read());
    co_await t.see("read", pair.client.read());
}

BEHAVIOUR("both ends abort") {
    stream_pair pair = co_await connected_pair();
    pair.server.abort();
    pair.client.abort();
    co_await settle();
    co_await t.see("server reads", pair.server.read());
    co_await t.see("client reads", pair.client.read());
}
