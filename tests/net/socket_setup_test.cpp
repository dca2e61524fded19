#include <libasync/net/socket_setup.hpp>

#include <doctest/doctest.h>

#include <libasync/io/scripted/scripted_engine.hpp>

#include <tests/support/expect.hpp>
#include <tests/support/network.hpp>

using namespace async;
using detail::open_socket;

TEST_CASE("a socket that no engine has adopted is closed by its owner, a released one is not") {
    const int before = async_tests::open_descriptors();
    native_handle kept = invalid_handle;
    {
        open_socket a = open_socket::tcp(io::native_calls(), endpoint::loopback(0), "try");
        CHECK(a.get() != invalid_handle);
        const open_socket b = std::move(a);
        CHECK(a.get() == invalid_handle);
        open_socket c = open_socket::tcp(io::native_calls(), endpoint::loopback(0), "try");
        kept = c.release();
        CHECK(c.get() == invalid_handle);
    }
    int value = 0;
    CHECK(io::native_calls().get_option(kept, io::socket_option::no_delay, value) == 0);
    io::native_calls().close_socket(kept);
    CHECK(async_tests::open_descriptors() == before);
}

TEST_CASE("an error of a socket names operation and address") {
    std::string message;
    std::error_code code;
    try {
        detail::throw_socket_error(EACCES, "listen on", endpoint::loopback(80));
    } catch (const std::system_error& e) {
        message = e.what();
        code = e.code();
    }
    CHECK(code == std::errc::permission_denied);
    CHECK(message.find("listen on 127.0.0.1:80") == 0);
}

TEST_CASE("options that the system refuses are an error that names the option") {
    std::string message;
    try {
        detail::apply_options(io::native_calls(), invalid_handle, {});
    } catch (const std::system_error& e) {
        message = e.what();
    }
    CHECK(message.find("TCP_NODELAY") != std::string::npos);
}

TEST_CASE("a socket that its loop has left behind has no address") {
    struct orphan : io::socket {
        orphan() : socket(io::socket_role::stream) {}
    } s;
    CHECK_THROWS_AS(detail::local_endpoint_of(s), std::system_error);
    CHECK_THROWS_AS(detail::remote_endpoint_of(s), std::system_error);
}

TEST_CASE("a handle that the system does not take from an engine is an error that names the operation") {
    io::scripted_engine engine;
    const io::socket_ptr s = engine.adopt(invalid_handle, io::socket_role::stream);
    std::string message;
    std::error_code code;
    try {
        detail::take_from_engine(*s, "release");
    } catch (const std::system_error& e) {
        message = e.what();
        code = e.code();
    }
    CHECK(code == std::errc::function_not_supported);
    CHECK(message.find("release") == 0);
}
