// What goes through a connection: sizes, pieces, both directions, chunks that are kept, options.
#include <tests/parity/behaviour.hpp>

#include <libasync/io/system_calls.hpp>

namespace {

using namespace parity;

const std::string& mebibyte() {
    static const std::string text = pattern(1 << 20);
    return text;
}

task<void> write_then_end(tcp_stream& stream, const std::string& text) {
    co_await stream.write(text);
    co_await stream.shutdown_write();
}

task<void> echo(tcp_stream& stream) {
    for (;;) {
        const chunk data = co_await stream.read();
        if (data.empty()) break;
        co_await stream.write(data);
    }
    co_await stream.shutdown_write();
}

// As the system of the loop sees it; a flag is 0 or 1.
int option_of(const tcp_stream& stream, io::socket_option option) {
    int value = -1;
    io::system_calls& system = detail::require_core("option_of").engine->calls();
    if (system.get_option(stream.handle(), option, value) != 0) return -1;
    return value;
}

}  // namespace

BEHAVIOUR("a read and a write of nothing are done at once") {
    stream_pair pair = co_await connected_pair();
    co_await t.see("read_some of nothing", pair.client.read_some(std::span<std::byte>()));
    co_await t.see("write of nothing", pair.client.write(""));
    co_await t.see("write of several nothings", pair.client.write("", "", ""));
    t.note("written", pair.client.written());
    co_await pair.client.write("something");
    co_await t.see("server reads", pair.server.read());
}

BEHAVIOUR("a read of nothing does not wait, nor takes what is there, nor sees the end") {
    stream_pair pair = co_await connected_pair();
    co_await pair.server.write("there");
    co_await pair.server.close();
    co_await settle();
    co_await t.see("read_some of nothing", pair.client.read_some(std::span<std::byte>()));
    co_await t.see("read", pair.client.read());
    co_await t.see("read_some of nothing", pair.client.read_some(std::span<std::byte>()));
    co_await t.see("read", pair.client.read());
}

BEHAVIOUR("many small writes arrive in order") {
    stream_pair pair = co_await connected_pair();
    std::string sent;
    for (int i = 0; i < 1000; ++i) {
        const std::string text = std::to_string(i) + " ";
        co_await pair.client.write(text);
        sent += text;
    }
    co_await pair.client.close();
    const std::string got = co_await read_all(pair.server);
    t.note("got", got);
    t.note("as it was sent", got == sent);
}

BEHAVIOUR("a write of several buffers is one stream of bytes") {
    stream_pair pair = co_await connected_pair();
    const std::string middle = "middle ";
    co_await t.see("write", pair.client.write("first ", middle, "", std::string_view("last")));
    t.note("written", pair.client.written());
    const std::string got = co_await read_exactly(pair.server, 17);
    t.note("got", got);
}

