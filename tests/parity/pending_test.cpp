// What happens to a read or a write that waits when either end does something.
#include <tests/parity/behaviour.hpp>

namespace {

using namespace parity;

enum class end { close, destroy, abort, assign };

constexpr end ends[] = {end::close, end::destroy, end::abort, end::assign};

const char* name_of(end how) {
    switch (how) {
        case end::close: return "close";
        case end::destroy: return "destroy";
        case end::abort: return "abort";
        case end::assign: return "assign";
    }
    return "?";
}

task<void> end_it(std::optional<tcp_stream>& stream, end how) {
    switch (how) {
        case end::close: co_await stream->close(); break;
        case end::destroy: stream.reset(); break;
        case end::abort: stream->abort(); break;
        case end::assign: *stream = tcp_stream(); break;
    }
}

}  // namespace

BEHAVIOUR("a read that waits is ended by data") {
    stream_pair pair = co_await connected_pair();
    auto reading = t.begin("read", pair.client.read());
    co_await settle();
    t.note("ended already", reading.done());
    co_await pair.server.write("news");
    co_await reading.wait();
}

BEHAVIOUR("a read_some that waits is ended by data, and leaves what does not fit") {
    stream_pair pair = co_await connected_pair();
    std::byte buffer[3];
    auto reading = t.begin("read_some", pair.client.read_some(buffer));
    co_await settle();
    co_await pair.server.write("abcde");
    co_await reading.wait();
    co_await t.see("read", pair.client.read());
}

BEHAVIOUR("a read that waits is ended by the peer's close") {
    stream_pair pair = co_await connected_pair();
    auto reading = t.begin("read", pair.client.read());
    co_await settle();
    co_await pair.server.close();
    co_await reading.wait();
}

BEHAVIOUR("a read that waits is ended by the peer's half close") {
    stream_pair pair = co_await connected_pair();
    auto reading = t.begin("read", pair.client.read());
    co_await settle();
    co_await pair.server.shutdown_write();
    co_await reading.wait();
    co_await pair.client.write("other direction");
    co_await t.see("server reads", pair.server.read());
}

BEHAVIOUR("a read that waits is ended by the peer's abort, with an error that stays") {
    stream_pair pair = co_await connected_pair();
    auto reading = t.begin("read", pair.client.read());
    co_await settle();
    pair.server.abort();
    co_await reading.wait();
    co_await t.see("read", pair.client.read());
    co_await t.see("write", pair.client.write("x"));
}

BEHAVIOUR("a read_some that waits is ended by the peer's abort, with an error that stays") {
    stream_pair pair = co_await connected_pair();
    std::byte buffer[4];
    auto reading = t.begin("read_some", pair.client.read_some(buffer));
    co_await settle();
    pair.server.abort();
    co_await reading.wait();
    co_await t.see("read_some", pair.client.read_some(buffer));
    co_await t.see("read", pair.client.read());
    co_await t.see("read_some of nothing", pair.client.read_some(std::span<std::byte>()));
}

BEHAVIOUR("a read that waits goes on through one's own half close") {
    stream_pair pair = co_await connected_pair();
    auto reading = t.begin("read", pair.client.read());
    co_await settle();
    co_await t.see("shutdown", pair.client.shutdown_write());
    co_await settle();
    t.note("read has ended", reading.done());
    co_await pair.server.write("answer");
    co_await reading.wait();
}

BEHAVIOUR("a write that does not fit waits until the peer reads") {
    stream_pair pair = co_await connected_pair(narrow);
    auto writing = t.begin_silently("write", pair.client.write(much()));
    co_await settle();
    t.note("write has ended", writing.done());
    const std::string text = co_await read_exactly(pair.server, much().size());
    co_await t.noted(writing);
    t.note("as it was sent", text == much());
    t.note("written", pair.client.written());
}

BEHAVIOUR("a write that waits is ended by the peer's close, and poisons the stream") {
    stream_pair pair = co_await connected_pair(narrow);
    auto writing = t.begin("write", pair.client.write(much()));
    co_await settle();
    co_await pair.server.close();
    co_await writing.wait();
    t.note("written less than all", pair.client.written() < much().size());
    co_await t.see("write", pair.client.write("x"));
    co_await t.see("write", pair.client.write("x"));
    co_await t.see("read", pair.client.read());
}

BEHAVIOUR("a write that waits is ended by the peer's abort") {
    stream_pair pair = co_await connected_pair(narrow);
    auto writing = t.begin("write", pair.client.write(much()));
    co_await settle();
    pair.server.abort();
    co_await writing.wait();
    co_await t.see("write", pair.client.write("x"));
    co_await t.see("shutdown", pair.client.shutdown_write());
}

