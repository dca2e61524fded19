// TLS without memory. OpenSSL's own allocations are its own, and do not fail here.
#include <doctest/doctest.h>

#include <array>
#include <string>

#include <tests/support/allocation_failure.hpp>
#include <tests/support/network.hpp>
#include <tests/support/tls.hpp>

using namespace async_tests;

namespace {

task<void> send_and_end(tls_stream& stream, std::string_view text) {
    co_await stream.write(text.substr(0, 5), text.substr(5));
    co_await stream.shutdown_write();
}

task<void> expect(tls_stream& stream, std::string_view text) {
    std::size_t used = 0;
    for (;;) {
        const chunk data = co_await stream.read();
        if (data.empty()) break;
        must_hold(text.substr(used, data.size()) == data.text(), "the bytes arrive");
        used += data.size();
    }
    must_hold(used == text.size(), "all bytes arrive");
}

// A connection that ends for lack of memory on the other side.
task<void> blame_the_peer(task<void> side) {
    bool turned_away = false;
    try {
        co_await std::move(side);
    } catch (const std::system_error& e) {
        turned_away = e.code() != std::errc::not_enough_memory;
    }
    const async::testing::no_failures meanwhile;
    if (turned_away) throw std::system_error(std::make_error_code(std::errc::not_enough_memory), "the peer has left");
}

task<tcp_stream> knock(endpoint where) {
    tcp_stream stream = co_await async::connect(where);
    std::array<std::byte, 1> greeting;
    const std::size_t count = co_await stream.read_some(greeting);
    if (count == 0) throw std::system_error(std::make_error_code(std::errc::connection_reset), "knock");
    co_return stream;
}

task<void> be_client(endpoint where, tls_context context, std::string_view text) {
    tcp_stream transport = co_await knock(where);
    tls_stream stream = co_await tls_stream::upgrade(std::move(transport), context, quick_options);
    co_await send_and_end(stream, text);
    co_await stream.close();
}

task<void> be_server(tcp_listener& listener, tls_context context, std::string_view text) {
    tcp_stream transport = co_await listener.accept();
    co_await transport.write("!");
    tls_stream stream = co_await tls_stream::accept(std::move(transport), context, quick_options);
    co_await expect(stream, text);
    co_await stream.close();
}

const std::string& long_text() {
    static const std::string text = pattern(150'000);
    return text;
}

}  // namespace

TEST_CASE("without memory a context is not made") {
    tls_world& world = the_tls_world();
    survives([&world] {
        const tls_context context = tls_context::server(
            {.ca_pem = world.root.certificate(),
             .certificate_pem = world.server.certificate,
             .key_pem = world.server.key,
             .alpn = "h2",
             .client_certificates = tls_client_certificates::optional});
    });
}

TEST_CASE("without memory a reload changes nothing") {
    tls_world& world = the_tls_world();
    tls_context context =
        tls_context::server({.certificate_pem = world.server.certificate, .key_pem = world.server.key});
    survives([&] { context.reload_pem(world.server.certificate, world.server.key); });
}

TEST_CASE("without memory a handshake fails, or TLS carries every byte") {
    static_cast<void>(the_tls_world());
    static_cast<void>(long_text());
    const std::string ca = the_tls_world().root.certificate();
    survives([&ca]() -> task<void> {
        const tls_context client = tls_context::client({.ca_pem = ca});  // keeps sessions, so each run has its own
        tcp_listener listener = tcp_listener::bind(endpoint::loopback(0));
        co_await gather(blame_the_peer(be_client(listener.local_endpoint(), client, long_text())),
                        blame_the_peer(be_server(listener, the_tls_world().server_context, long_text())));
    });
}
