#include <libasync/net/connect.hpp>

#include <doctest/doctest.h>

#include <array>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <tests/support/expect.hpp>
#include <tests/support/names.hpp>
#include <tests/support/network.hpp>
#include <tests/support/refusing.hpp>

using namespace async;
using namespace async_tests;
using namespace std::chrono_literals;

namespace {

// A connection to a listener of the test works both ways.
task<void> check_works(tcp_stream client, tcp_listener& listener) {
    tcp_stream server = co_await listener.accept();
    co_await client.write("hello");
    const std::string got = co_await read_exactly(server, 5);
    CHECK(got == "hello");
    co_await client.close();
    co_await server.close();
}

}  // namespace

TEST_CASE("connect takes a name and a port, a service, or numbers") {
    run([]() -> task<void> {
        tcp_listener listener = tcp_listener::bind(endpoint::loopback(0));
        const int port = listener.local_endpoint().port();
        tcp_stream by_name = co_await connect("localhost", port);
        CHECK(by_name.remote_endpoint() == listener.local_endpoint());
        co_await check_works(std::move(by_name), listener);
        co_await check_works(co_await connect("localhost", std::to_string(port)), listener);
        co_await check_works(co_await connect("127.0.0.1", port), listener);
        co_await check_works(co_await connect(listener.local_endpoint()), listener);
        const std::array<endpoint, 1> known{listener.local_endpoint()};
        co_await check_works(co_await connect_any(known), listener);
    }());
}

TEST_CASE("an address that refuses is told with its name and its code") {
    run([]() -> task<void> {
        const refusing_port nobody;
        const std::string port = std::to_string(nobody.where().port());
        std::optional<connect_error> error;
        try {
            co_await connect("127.0.0.1", nobody.where().port());
        } catch (const connect_error& e) {
            error = e;
        }
        REQUIRE(error);
        CHECK(error->code() == std::errc::connection_refused);
        CHECK(std::string(error->what()).starts_with("connect to 127.0.0.1:" + port + ": "));
        REQUIRE(error->failures().size() == 1);
        CHECK(error->failures()[0].address == nobody.where());
        CHECK(error->failures()[0].error == std::errc::connection_refused);
        const std::string by_name =
            co_await message_of(connect("localhost", nobody.where().port(), {.families = resolve_families::ipv4}));
        CHECK(by_name.starts_with("connect to localhost:" + port + ": tried 127.0.0.1:" + port + ": "));
    }());
}

TEST_CASE("when all addresses refuse, the error has each of them") {
    run([]() -> task<void> {
        const refusing_port first;
        const refusing_port second;
        const refusing_port third;
        const std::array all{first.where(), second.where(), third.where()};
        std::optional<connect_error> error;
        try {
            co_await connect_any(all, {.attempt_delay = 1h});
        } catch (const connect_error& e) {
            error = e;
        }
        REQUIRE(error);
        REQUIRE(error->failures().size() == 3);
        for (std::size_t i = 0; i < 3; ++i) {
            CHECK(error->failures()[i].address == all[i]);
            CHECK(error->failures()[i].error == std::errc::connection_refused);
            CHECK(std::string(error->what()).find(all[i].to_string()) != std::string::npos);
        }
    }());
}

TEST_CASE("an address that refuses is followed by the next at once") {
    run([]() -> task<void> {
        const refusing_port nobody;
        tcp_listener listener = tcp_listener::bind(endpoint::loopback(0));
        const std::array all{nobody.where(), nobody.where(), listener.local_endpoint()};
        co_await check_works(co_await connect_any(all, {.attempt_delay = 1h}), listener);
    }());
}

TEST_CASE("a server on one family is found by a name with both") {
    run([]() -> task<void> {
        if (!has_ipv6()) {
            MESSAGE("skipped: this machine has no IPv6");
            co_return;
        }
        // The same port must be free in both.
        tcp_listener listener;
        std::optional<refusing_port> nobody;
        for (int i = 0; !nobody; ++i) {
            REQUIRE(i < 100);
            listener = tcp_listener::bind(endpoint::loopback(0, address_family::ipv6));
            try {
                nobody.emplace(endpoint::loopback(listener.local_endpoint().port()));
            } catch (const std::runtime_error&) {
            }
        }
        const std::array v4_first{nobody->where(), listener.local_endpoint()};
        co_await check_works(co_await connect_any(v4_first, {.attempt_delay = 1h}), listener);
        const std::error_code only_v4 = co_await error_of(connect_any(v4_first, {.families = resolve_families::ipv4}));
        CHECK(only_v4 == std::errc::connection_refused);
    }());
}

TEST_CASE("a name that is not known is an error of resolve") {
    run([]() -> task<void> {
        const std::string message = co_await message_of(connect("nobody.invalid", 80));
        CHECK(message.starts_with("resolve nobody.invalid:80: "));
        const bool empty = co_await throws<resolve_error>(connect("", 80));
        CHECK(empty);
    }());
}

TEST_CASE("misuse is refused at the call") {
    const std::array v6{endpoint::loopback(80, address_family::ipv6)};
    CHECK_THROWS_AS(static_cast<void>(connect("localhost", 65536)), std::invalid_argument);
    CHECK_THROWS_AS(
        static_cast<void>(connect("localhost", 80, {.families = resolve_families::ipv6, .local = endpoint::any(0)})),
        std::invalid_argument);
    CHECK_THROWS_AS(static_cast<void>(connect_any({})), std::invalid_argument);
    CHECK_THROWS_AS(static_cast<void>(connect_any(v6, {.local = endpoint::any(0)})), std::invalid_argument);
}

TEST_CASE("a connection comes from the address that it is given") {
    run([]() -> task<void> {
        tcp_listener listener = tcp_listener::bind(endpoint::loopback(0));
        const int port = listener.local_endpoint().port();
        const endpoint local("127.0.0.9", 0);
        tcp_stream client = co_await connect("localhost", port, {.local = local});
        CHECK(client.local_endpoint().address() == "127.0.0.9");
        co_await check_works(std::move(client), listener);
        tcp_stream direct = co_await tcp_stream::connect_from(local, listener.local_endpoint());
        CHECK(direct.local_endpoint().address() == "127.0.0.9");
        const std::error_code taken =
            co_await error_of(tcp_stream::connect_from(direct.local_endpoint(), listener.local_endpoint()));
        CHECK(taken);
        const std::error_code foreign =
            co_await error_of(connect("localhost", port, {.local = endpoint("192.0.2.77", 0)}));
        CHECK(foreign == std::errc::address_not_available);
        co_await check_works(std::move(direct), listener);
    }());
}

TEST_CASE("options of TCP go to the stream") {
    run([]() -> task<void> {
        tcp_listener listener = tcp_listener::bind(endpoint::loopback(0));
        tcp_stream client =
            co_await connect("localhost", listener.local_endpoint().port(), {.tcp = {.no_delay = false}});
        int value = 1;
        CHECK(this_engine().calls().get_option(client.handle(), io::socket_option::no_delay, value) == 0);
        CHECK(value == 0);
        co_await check_works(std::move(client), listener);
    }());
}

TEST_CASE("a time-out around connect ends it while the name is looked up") {
    if (on_sim()) return;
    test_names names;
    run([]() -> task<void> {
        const bool late = co_await throws<timeout_error>(timeout(1ms, connect("a.slow", 80)));
        CHECK(late);
    }());
}
