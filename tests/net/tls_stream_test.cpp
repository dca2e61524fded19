#include <libasync/net/tls_stream.hpp>

#include <doctest/doctest.h>

#include <array>

#include <libasync/testing/check_stream.hpp>
#include <libasync/net/any_stream.hpp>

#include <tests/support/observed_tls.hpp>
#include <tests/support/scripted.hpp>
#include <tests/support/tls.hpp>

using namespace async_tests;
using async::testing::wait_all_tasks_blocked;

namespace {

// Time enough to send what is left, also in pieces of three bytes.
task<tls_pair> connected() { return connected_tls({.server_name = "localhost", .shutdown_timeout = 1s}); }

struct any_pair {
    any_stream client;
    any_stream server;

    any_pair(any_stream c, any_stream s) : client(std::move(c)), server(std::move(s)) {}
};

task<any_pair> connected_any() {
    tls_pair pair = co_await connected();
    co_return any_pair(std::move(pair.client), std::move(pair.server));
}

}  // namespace

TEST_CASE("tls_stream keeps what a byte_stream promises") {
    CHECK(byte_stream<tls_stream>);
    CHECK_NOTHROW(async::run(async::testing::check_stream(connected)));
}

TEST_CASE("and so it does inside an any_stream") {
    CHECK_NOTHROW(async::run(async::testing::check_stream(connected_any)));
}

TEST_CASE("a handshake agrees on version, cipher, protocol and name, and shows the certificate") {
    async::run([]() -> task<void> {
        tls_pair pair = co_await connected_tls();
        for (const tls_stream* stream : {&pair.client, &pair.server}) {
            CHECK(stream->version() == "TLSv1.3");
            CHECK(stream->cipher().starts_with("TLS_"));
            CHECK(stream->alpn().empty());
            CHECK(stream->is_open());
        }
        CHECK(pair.client.peer_subject() == "CN=localhost");
        CHECK(the_tls_world().server.certificate.starts_with(pair.client.peer_certificate()));
        CHECK(pair.client.peer_certificate().starts_with("-----BEGIN CERTIFICATE-----"));
        CHECK(pair.server.peer_subject().empty());
        CHECK(pair.server.peer_certificate().empty());
        CHECK(pair.server.server_name() == "localhost");
        co_await gather(pair.client.close(), pair.server.close());
    }());
}

TEST_CASE("a stream with nothing inside is closed") {
    async::run([]() -> task<void> {
        tls_stream none;
        CHECK_FALSE(none.is_open());
        CHECK_FALSE(none.session_reused());
        CHECK(none.version().empty());
        CHECK(none.peer_certificate().empty());
        std::error_code code = co_await error_of(none.read());
        CHECK(code == errc::closed);
        code = co_await error_of(none.write("x"));
        CHECK(code == errc::closed);
        code = co_await error_of(none.shutdown_write());
        CHECK(code == errc::closed);
        CHECK_THROWS_AS(none.renew_keys(), std::system_error);
        none.abort();
        co_await none.close();
    }());
}

TEST_CASE("tls_connect connects and begins TLS, and copies what it is given") {
    async::run([]() -> task<void> {
        tcp_listener listener = tcp_listener::bind(endpoint::loopback(0));
        auto serve = [](tcp_listener& l) -> task<std::string> {
            tls_stream stream = co_await tls_stream::accept(co_await l.accept(), the_tls_world().server_context);
            const chunk data = co_await stream.read();
            co_await stream.close();
            co_return std::string(data.text());
        };
        auto served = create_task(serve(listener));
        auto name = std::make_unique<std::string>("localhost");
        auto connecting =
            tls_connect(listener.local_endpoint(), {.server_name = *name}, the_tls_world().client_context);
        *name = "elsewhere";
        name.reset();
        tls_stream client = co_await std::move(connecting);
        co_await client.write("hello");
        co_await client.close();
        const std::string got = co_await served;
        CHECK(got == "hello");
    }());
}

TEST_CASE("tls_connect by name verifies that name, or the one that the options give") {
    async::run([]() -> task<void> {
        tcp_listener listener = tcp_listener::bind(endpoint::loopback(0));
        auto serve = [](tcp_listener& l) -> task<std::string> {
            tls_stream stream = co_await tls_stream::accept(co_await l.accept(), the_tls_world().server_context);
            const std::string name = stream.server_name();
            co_await stream.close();
            co_return name;
        };
        const int port = listener.local_endpoint().port();
        for (const std::string_view name : {"", "localhost"}) {
            auto served = create_task(serve(listener));
            tls_stream client =
                co_await tls_connect("127.0.0.1", port, {.server_name = name}, the_tls_world().client_context);
            co_await client.close();
            const std::string asked = co_await served;
            CHECK(asked == name);  // a numeric address is verified, but not sent
        }
        auto served = create_task(error_of(serve(listener)));
        const std::string message = co_await message_of(
            tls_connect("127.0.0.1", port, {.server_name = "elsewhere"}, the_tls_world().client_context));
        CHECK(message == "TLS with elsewhere: certificate verify failed: hostname mismatch for elsewhere");
        co_await served;
    }());
}

