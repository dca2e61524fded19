#include <libasync/net/tls_stream.hpp>

#include <doctest/doctest.h>

#include <array>

#include <libasync/testing/check_stream.hpp>
#include <libasync/net/any_stream.hpp>

#include <tests/support/observed_stream.hpp>
#include <tests/support/scripted.hpp>
#include <tests/support/tls.hpp>

using namespace async_tests;
using async::testing::wait_all_tasks_blocked;

namespace {

task<tls_pair> connected() { return connected_tls(); }

struct any_pair {
    any_stream client;
    any_stream server;

    any_pair(any_stream c, any_stream s) : client(std::move(c)), server(std::move(s)) {}
};

task<any_pair> connected_any() {
    tls_pair pair = co_await connected_tls();
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

namespace {

using observer_ptr = std::shared_ptr<observed_stream::observer>;

// A pair whose transports are watched.
struct observed_pair {
    tls_stream client;
    tls_stream server;
    observer_ptr of_client;
    observer_ptr of_server;

    observed_pair(tls_stream c, tls_stream s, observer_ptr oc, observer_ptr os)
        : client(std::move(c)),
          server(std::move(s)),
          of_client(std::move(oc)),
          of_server(std::move(os)) {}
};

task<observed_pair> connected_observed(tls_options options = quick_options, std::size_t most_at_once = std::size_t(-1)) {
    stream_pair tcp = co_await connected_pair();
    observed_stream client(std::move(tcp.client));
    observed_stream server(std::move(tcp.server));
    const observer_ptr of_client = client.seen();
    const observer_ptr of_server = server.seen();
    of_client->most_at_once = of_server->most_at_once = most_at_once;
    auto [c, s] = co_await gather(
        tls_stream::upgrade(std::move(client), the_tls_world().client_context, options),
        tls_stream::accept(std::move(server), the_tls_world().server_context, options));
    co_return observed_pair(std::move(c), std::move(s), of_client, of_server);
}

// The client with TLS, its peer without: for what a peer does that TLS forbids.
struct raw_pair {
    tls_stream client;
    tls_stream server;
    std::shared_ptr<tcp_stream> below_server;

    raw_pair(tls_stream c, tls_stream s, std::shared_ptr<tcp_stream> b)
        : client(std::move(c)),
          server(std::move(s)),
          below_server(std::move(b)) {}
};

// Shares a stream with the test, which does to it what TLS would not.
class shared_stream {
public:
    explicit shared_stream(std::shared_ptr<tcp_stream> s) : stream_(std::move(s)) {}
    auto read() { return stream_->read(); }
    auto read_some(std::span<std::byte> into) { return stream_->read_some(into); }
    template <class... Buffers>
    auto write(const Buffers&... buffers) {
        return stream_->write(buffers...);
    }
    std::uint64_t written() const { return stream_->written(); }
    auto shutdown_write() { return stream_->shutdown_write(); }
    task<void> close() { return stream_->close(); }
    void abort() noexcept { stream_->abort(); }
    bool is_open() const { return stream_->is_open(); }

private:
    std::shared_ptr<tcp_stream> stream_;
};

task<raw_pair> connected_raw(tls_options options = quick_options) {
    stream_pair tcp = co_await connected_pair();
    auto below = std::make_shared<tcp_stream>(std::move(tcp.server));
    auto [c, s] = co_await gather(
        tls_stream::upgrade(std::move(tcp.client), the_tls_world().client_context, options),
        tls_stream::accept(shared_stream(below), the_tls_world().server_context, options));
    co_return raw_pair(std::move(c), std::move(s), std::move(below));
}

}  // namespace

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

TEST_CASE("the end of the transport without that of TLS is a truncation, told after all data, each time") {
    async::run([]() -> task<void> {
        raw_pair pair = co_await connected_raw();
        co_await pair.server.write("all there was");
        co_await pair.below_server->shutdown_write();
        const chunk data = co_await pair.client.read();
        CHECK(data.text() == "all there was");
        for (int i = 0; i < 2; ++i) {
            std::array<std::byte, 4> room;
            std::error_code code = co_await error_of(pair.client.read());
            CHECK(code == tls_errc::truncated);
            CHECK(code == std::errc::connection_aborted);
            code = co_await error_of(pair.client.read_some(room));
            CHECK(code == tls_errc::truncated);
        }
        const std::string message = co_await message_of(pair.client.read());
        CHECK(message == "TLS with localhost: the connection ended without the end of TLS");
        co_await pair.client.write("the other direction goes on");
        const chunk other = co_await pair.server.read();
        CHECK(other.text() == "the other direction goes on");
        co_await pair.client.close();
    }());
}

TEST_CASE("who tolerates truncation reads an end") {
    async::run([]() -> task<void> {
        tls_options options = quick_options;
        options.ignore_truncation = true;
        raw_pair pair = co_await connected_raw(options);
        co_await pair.server.write("all there was");
        co_await pair.below_server->shutdown_write();
        std::string got = co_await read_all(pair.client);
        CHECK(got == "all there was");
        got = co_await read_all(pair.client);
        CHECK(got.empty());
    }());
}

TEST_CASE("a record that is cut off in the middle is a truncation") {
    async::run([]() -> task<void> {
        raw_pair pair = co_await connected_raw();
        co_await pair.below_server->write(std::string_view("\x17\x03\x03\x01\x00 half", 10));
        co_await pair.below_server->shutdown_write();
        const std::error_code code = co_await error_of(pair.client.read());
        CHECK(code == tls_errc::truncated);
    }());
}

TEST_CASE("a byte that was changed on its way ends the stream, after what came before it") {
    async::run([]() -> task<void> {
        observed_pair pair = co_await connected_observed();
        co_await pair.server.write("behind the tickets");
        chunk data = co_await pair.client.read();
        pair.of_server->change_at = pair.of_server->bytes_read + 50;  // in the second record
        co_await pair.client.write("good");
        co_await pair.client.write(pattern(100));
        data = co_await pair.server.read();
        CHECK(data.text() == "good");
        for (int i = 0; i < 2; ++i) {
            const std::string message = co_await message_of(pair.server.read());
            CHECK_MESSAGE(message.find("bad record mac") != std::string::npos, message);
        }
        std::error_code code = co_await error_of(pair.server.write("x"));
        CHECK(code == tls_errc::protocol);
        const std::string told = co_await message_of(pair.client.read());
        CHECK_MESSAGE(told.find("alert bad record mac") != std::string::npos, told);
        co_await gather(pair.client.close(), pair.server.close());
    }());
}

TEST_CASE("what is not TLS at all is refused") {
    async::run([]() -> task<void> {
        stream_pair tcp = co_await connected_pair();
        co_await tcp.client.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        const std::string message =
            co_await message_of(tls_stream::accept(std::move(tcp.server), the_tls_world().server_context, quick_options));
        CHECK(message == "TLS with localhost: http request");
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

TEST_CASE("answers to a peer that asks for new keys and reads nothing are bounded, and nothing is lost") {
    async::run([]() -> task<void> {
        stream_pair tcp = co_await connected_pair({.receive_buffer = 1 << 16, .send_buffer = 1 << 16});
        tls_pair pair = co_await tls_between(std::move(tcp), the_tls_world().client_context,
                                             the_tls_world().server_context);
        const std::string large = pattern(4 << 20);
        constexpr int rounds = 8000;  // whose answers are more than a buffer holds
        auto ask = [](tls_stream& stream) -> task<void> {
            for (int i = 0; i < rounds; ++i) {
                stream.renew_keys();
                co_await stream.write("x");
            }
            co_await stream.shutdown_write();
        };
        auto writing = create_task([](tls_stream& stream, std::string_view text) -> task<void> {
            co_await stream.write(text);
            co_await stream.shutdown_write();
        }(pair.client, large));
        auto reading = create_task(read_all(pair.client));
        auto asking = create_task(ask(pair.server));
        co_await wait_all_tasks_blocked();
        CHECK_FALSE(writing.done());
        const std::string got = co_await read_all(pair.server);
        CHECK(got == large);
        co_await asking;
        co_await writing;
        const std::string asked = co_await reading;
        CHECK(asked == std::string(rounds, 'x'));
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
        CHECK(std::string_view(room.data(), count) == "012");
        got = co_await pair.server.read_exactly(7);
        CHECK(got == "3456789");
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