BEHAVIOUR("a write of several large buffers arrives whole") {
    stream_pair pair = co_await connected_pair(narrow);
    const std::string other = pattern(300'000);
    auto writing = t.begin_silently("write", pair.client.write(mebibyte(), "|", other));
    const std::string got = co_await read_exactly(pair.server, mebibyte().size() + 1 + other.size());
    co_await t.noted(writing);
    t.note("as it was sent", got == mebibyte() + "|" + other);
}

BEHAVIOUR("a mebibyte each way at once") {
    stream_pair pair = co_await connected_pair();
    auto up = create_task(write_then_end(pair.client, mebibyte()));
    auto down = create_task(write_then_end(pair.server, mebibyte()));
    auto [at_server, at_client] = co_await gather(read_all(pair.server), read_all(pair.client));
    co_await up;
    co_await down;
    t.note("server got", at_server);
    t.note("client got", at_client);
}

BEHAVIOUR("a mebibyte is echoed through narrow buffers") {
    stream_pair pair = co_await connected_pair(narrow);
    auto echoing = create_task(echo(pair.server));
    auto writing = create_task(write_then_end(pair.client, mebibyte()));
    const std::string got = co_await read_all(pair.client);
    t.note("got", got);
    co_await writing;
    co_await echoing;
}

BEHAVIOUR("read_some and read take turns on one stream") {
    stream_pair pair = co_await connected_pair();
    co_await pair.client.write("0123456789");
    co_await settle();
    std::byte buffer[3];
    co_await t.see("read_some", pair.server.read_some(buffer));
    co_await t.see("read", pair.server.read());
    co_await pair.client.write("abc");
    co_await settle();
    co_await t.see("read", pair.server.read());
    co_await pair.client.write("def");
    co_await t.see("read_some", pair.server.read_some(buffer));
}

BEHAVIOUR("what arrives while nobody reads is kept in order") {
    stream_pair pair = co_await connected_pair();
    auto reading = t.begin("read", pair.server.read());
    co_await settle();
    co_await pair.client.write("first");
    co_await reading.wait();
    for (const char* text : {"a", "b", "c", "d"}) {
        co_await pair.client.write(text);
        co_await settle();
    }
    co_await pair.client.close();
    const std::string rest = co_await read_all(pair.server);
    t.note("rest", rest);
}

BEHAVIOUR("the count of written bytes starts at nothing and grows") {
    stream_pair pair = co_await connected_pair();
    t.note("written", pair.client.written());
    co_await pair.client.write("12345");
    t.note("written", pair.client.written());
    co_await pair.client.write("678");
    t.note("written", pair.client.written());
    t.note("by the other", pair.server.written());
    co_await pair.client.close();
    t.note("after the close", pair.client.written());
}

BEHAVIOUR("a chunk stays after its stream is closed, and after its loop is gone") {
    auto kept = std::make_shared<chunk>();
    {
        stream_pair pair = co_await connected_pair();
        co_await pair.client.write("kept");
        *kept = co_await pair.server.read();
        co_await pair.server.close();
        t.note("after the close", *kept);
    }
    co_await settle();
    t.note("after the end of the stream", *kept);
    t.after_loop([kept, &t] {
        t.note("after the loop", *kept);
        kept->release();
        t.note("released", kept->empty());
    });
}

BEHAVIOUR("a stream outlives its loop, closed") {
    auto kept = std::make_shared<stream_pair>(co_await connected_pair());
    t.after_loop([kept, &t] {
        t.note("written", kept->client.written());
        kept->client.abort();
        t.note("open after an abort", kept->client.is_open());
    });
}

BEHAVIOUR("options are taken and can be read back") {
    using io::socket_option;
    stream_pair pair = co_await connected_pair({.no_delay = false, .keep_alive = true});
    t.note("client no_delay", option_of(pair.client, socket_option::no_delay) != 0);
    t.note("client keep_alive", option_of(pair.client, socket_option::keep_alive) != 0);
    t.note("server no_delay", option_of(pair.server, socket_option::no_delay) != 0);
    t.note("server keep_alive", option_of(pair.server, socket_option::keep_alive) != 0);
    pair.client.set_options({.no_delay = true, .keep_alive = false, .receive_buffer = 32768, .send_buffer = 32768});
    t.note("client no_delay", option_of(pair.client, socket_option::no_delay) != 0);
    t.note("client keep_alive", option_of(pair.client, socket_option::keep_alive) != 0);
    t.note("a receive buffer as asked", option_of(pair.client, socket_option::receive_buffer) >= 32768);
    t.note("a send buffer as asked", option_of(pair.client, socket_option::send_buffer) >= 32768);
}

BEHAVIOUR("no_delay is on and keep_alive off, if nobody says otherwise") {
    stream_pair pair = co_await connected_pair();
    for (const tcp_stream* stream : {&pair.client, &pair.server}) {
        t.note("no_delay", option_of(*stream, io::socket_option::no_delay) != 0);
        t.note("keep_alive", option_of(*stream, io::socket_option::keep_alive) != 0);
    }
}

BEHAVIOUR("options are refused by a closed stream, taken after the peer has closed or reset") {
    stream_pair pair = co_await connected_pair();
    co_await pair.server.close();
    co_await settle();
    t.attempt("after the peer's close", [&] { pair.client.set_options({.no_delay = false}); });
    co_await pair.client.close();
    t.attempt("after the close", [&] { pair.client.set_options({}); });
    stream_pair other = co_await connected_pair();
    other.server.abort();
    co_await settle();
    t.attempt("after a reset", [&] { other.client.set_options({}); });
}

BEHAVIOUR("a socket that is adopted without being connected says so") {
    io::system_calls& system = detail::require_core("parity").engine->calls();
    int error = 0;
    const native_handle handle = system.open_tcp_socket(address_family::ipv4, error);
    t.note("open", error);
    tcp_stream stream = tcp_stream::adopt(handle);
    t.note("is open", stream.is_open());
    std::byte buffer[4];
    co_await t.see("read_some", stream.read_some(buffer));
    co_await t.see("write", stream.write("x"));
    co_await t.see("shutdown", stream.shutdown_write());
    t.attempt("remote endpoint", [&] { static_cast<void>(stream.remote_endpoint()); });
    co_await t.see("close", stream.close());
}

BEHAVIOUR("a handle that is none cannot be adopted") {
    t.attempt("adopt", [] { static_cast<void>(tcp_stream::adopt(native_handle{987654})); });
    co_return;
}

BEHAVIOUR("the handle of a socket that was closed is the next one's") {
    stream_pair pair = co_await connected_pair();
    const native_handle before = pair.client.handle();
    co_await pair.client.close();
    tcp_listener listener = tcp_listener::bind(endpoint::loopback(0));
    tcp_stream next = co_await connect(listener.local_endpoint());
    t.note("valid", before != invalid_handle);
    // The lowest one that was free is the listener's: it was the first listener's too.
    t.note("used again", next.handle() == before);
    t.note("after the close", pair.client.handle() == invalid_handle);
}