TEST_CASE("tls_connect trusts whom the system trusts: nobody of ours") {
    async::run([]() -> task<void> {
        tcp_listener listener = tcp_listener::bind(endpoint::loopback(0));
        auto serve = [](tcp_listener& l) -> task<void> {
            tls_stream stream = co_await tls_stream::accept(co_await l.accept(), the_tls_world().server_context);
        };
        auto served = create_task(error_of(serve(listener)));
        const std::error_code code =
            co_await error_of(tls_connect(listener.local_endpoint(), {.server_name = "localhost"}));
        CHECK(code == tls_errc::certificate);
        const std::error_code told = co_await served;
        CHECK(told == tls_errc::protocol);
    }());
}

TEST_CASE("small buffers of one write make one record, and large ones full records") {
    async::run([]() -> task<void> {
        observed_pair pair = co_await connected_observed();
        constexpr std::size_t around = 5 + 1 + 16;  // header, type and tag of a record of TLS 1.3
        auto sizes = [&pair] { return std::exchange(pair.of_client->writes, {}); };
        sizes();
        co_await pair.client.write("ab", "", "cde", "f");
        auto seen = sizes();
        CHECK(seen == std::vector<std::size_t>{6 + around});
        const std::string large = pattern(20'000);
        co_await pair.client.write("head", large);
        seen = sizes();
        CHECK(seen == std::vector<std::size_t>{20'004 + 2 * around});
        co_await pair.client.write("", "");
        CHECK(sizes().empty());
        co_await pair.client.shutdown_write();
        const std::string got = co_await read_all(pair.server);
        CHECK(got == "abcdef" "head" + large);
        CHECK(pair.client.written() == got.size());
    }());
}

TEST_CASE("what several records hold is read at once if it is there") {
    async::run([]() -> task<void> {
        observed_pair pair = co_await connected_observed(quick_options, 100);
        co_await pair.server.write("behind the tickets");
        chunk data = co_await pair.client.read();
        pair.of_server->most_at_once = 3 * (3 + 22);  // three records of three bytes
        pair.of_server->all_at_once = true;
        for (int i = 0; i < 3; ++i) co_await pair.client.write("abc");
        data = co_await pair.server.read();
        CHECK(data.text() == "abcabcabc");
        for (int i = 0; i < 3; ++i) co_await pair.client.write("abc");
        std::array<char, 5> room;
        const std::size_t count = co_await pair.server.read_some(std::as_writable_bytes(std::span(room)));
        CHECK(std::string_view(room.data(), count) == "abcab");
        data = co_await pair.server.read();
        CHECK(data.text() == "cabc");
    }());
}

TEST_CASE("the transport may give single bytes") {
    async::run([]() -> task<void> {
        observed_pair pair = co_await connected_observed(quick_options, 1);
        const std::string text = pattern(5000);
        auto send = [](tls_stream& stream, std::string_view text) -> task<void> {
            co_await stream.write(text);
            co_await stream.shutdown_write();
        };
        auto [unused, got] = co_await gather(send(pair.client, text), read_all(pair.server));
        CHECK(got == text);
    }());
}

namespace {

// What somebody derives from any_stream, and writes in a way of its own.
class counting_stream : public any_stream {
public:
    counting_stream(any_stream s, std::shared_ptr<std::size_t> w) : any_stream(std::move(s)), writes_(std::move(w)) {}

    template <class... Buffers>
    task<void> write(const Buffers&... buffers) {
        ++*writes_;
        return any_stream::write(buffers...);
    }

private:
    std::shared_ptr<std::size_t> writes_;
};

}  // namespace

TEST_CASE("what is derived from any_stream is written to in its own way") {
    async::run([]() -> task<void> {
        stream_pair tcp = co_await connected_pair();
        const auto writes = std::make_shared<std::size_t>(0);
        auto [c, s] = co_await gather(
            tls_stream::upgrade(counting_stream(std::move(tcp.client), writes), the_tls_world().client_context,
                                quick_options),
            tls_stream::accept(std::move(tcp.server), the_tls_world().server_context, quick_options));
        const std::size_t of_handshake = *writes;
        CHECK(of_handshake > 0);
        co_await c.write("hello");
        CHECK(*writes == of_handshake + 1);
        co_await gather(c.close(), s.close());
    }());
}

TEST_CASE("many writes in a row let others run as one long write does") {
    async::run([]() -> task<void> {
        tls_pair pair = co_await connected_tls();
        auto reading = create_task(read_all(pair.server));
        int turns = 0;
        bool done = false;
        auto others = [](int& count, const bool& over) -> task<void> {
            while (!over) {
                co_await yield();
                ++count;
            }
        };
        auto other = create_task(others(turns, done));
        const std::string piece = pattern(16 << 10);
        constexpr int pieces = 40;
        for (int i = 0; i < pieces; ++i) co_await pair.client.write(piece);
        CHECK(turns >= pieces / 4 - 2);  // after each 64 KiB, but for the first time and the end
        done = true;
        co_await other;
        co_await pair.client.shutdown_write();
        const std::string got = co_await reading;
        CHECK(got.size() == pieces * piece.size());
        co_await gather(pair.client.close(), pair.server.close());
    }());
}

TEST_CASE("a stream that is closed while a long write lets others run ends that as closed, and delivers its part") {
    async::run([]() -> task<void> {
        tls_pair pair = co_await connected_tls({.server_name = "localhost", .shutdown_timeout = 10s});
        const std::string text = pattern(32 << 20);
        auto hear_out = [](tls_stream& stream) -> task<std::string> {
            std::string got = co_await read_all(stream);
            co_await stream.close();
            co_return got;
        };
        auto writing = create_task(error_of(pair.client.write(text)));
        while (pair.client.written() == 0) co_await async::sleep(0ms);
        auto reading = create_task(hear_out(pair.server));
        co_await pair.client.close();
        const std::error_code code = co_await writing;
        CHECK(code == errc::closed);
        const std::string got = co_await reading;
        CHECK(got.size() == pair.client.written());
        CHECK(text.starts_with(got));
    }());
}

TEST_CASE("TLS goes over TLS") {
    async::run([]() -> task<void> {
        tls_pair outer = co_await connected_tls();
        auto [c, s] = co_await gather(
            tls_stream::upgrade(std::move(outer.client), the_tls_world().client_context, quick_options),
            tls_stream::accept(std::move(outer.server), the_tls_world().server_context, quick_options));
        const std::string text = pattern(200'000);
        auto send = [](tls_stream& stream, std::string_view text) -> task<void> {
            co_await stream.write(text);
            co_await stream.close();
        };
        auto [unused, got] = co_await gather(send(c, text), read_all(s));
        CHECK(got == text);
        co_await s.close();
    }());
}

TEST_CASE("the end of the loop takes streams with what they wait for") {
    tls_stream left;
    async::run([](tls_stream& kept) -> task<void> {
        tls_pair pair = co_await connected_tls();
        kept = std::move(pair.client);
        auto full = [](tls_stream stream) -> task<void> {
            const std::string large = pattern(32 << 20);
            co_await stream.write(large);
        };
        create_task(full(std::move(pair.server)));
        co_await wait_all_tasks_blocked();
    }(left));
    left.abort();
    CHECK_FALSE(left.is_open());
}

TEST_CASE("TLS is read by lines, by number and to the end") {
    async::run([]() -> task<void> {
        tls_pair pair = co_await connected_tls();
        co_await pair.client.write("one\ntwo\n", "0123456789", "the rest");
        co_await pair.client.shutdown_write();
        std::string got = co_await pair.server.read_line();
        CHECK(got == "one\n");
        got = co_await pair.server.read_until("\n");
        CHECK(got == "two\n");
        std::array<char, 3> room;
        const std::size_t count = co_await pair.server.read_some(std::as_writable_bytes(std::span(room)));
        got = co_await pair.server.read_exactly(10 - count);
        CHECK(std::string(room.data(), count) + got == "0123456789");
        got = co_await pair.server.read_all();
        CHECK(got == "the rest");
        CHECK(pair.server.at_eof());
        co_await gather(pair.client.close(), pair.server.close());
    }());
}

TEST_CASE("TLS begins over a stream that has read a line, and bytes behind it") {
    async::run([]() -> task<void> {
        stream_pair tcp = co_await connected_pair();
        auto client = [](tcp_stream stream) -> task<void> {
            co_await stream.write("STARTTLS\n");
            tls_stream secure =
                co_await tls_stream::upgrade(std::move(stream), the_tls_world().client_context, quick_options);
            co_await secure.write("secret\n");
            co_await secure.close();
        };
        auto server = [](tcp_stream stream) -> task<std::string> {
            co_await wait_all_tasks_blocked();  // until all of the client's first message is there
            std::string line = co_await stream.read_line();
            CHECK(line == "STARTTLS\n");
            tls_stream secure =
                co_await tls_stream::accept(std::move(stream), the_tls_world().server_context, quick_options);
            co_return co_await secure.read_line();
        };
        auto [unused, got] = co_await gather(client(std::move(tcp.client)), server(std::move(tcp.server)));
        CHECK(got == "secret\n");
    }());
}
