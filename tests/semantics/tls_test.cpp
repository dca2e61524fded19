// What asyncio and trio promise of TLS: rows 140, 142 and 143 of the list that the tests in this directory follow.
#include <doctest/doctest.h>

#include <array>
#include <random>

#include <libasync/testing/wait_all_tasks_blocked.hpp>

#include <tests/support/observed_stream.hpp>
#include <tests/support/scripted.hpp>
#include <tests/support/tls.hpp>

using namespace async_tests;
using async::testing::wait_all_tasks_blocked;

namespace {

const tls_context& client_side() { return the_tls_world().client_context; }
const tls_context& server_side() { return the_tls_world().server_context; }

tls_options with_handshake_in(std::chrono::milliseconds limit) {
    tls_options options = quick_options;
    options.handshake_timeout = limit;
    return options;
}

tls_options with_shutdown_in(std::chrono::milliseconds limit) {
    tls_options options = quick_options;
    options.shutdown_timeout = limit;
    return options;
}

// Until the peer has closed, in whatever way.
task<void> drain(tcp_stream& stream) {
    for (;;) {
        auto data = co_await as_result(stream.read());
        if (!data || data->empty()) co_return;
    }
}

task<void> send_and_close(tls_stream& stream, std::string_view text) {
    co_await stream.write(text);
    co_await stream.close();
}

}  // namespace

// ssl::test_flush_before_shutdown
TEST_CASE("140: close lets a slow peer read all that was written, and then the end") {
    async::run([]() -> task<void> {
        tls_pair pair = co_await connected_tls(with_shutdown_in(30s));
        const std::string text = pattern(4 << 20);
        auto closing = create_task(send_and_close(pair.client, text));
        std::string got;
        for (;;) {
            const chunk data = co_await pair.server.read();
            if (data.empty()) break;
            got += data.text();
            co_await yield();
        }
        CHECK(got == text);
        co_await pair.server.close();
        co_await closing;
    }());
}

