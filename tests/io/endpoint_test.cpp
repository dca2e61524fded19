#include <libasync/io/endpoint.hpp>

#include <stdexcept>

#include <doctest/doctest.h>

#include <libasync/io/native_socket.hpp>

using namespace async;

TEST_CASE("an endpoint is what its text says") {
    const endpoint v4("127.0.0.1", 80);
    CHECK(v4.family() == address_family::ipv4);
    CHECK(v4.port() == 80);
    CHECK(v4.address() == "127.0.0.1");
    CHECK(v4.to_string() == "127.0.0.1:80");
    CHECK(v4 == endpoint::loopback(80));

    const endpoint v6("::1", 443);
    CHECK(v6.family() == address_family::ipv6);
    CHECK(v6.address() == "::1");
    CHECK(v6.to_string() == "[::1]:443");
    CHECK(v6 == endpoint::loopback(443, address_family::ipv6));
    CHECK(endpoint("[2001:DB8::5]", 1).to_string() == "[2001:db8::5]:1");
}

TEST_CASE("an IPv6 address may have a zone") {
    const endpoint e("fe80::1%2", 7);
    CHECK(e.scope() == 2);
    CHECK(e.address() == "fe80::1%2");
    CHECK(endpoint(e.address(), 7) == e);
    CHECK(endpoint("[fe80::1%2]", 7) == e);
    CHECK(e != endpoint("fe80::1", 7));
}

TEST_CASE("what is no numeric address is refused by name") {
    for (const std::string text :
         {"", "localhost", "127.0.0.1.", "127.1", "256.0.0.1", "[127.0.0.1]", "[::1", "::1%", "::1%no such zone", "[]",
          "1:2:3", "127.0.0.1%1", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}) {
        CAPTURE(text);
        CHECK_THROWS_AS(endpoint(text, 1), std::invalid_argument);
        try {
            endpoint e(text, 1);
        } catch (const std::invalid_argument& e) {
            CHECK(std::string(e.what()).find("'" + text + "'") != std::string::npos);
        }
    }
    CHECK_THROWS_AS(endpoint(std::string_view("127.0.0.1\0", 10), 1), std::invalid_argument);
}

TEST_CASE("endpoints can be compared and ordered") {
    CHECK(endpoint() == endpoint::any(0));
    CHECK(endpoint::any(5).address() == "0.0.0.0");
    CHECK(endpoint::any(5, address_family::ipv6).address() == "::");
    CHECK(endpoint("1.2.3.4", 1) != endpoint("1.2.3.4", 2));
    CHECK(endpoint("1.2.3.4", 9) < endpoint("1.2.3.5", 1));
}

TEST_CASE("only the bytes of the family count") {
    std::array<std::uint8_t, 16> bytes{};
    bytes.fill(9);
    CHECK(endpoint::from_bytes(address_family::ipv4, bytes, 1, 5) == endpoint("9.9.9.9", 1));
}

TEST_CASE("an endpoint survives the system's own form") {
    for (const endpoint e : {endpoint("10.1.2.3", 65535), endpoint("fe80::aa%3", 1), endpoint("::", 0), endpoint()}) {
        alignas(8) std::byte native[32];
        CHECK(io::to_native(e, native) <= sizeof native);
        CHECK(io::from_native(native) == e);
    }
}
