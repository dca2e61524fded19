// How connections end in order: data, then the end; half closes; what is written to who has gone.
#include <tests/parity/behaviour.hpp>

using namespace parity;

BEHAVIOUR("data comes before the end") {
    stream_pair pair = co_await connected_pair();
    co_await pair.server.write("all there is");
    co_await pair.server.close();
    co_await settle();
    co_await t.see("read", pair.client.read());
    co_await t.see("read", pair.client.read());
}

BEHAVIOUR("the end of a stream is read again and again") {
    stream_pair pair = co_await connected_pair();
    co_await pair.server.close();
    for (int i = 0; i < 3; ++i) co_await t.see("read", pair.client.read());
    std::byte buffer[4];
    for (int i = 0; i < 3; ++i) co_await t.see("read_some", pair.client.read_some(buffer));
}

BEHAVIOUR("a half close ends the peer's reads, and leaves the other direction") {
    stream_pair pair = co_await connected_pair();
    co_await pair.client.write("question");
    co_await t.see("shutdown", pair.client.shutdown_write());
    co_await t.see("server reads", pair.server.read());
    co_await t.see("server reads", pair.server.read());
    co_await t.see("server writes", pair.server.write("answer"));
    co_await t.see("client reads", pair.client.read());
    co_await t.see("server writes", pair.server.write("more"));
    co_await pair.server.close();
    co_await t.see("client reads", pair.client.read());
    co_await t.see("client reads", pair.client.read());
}

BEHAVIOUR("both ends half close, one after the other") {
    stream_pair pair = co_await connected_pair();
    co_await t.see("client shuts down", pair.client.shutdown_write());
    co_await t.see("server reads", pair.server.read());
    co_await t.see("server shuts down", pair.server.shutdown_write());
    co_await t.see("client reads", pair.client.read());
    co_await t.see("server reads", pair.server.read());
    co_await t.see("client reads", pair.client.read());
}

BEHAVIOUR("both ends half close at once") {
    stream_pair pair = co_await connected_pair();
    co_await t.see("client shuts down", pair.client.shutdown_write());
    co_await t.see("server shuts down", pair.server.shutdown_write());
    co_await settle();
    co_await t.see("server reads", pair.server.read());
    co_await t.see("client reads", pair.client.read());
}

BEHAVIOUR("writing after one's own half close is a broken pipe, reading goes on") {
    stream_pair pair = co_await connected_pair();
    co_await pair.client.shutdown_write();
    co_await t.see("write", pair.client.write("x"));
    co_await t.see("write again", pair.client.write("x"));
    co_await t.see("write of nothing", pair.client.write(""));
    co_await pair.server.write("still read");
    co_await t.see("read", pair.client.read());
}

BEHAVIOUR("a half close may be repeated") {
    stream_pair pair = co_await connected_pair();
    co_await t.see("first", pair.client.shutdown_write());
    co_await t.see("second", pair.client.shutdown_write());
    co_await t.see("server reads", pair.server.read());
    co_await pair.server.close();
    co_await settle();
    co_await t.see("third, after the peer has closed", pair.client.shutdown_write());
}

BEHAVIOUR("a half close after the peer has closed is taken") {
    stream_pair pair = co_await connected_pair();
    co_await pair.server.close();
    co_await settle();
    co_await t.see("shutdown", pair.client.shutdown_write());
    co_await t.see("write", pair.client.write("x"));
    co_await t.see("read", pair.client.read());
}

BEHAVIOUR("of the writes after the peer has closed, the first is taken and the second fails; reads give the end") {
    stream_pair pair = co_await connected_pair();
    co_await pair.server.close();
    co_await settle();
    co_await t.see("first write", pair.client.write("x"));
    co_await settle();
    co_await t.see("second write", pair.client.write("x"));
    co_await t.see("third write", pair.client.write("x"));
    co_await t.see("read", pair.client.read());
    co_await t.see("read", pair.client.read());
}

BEHAVIOUR("reading after a write to a peer that has closed, the end being read before") {
    stream_pair pair = co_await connected_pair();
    co_await pair.server.close();
    co_await t.see("read", pair.client.read());
    co_await t.see("first write", pair.client.write("x"));
    co_await settle();
    co_await t.see("read", pair.client.read());
    co_await t.see("second write", pair.client.write("x"));
    co_await t.see("read", pair.client.read());
}

BEHAVIOUR("reading after a write to a peer that has closed, the end not being read before") {
    stream_pair pair = co_await connected_pair();
    co_await pair.server.close();
    co_await settle();
    co_await t.see("first write", pair.client.write("x"));
    co_await settle();
    co_await t.see("read", pair.client.read());
    co_await t.see("read", pair.client.read());
    co_await t.see("second write", pair.client.write("x"));
    co_await t.see("shutdown", pair.client.shutdown_write());
}

BEHAVIOUR("data that came before the peer's close is read after a write has failed") {
    stream_pair pair = co_await connected_pair();
    co_await pair.server.write("last words");
    co_await pair.server.close();
    co_await settle();
    co_await t.see("first write", pair.client.write("x"));
    co_await settle();
    co_await t.see("second write", pair.client.write("x"));
    co_await t.see("read", pair.client.read());
    co_await t.see("read", pair.client.read());
}

BEHAVIOUR("a stream that half closed and read the end is closed without a reset") {
    stream_pair pair = co_await connected_pair();
    co_await pair.client.write("bye");
    co_await pair.client.shutdown_write();
    co_await t.see("server reads", pair.server.read());
    co_await t.see("server reads", pair.server.read());
    co_await pair.server.close();
    co_await t.see("client reads", pair.client.read());
    co_await pair.client.close();
    t.note("client is open", pair.client.is_open());
}

BEHAVIOUR("writing to a peer that has half closed goes on") {
    stream_pair pair = co_await connected_pair();
    co_await pair.server.shutdown_write();
    co_await t.see("client reads", pair.client.read());
    for (const char* text : {"one", "two", "three"}) {
        co_await t.see("client writes", pair.client.write(text));
        co_await t.see("server reads", pair.server.read());
    }
}

BEHAVIOUR("a close may be repeated, and everything else on a closed stream gives closed") {
    stream_pair pair = co_await connected_pair();
    co_await t.see("close", pair.client.close());
    co_await t.see("close", pair.client.close());
    std::byte buffer[4];
    co_await t.see("read", pair.client.read());
    co_await t.see("read_some", pair.client.read_some(buffer));
    co_await t.see("read_some of nothing", pair.client.read_some(std::span<std::byte>()));
    co_await t.see("write", pair.client.write("x"));
    co_await t.see("write of nothing", pair.client.write(""));
    co_await t.see("shutdown", pair.client.shutdown_write());
    pair.client.abort();
    t.note("is open", pair.client.is_open());
}