// ssl::test_remote_shutdown_receives_trailing_data
TEST_CASE("140: who has said that it writes no more reads on, and its peer writes on") {
    for (const tls_version version : {tls_version::tls_1_2, tls_version::tls_1_3}) {
        const std::string ca = the_tls_world().root.certificate();
        const tls_context client = tls_context::client({.ca_pem = ca, .max_version = version});
        async::run([](tls_context client) -> task<void> {
            stream_pair tcp = co_await connected_pair();
            tls_pair pair = co_await tls_between(std::move(tcp), client, server_side());
            co_await pair.client.shutdown_write();
            const std::string nothing = co_await read_all(pair.server);
            CHECK(nothing.empty());
            const std::string text = pattern(300'000);
            auto [unused, got] = co_await gather(send_and_close(pair.server, text), read_all(pair.client));
            CHECK(got == text);
            const std::error_code code = co_await error_of(pair.client.write("late"));
            CHECK(code == std::errc::broken_pipe);
            co_await pair.client.close();
        }(client));
    }
}

// ssl::test_shutdown_cleanly, on both sides at once and one after the other
TEST_CASE("140: both ends close without waiting for their time-outs") {
    async::run([]() -> task<void> {
        const time_point before = this_loop().now();
        for (int i = 0; i < 10; ++i) {
            tls_pair pair = co_await connected_tls(with_shutdown_in(1h));
            if (i % 2 == 0) {
                co_await gather(pair.client.close(), pair.server.close());
            } else {
                auto closing = create_task(pair.client.close());
                const std::string rest = co_await read_all(pair.server);
                CHECK(rest.empty());
                co_await pair.server.close();
                co_await closing;
            }
            co_await pair.client.close();
        }
        CHECK(this_loop().now() - before < 1h);
    }());
}

TEST_CASE("140: a peer that never says its end is waited for until the shutdown's time-out, and no longer") {
    async::run([]() -> task<void> {
        stream_pair tcp = co_await connected_pair();
        tls_pair pair = co_await tls_between(std::move(tcp), client_side(), server_side(), with_shutdown_in(20ms));
        const time_point before = this_loop().now();
        co_await pair.client.close();
        CHECK(this_loop().now() - before >= 20ms);
        const std::string rest = co_await read_all(pair.server);
        CHECK(rest.empty());
    }());
}

TEST_CASE("140: a peer that reads nothing holds up a close until the shutdown's time-out, and no longer") {
    async::run([]() -> task<void> {
        tls_pair pair = co_await connected_tls(with_shutdown_in(20ms));
        const std::string text = pattern(32 << 20);
        auto writing = create_task(error_of(send_and_close(pair.client, text)));
        co_await wait_all_tasks_blocked();
        co_await pair.client.close();
        const std::error_code code = co_await writing;
        CHECK(code == errc::closed);
    }());
}

TEST_CASE("140: a close does not fail because the peer is gone, nor because it goes on to write") {
    async::run([]() -> task<void> {
        for (const bool gone : {true, false}) {
            tls_pair pair = co_await connected_tls(with_shutdown_in(20ms));
            auto flood = create_task([](tls_stream& stream) -> task<void> {
                const std::string text = pattern(100'000);
                for (;;) co_await stream.write(text);
            }(pair.server));
            co_await wait_all_tasks_blocked();
            if (gone) pair.server.abort();
            co_await pair.client.close();
            CHECK_FALSE(pair.client.is_open());
            co_await flood.wait();
            CHECK(flood.exception() != nullptr);
        }
    }());
}

// ssl::test_ssl_handshake_timeout, ssl::test_create_connection_ssl_slow_handshake
TEST_CASE("140: a handshake with a silent peer fails in its time, and the transport is closed") {
    async::run([]() -> task<void> {
        stream_pair tcp = co_await connected_pair();
        std::string message = co_await message_of(
            tls_stream::upgrade(std::move(tcp.client), client_side(), with_handshake_in(20ms)));
        CHECK(message == "TLS handshake with localhost: not done in 20 ms");
        co_await drain(tcp.server);
        tcp = co_await connected_pair();
        const std::error_code code =
            co_await error_of(tls_stream::accept(std::move(tcp.server), server_side(), with_handshake_in(20ms)));
        CHECK(code == tls_errc::handshake_timed_out);
        CHECK(code == std::errc::timed_out);
        co_await drain(tcp.client);
    }());
}

// sslproto::test_close_during_handshake, ssl::test_connection_lost_during_handshake
TEST_CASE("140: a peer that closes during the handshake fails it") {
    async::run([]() -> task<void> {
        stream_pair tcp = co_await connected_pair();
        co_await tcp.server.shutdown_write();
        std::string message =
            co_await message_of(tls_stream::upgrade(std::move(tcp.client), client_side(), quick_options));
        CHECK(message == "TLS with localhost: the connection ended without the end of TLS");
        tcp = co_await connected_pair();
        tcp.client.abort();
        const std::error_code code = co_await error_of(tls_stream::accept(std::move(tcp.server), server_side()));
        CHECK(code);
    }());
}

TEST_CASE("140: a handshake that is cancelled closes the transport") {
    async::run([]() -> task<void> {
        stream_pair tcp = co_await connected_pair();
        auto handshake = create_task(tls_stream::upgrade(std::move(tcp.client), client_side(), quick_options));
        const chunk hello = co_await tcp.server.read();
        CHECK_FALSE(hello.empty());
        handshake.cancel();
        co_await handshake.wait();
        CHECK(handshake.cancelled());
        co_await drain(tcp.server);
    }());
}

// trio:test_ssl.py::test_full_duplex_basics
TEST_CASE("142: both directions are full at the same time, from two tasks on each side") {
    async::run([]() -> task<void> {
        tls_pair pair = co_await connected_tls();
        const std::string one = pattern(3 << 20);
        const std::string other(2 << 20, 'o');
        auto send = [](tls_stream& stream, std::string_view text) -> task<void> {
            co_await stream.write(text);
            co_await stream.shutdown_write();
        };
        auto [a, b, at_server, at_client] = co_await gather(send(pair.client, one), send(pair.server, other),
                                                            read_all(pair.server), read_all(pair.client));
        CHECK(at_server == one);
        CHECK(at_client == other);
    }());
}

// trio:test_ssl.py::test_renegotiation_randomized, with what TLS 1.3 has instead
TEST_CASE("142: new keys are asked for at random moments in both directions, and no byte is lost") {
    async::run([]() -> task<void> {
        tls_pair pair = co_await connected_tls();
        const std::string text = pattern(100'000);
        auto send = [](tls_stream& stream, std::string_view text, unsigned seed) -> task<void> {
            std::minstd_rand random(seed);
            while (!text.empty()) {
                if (random() % 3 == 0) stream.renew_keys();
                const std::string_view part = text.substr(0, random() % 1000);
                co_await stream.write(part);
                text.remove_prefix(part.size());
                if (random() % 4 == 0) co_await yield();
                if (random() % 8 == 0) co_await sleep(std::chrono::microseconds(random() % 300));
            }
            stream.renew_keys();
            co_await stream.shutdown_write();
        };
        auto [a, b, at_server, at_client] =
            co_await gather(send(pair.client, text, 1), send(pair.server, text, 2), read_all(pair.server),
                            read_all(pair.client));
        CHECK(at_server == text);
        CHECK(at_client == text);
    }());
}

TEST_CASE("142: new keys are asked for while everything is full in both directions") {
    async::run([]() -> task<void> {
        tls_pair pair = co_await connected_tls();
        const std::string text = pattern(8 << 20);
        auto send = [](tls_stream& stream, std::string_view text) -> task<void> {
            co_await stream.write(text);
            co_await stream.shutdown_write();
        };
        auto a = create_task(send(pair.client, text));
        auto b = create_task(send(pair.server, text));
        co_await wait_all_tasks_blocked();
        CHECK_FALSE(a.done());
        CHECK_FALSE(b.done());
        for (int i = 0; i < 10; ++i) {
            pair.client.renew_keys();
            pair.server.renew_keys();
        }
        auto [at_server, at_client] = co_await gather(read_all(pair.server), read_all(pair.client));
        CHECK(at_server == text);
        CHECK(at_client == text);
    }());
}

// sslproto::test_start_tls_client_reg_proto_1, start_tls_server
TEST_CASE("143: TLS begins in the middle of a connection, also with bytes of it that were read before") {
    async::run([]() -> task<void> {
        stream_pair tcp = co_await connected_pair();
        auto client = [](tcp_stream stream) -> task<void> {
            co_await stream.write("STARTTLS\n");  // and does not wait for an answer
            tls_stream secure = co_await tls_stream::upgrade(std::move(stream), client_side(), quick_options);
            co_await secure.write("secret");
            co_await secure.close();
        };
        auto server = [](tcp_stream stream) -> task<std::string> {
            std::string received;
            while (received.size() < 20) {  // of the command, and of what comes behind it
                const chunk data = co_await stream.read();
                CHECK_FALSE(data.empty());
                if (data.empty()) break;
                received += data.text();
            }
            CHECK(received.starts_with("STARTTLS\n"));
            tls_options options = quick_options;
            options.already_read = std::string_view(received).substr(9);
            auto accepting = tls_stream::accept(std::move(stream), server_side(), options);
            received.assign(received.size(), '?');
            tls_stream secure = co_await std::move(accepting);
            co_return co_await read_all(secure);
        };
        auto [unused, got] = co_await gather(client(std::move(tcp.client)), server(std::move(tcp.server)));
        CHECK(got == "secret");
    }());
}

TEST_CASE("143: what the loop has read ahead of TLS is not lost") {
    async::run([]() -> task<void> {
        stream_pair tcp = co_await connected_pair();
        auto client = [](tcp_stream stream) -> task<void> {
            co_await stream.write("STARTTLS\n");
            const chunk go_on = co_await stream.read();
            CHECK(go_on.text() == "+");
            tls_stream secure = co_await tls_stream::upgrade(std::move(stream), client_side(), quick_options);
            co_await secure.write("secret");
            co_await secure.close();
        };
        auto server = [](tcp_stream stream) -> task<std::string> {
            const chunk command = co_await stream.read();
            CHECK_FALSE(command.empty());
            co_await stream.write("+");
            co_await wait_all_tasks_blocked();  // the client's first message is there
            tls_stream secure = co_await tls_stream::accept(std::move(stream), server_side(), quick_options);
            co_return co_await read_all(secure);
        };
        auto [unused, got] = co_await gather(client(std::move(tcp.client)), server(std::move(tcp.server)));
        CHECK(got == "secret");
    }());
}

namespace {

// Hands on bytes one by one, at most so many, and then waits for the end without reading on.
task<void> relay_slowly(tcp_stream& from, tcp_stream& to, std::size_t most) {
    std::array<std::byte, 1> one;
    for (std::size_t i = 0; i < most; ++i) {
        result<std::size_t> count = co_await as_result(from.read_some(one));
        if (!count || *count == 0) co_return;
        result<void> written = co_await as_result(to.write(one));
        if (!written) co_return;
        co_await yield();
    }
}

}  // namespace

// ssl::test_start_tls_slow_client_cancel
TEST_CASE("143: a handshake with a peer that sends byte by byte comes to its end") {
    async::run([]() -> task<void> {
        stream_pair left = co_await connected_pair();
        stream_pair right = co_await connected_pair();
        auto there = create_task(relay_slowly(left.server, right.client, std::size_t(-1)));
        auto back = create_task(relay_slowly(right.client, left.server, std::size_t(-1)));
        auto [client, server] =
            co_await gather(tls_stream::upgrade(std::move(left.client), client_side(), quick_options),
                            tls_stream::accept(std::move(right.server), server_side(), quick_options));
        co_await client.write("hello");
        const chunk data = co_await server.read();
        CHECK(data.text() == "hello");
        client.abort();
        server.abort();
        co_await there.wait();
        co_await back.wait();
    }());
}

TEST_CASE("143: a handshake is cancelled wherever its slow peer has stopped") {
    async::run([]() -> task<void> {
        for (std::size_t most = 0; most < 700; most += 97) {
            stream_pair left = co_await connected_pair();
            stream_pair right = co_await connected_pair();
            auto there = create_task(relay_slowly(left.server, right.client, std::size_t(-1)));
            auto back = create_task(relay_slowly(right.client, left.server, most));
            auto upgrade = create_task(tls_stream::upgrade(std::move(left.client), client_side(), quick_options));
            auto accept = create_task(tls_stream::accept(std::move(right.server), server_side(), quick_options));
            co_await wait_all_tasks_blocked();
            CHECK_FALSE(upgrade.done());
            upgrade.cancel();
            accept.cancel();
            co_await upgrade.wait();
            co_await accept.wait();
            CHECK(upgrade.cancelled());
            CHECK(accept.cancelled());
            there.cancel();
            back.cancel();
            co_await there.wait();
            co_await back.wait();
        }
    }());
}
