// What a tls_stream makes of a transport that ends or changes bytes, and of a peer that does not keep to the rules.
#include <libasync/net/tls_stream.hpp>

#include <doctest/doctest.h>

#include <array>

#include <libasync/testing/wait_all_tasks_blocked.hpp>

#include <tests/support/observed_tls.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;
using async::testing::wait_all_tasks_blocked;

namespace {

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
        const std::string message = co_await message_of(
            tls_stream::accept(std::move(tcp.server), the_tls_world().server_context, quick_options));
        CHECK(message == "TLS with localhost: http request");
    }());
}

TEST_CASE("a reset in the midst of a handshake is told as one") {
    async::run([]() -> task<void> {
        stream_pair tcp = co_await connected_pair();
        auto begin = [](tcp_stream stream) -> task<void> {
            const chunk hello = co_await stream.read();
            CHECK_FALSE(hello.empty());
            co_await stream.write("\x16\x03\x03");  // of a record
            stream.abort();
        };
        auto [unused, code] = co_await gather(
            begin(std::move(tcp.server)),
            error_of(tls_stream::upgrade(std::move(tcp.client), the_tls_world().client_context, quick_options)));
        CHECK(was_reset(code));
    }());
}

TEST_CASE("answers to a peer that asks for new keys are bounded while they cannot be sent, and nothing is lost") {
    async::run([]() -> task<void> {
        observed_pair pair = co_await connected_observed();
        constexpr std::size_t rounds = 4500;  // whose answers are more than a buffer holds
        auto ask = [](tls_stream& stream) -> task<void> {
            for (std::size_t i = 0; i < rounds; ++i) {
                stream.renew_keys();
                co_await stream.write("x");
            }
            co_await stream.shutdown_write();
        };
        auto count = [](tls_stream& stream, std::size_t& read) -> task<void> {
            for (;;) {
                const chunk data = co_await stream.read();
                if (data.empty()) co_return;
                read += data.size();
            }
        };
        pair.of_client->held = true;
        std::size_t read = 0;
        auto reading = create_task(count(pair.client, read));
        auto asking = create_task(ask(pair.server));
        auto answers = create_task(read_all(pair.server));
        while (read < 3000) co_await sleep(1ms);  // that many answers have room
        co_await wait_all_tasks_blocked();
        CHECK(read < rounds);
        pair.of_client->held = false;
        pair.of_client->released.set();
        co_await reading;
        CHECK(read == rounds);
        co_await asking;
        co_await pair.client.write("still there");
        co_await pair.client.shutdown_write();
        const std::string got = co_await answers;
        CHECK(got == "still there");
    }());
}
