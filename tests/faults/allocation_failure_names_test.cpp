// Memory runs out while names are looked up.
#include <doctest/doctest.h>

#include <array>
#include <string>

#include <libasync/net/proxy.hpp>

#include <tests/support/allocation_failure.hpp>
#include <tests/support/fake_proxy.hpp>
#include <tests/support/names.hpp>
#include <tests/support/refusing.hpp>

using namespace async_tests;

TEST_CASE("without memory a name is not looked up, or has its addresses") {
    test_names names;  // the system's own threads would keep what they need of memory
    survives([]() -> task<void> {
        if (on_sim()) sim::set_name("fast", "127.0.0.7");
        auto [a, b] = co_await gather(resolve("fast", 80), resolve("fast", "81"));
        must_hold(a.size() == 1 && b.size() == 1, "it has an address");
        const auto numbers = co_await resolve("::1", 80);
        must_hold(numbers.size() == 1, "so have numbers");
        static_cast<void>(co_await resolve("fast", 80, {.max_age = 0s}));
        forget_resolved();
    });
}

TEST_CASE("without memory connect gives a stream, or leaves nothing") {
    survives([]() -> task<void> {
        const refusing_port nobody;
        tcp_listener listener = tcp_listener::bind(endpoint::loopback(0));
        const std::array both{nobody.where(), listener.local_endpoint()};
        tcp_stream client;
        try {
            client = co_await connect_any(both, {.attempt_timeout = 1h});
        } catch (const connect_error& e) {
            // All of them: one refused, one lacked the memory.
            must_hold(e.failures().size() == 2, "each address has failed");
            throw std::bad_alloc();
        }
        co_await client.close();
        tcp_stream numbers = co_await connect("127.0.0.1", listener.local_endpoint().port());
        co_await numbers.close();
        co_await listener.close();
    });
}

TEST_CASE("without memory a proxy gives a stream, or the connection is closed") {
    survives([]() -> task<void> {
        tcp_listener listener = tcp_listener::bind(endpoint::loopback(0));
        tcp_stream client = co_await connect(listener.local_endpoint());
        tcp_stream server;
        {
            const async::testing::no_failures meanwhile;
            server = co_await listener.accept();
            co_await server.write(socks_no_password + socks_done);  // said before it is asked
        }
        tcp_stream stream = co_await socks5_connect(std::move(client), "example.org", 443);
        must_hold(stream.is_open(), "it leads to the other end");
        co_await stream.close();
        co_await server.close();
        co_await listener.close();
    });
}