BEHAVIOUR("a write that waits goes on through the peer's half close") {
    stream_pair pair = co_await connected_pair(narrow);
    auto writing = t.begin_silently("write", pair.client.write(much()));
    co_await settle();
    co_await pair.server.shutdown_write();
    co_await t.see("read", pair.client.read());
    t.note("write has ended", writing.done());
    const std::string text = co_await read_exactly(pair.server, much().size());
    t.note("as it was sent", text == much());
    co_await t.noted(writing);
}

BEHAVIOUR("a read and a write that wait, when the peer aborts") {
    stream_pair pair = co_await connected_pair(narrow);
    auto reading = t.begin_silently("read", pair.client.read());
    auto writing = t.begin_silently("write", pair.client.write(much()));
    co_await settle();
    pair.server.abort();
    const std::string read = co_await reading;
    const std::string write = co_await writing;
    // The kernel tells of a reset once, to whoever asks first.
    t.note("the read has ended", read == "read: end" || read == "read: generic:ECONNRESET");
    t.note("the write has failed", write == "write: generic:EPIPE" || write == "write: generic:ECONNRESET");
}

BEHAVIOUR("two ends that write and do not read both wait, and go on when both read") {
    stream_pair pair = co_await connected_pair(narrow);
    auto up = t.begin_silently("client's write", pair.client.write(much()));
    auto down = t.begin_silently("server's write", pair.server.write(much()));
    co_await settle();
    t.note("client's write has ended", up.done());
    t.note("server's write has ended", down.done());
    auto [at_server, at_client] =
        co_await gather(read_exactly(pair.server, much().size()), read_exactly(pair.client, much().size()));
    co_await t.noted(up);
    co_await t.noted(down);
    t.note("as it was sent", at_server == much() && at_client == much());
}

BEHAVIOUR("one's own close, in each form, ends a read and a write that wait") {
    for (const end how : ends) {
        stream_pair pair = co_await connected_pair(narrow);
        std::optional<tcp_stream> stream = std::move(pair.client);
        auto reading = t.begin_silently("read", stream->read());
        auto writing = t.begin_silently("write", stream->write(much()));
        co_await settle();
        t.note(name_of(how));
        co_await end_it(stream, how);
        co_await t.noted(reading);
        co_await t.noted(writing);
    }
}

BEHAVIOUR("the peer of a close with a write that waits reads what was taken, then the end; of an abort, a reset") {
    for (const end how : ends) {
        stream_pair pair = co_await connected_pair(narrow);
        std::optional<tcp_stream> stream = std::move(pair.client);
        auto writing = t.begin_silently("write", stream->write(much()));
        co_await settle();
        t.note(name_of(how));
        co_await end_it(stream, how);
        co_await read_to_the_end(t, pair.server, much());
        co_await t.noted(writing);
    }
}

BEHAVIOUR("a second read is busy, the first goes on") {
    stream_pair pair = co_await connected_pair();
    auto reading = t.begin("first read", pair.client.read());
    co_await settle();
    std::byte buffer[4];
    co_await t.see("second read", pair.client.read());
    co_await t.see("read_some", pair.client.read_some(buffer));
    co_await pair.server.write("for the first");
    co_await reading.wait();
}

BEHAVIOUR("a read is busy while a read_some waits") {
    stream_pair pair = co_await connected_pair();
    std::byte buffer[4];
    auto reading = t.begin("read_some", pair.client.read_some(buffer));
    co_await settle();
    co_await t.see("read", pair.client.read());
    co_await pair.server.close();
    co_await reading.wait();
}

BEHAVIOUR("a second write is busy, and so is a half close; the first goes on") {
    stream_pair pair = co_await connected_pair(narrow);
    auto writing = t.begin_silently("first write", pair.client.write(much()));
    co_await settle();
    co_await t.see("second write", pair.client.write("x"));
    co_await t.see("shutdown", pair.client.shutdown_write());
    const std::string text = co_await read_exactly(pair.server, much().size());
    co_await t.noted(writing);
    t.note("as it was sent", text == much());
    co_await t.see("shutdown", pair.client.shutdown_write());
    co_await t.see("server reads", pair.server.read());
}

BEHAVIOUR("reading and writing at once is not busy") {
    stream_pair pair = co_await connected_pair(narrow);
    auto reading = t.begin_silently("read", pair.client.read());
    auto writing = t.begin_silently("write", pair.client.write(much()));
    co_await settle();
    co_await pair.server.write("for the reader");
    co_await t.noted(reading);
    const std::string text = co_await read_exactly(pair.server, much().size());
    co_await t.noted(writing);
    t.note("as it was sent", text == much());
}

BEHAVIOUR("a close takes the stream when it is called; a second one finds nothing to close") {
    stream_pair pair = co_await connected_pair();
    task<void> first = pair.client.close();
    t.note("open after the call", pair.client.is_open());
    co_await t.see("second close", pair.client.close());
    co_await t.see("first close", std::move(first));
    co_await t.see("server reads", pair.server.read());
}
