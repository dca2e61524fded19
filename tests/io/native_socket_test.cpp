#include <libasync/io/native_socket.hpp>

#include <cerrno>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#ifdef _WIN32
#include <winsock2.h>
#else
#include <fcntl.h>
#endif

using namespace async;
using namespace async::io;

namespace {

void set_non_blocking(native_handle handle) {
#ifdef _WIN32
    u_long on = 1;
    REQUIRE(::ioctlsocket(static_cast<SOCKET>(handle), static_cast<long>(FIONBIO), &on) == 0);
#else
    REQUIRE(::fcntl(static_cast<int>(handle), F_SETFL, O_NONBLOCK) == 0);
#endif
}

struct socket_owner {
    explicit socket_owner(native_handle h) : handle(h) { REQUIRE(h != invalid_handle); }
    socket_owner(const socket_owner&) = delete;
    ~socket_owner() { close_socket(handle); }
    const native_handle handle;
};

native_handle open_non_blocking() {
    int error = -1;
    const native_handle handle = open_tcp_socket(address_family::ipv4, error);
    REQUIRE(error == 0);
    set_non_blocking(handle);
    return handle;
}

// Repeats a call until it no longer says "not now".
template <class Call>
auto patiently(Call call) {
    for (int i = 0;; ++i) {
        auto result = call();
        if (i == 2000 || !(would_block(result.error) || result.error == EINPROGRESS)) return result;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

struct listener : socket_owner {
    listener() : socket_owner(open_non_blocking()) {
        REQUIRE(bind_socket(handle, endpoint::loopback(0)) == 0);
        REQUIRE(listen_socket(handle, 4) == 0);
        REQUIRE(local_endpoint(handle, where) == 0);
        REQUIRE(where.port() != 0);
    }

    native_handle accept() const {
        native_handle accepted = invalid_handle;
        patiently([&] {
            transfer_result r;
            accepted = accept_now(handle, r.error);
            return r;
        });
        if (accepted != invalid_handle) set_non_blocking(accepted);
        return accepted;
    }

    endpoint where;
};

struct connection {
    connection() : client(open_non_blocking()), server((connect(), door.accept())) {}

    void connect() {
        int error = connect_now(client.handle, door.where);
        if (error == EINPROGRESS)
            error = patiently([&] { return transfer_result{0, connect_outcome(client.handle)}; }).error;
        REQUIRE(error == 0);
    }

    listener door;
    socket_owner client;
    socket_owner server;
};

transfer_result receive(native_handle handle, void* data, std::size_t size) {
    return patiently([&] { return receive_now(handle, data, size); });
}

}  // namespace

TEST_CASE("a connection knows both of its ends") {
    connection c;
    endpoint local, remote;
    CHECK(local_endpoint(c.client.handle, local) == 0);
    CHECK(remote_endpoint(c.server.handle, remote) == 0);
    CHECK(local == remote);
    CHECK(remote_endpoint(c.client.handle, remote) == 0);
    CHECK(remote == c.door.where);
}

TEST_CASE("calls that would have to wait say so") {
    connection c;
    char byte;
    CHECK(would_block(receive_now(c.client.handle, &byte, 1).error));
    int error = 0;
    CHECK(accept_now(c.door.handle, error) == invalid_handle);
    CHECK(would_block(error));

    const std::string text(1 << 20, 'x');
    const const_bytes bytes = text;
    std::size_t sent = 0;
    transfer_result r;
    while ((r = send_now(c.client.handle, &bytes, 1)).error == 0 && sent < (std::size_t{256} << 20)) sent += r.bytes;
    CHECK(would_block(r.error));
    CHECK(sent > 0);
}

TEST_CASE("buffers are gathered in order") {
    connection c;
    std::vector<std::string> parts;
    std::string all, got;
    for (int i = 0; i < 150; ++i) all += parts.emplace_back(std::to_string(i) + " ");
    std::vector<const_bytes> list(parts.begin(), parts.end());
    const_bytes* buffers = list.data();
    std::size_t count = list.size();
    while (count != 0) {
        const transfer_result r = patiently([&] { return send_now(c.client.handle, buffers, count); });
        REQUIRE(r.error == 0);
        REQUIRE(r.bytes > 0);
        advance(buffers, count, r.bytes);
    }
    while (got.size() < all.size()) {
        char part[64];
        const transfer_result r = receive(c.server.handle, part, sizeof part);
        REQUIRE(r.error == 0);
        REQUIRE(r.bytes > 0);
        got.append(part, r.bytes);
    }
    CHECK(got == all);
    CHECK(send_now(c.client.handle, buffers, 0).error == 0);
}

TEST_CASE("the end of a stream is no bytes, a reset is an error") {
    char byte;
    {
        connection c;
        CHECK(shut_down_writes(c.client.handle) == 0);
        const transfer_result r = receive(c.server.handle, &byte, 1);
        CHECK(r.error == 0);
        CHECK(r.bytes == 0);
        const const_bytes more = "x";
        CHECK(send_now(c.client.handle, &more, 1).error == EPIPE);
    }
    listener door;
    const native_handle client = open_non_blocking();
    const int error = connect_now(client, door.where);
    CHECK((error == 0 || error == EINPROGRESS));
    const socket_owner server(door.accept());
    CHECK(reset_on_close(client) == 0);
    close_socket(client);
    const int reset = receive(server.handle, &byte, 1).error;
#ifdef _WIN32
    CHECK((reset == ECONNRESET || reset == 0));  // Wine ends the stream before it resets it
#else
    CHECK(reset == ECONNRESET);
#endif
}

TEST_CASE("errors are those of errno") {
    listener door;
    const socket_owner other(open_non_blocking());
    CHECK(bind_socket(other.handle, door.where) == EADDRINUSE);
    CHECK(bind_socket(other.handle, endpoint("192.0.2.1", 0)) == EADDRNOTAVAIL);
    endpoint nobody;
    CHECK(remote_endpoint(other.handle, nobody) == ENOTCONN);
    CHECK(listen_socket(invalid_handle, 1) != 0);
}

TEST_CASE("options are set and read") {
    const socket_owner s(open_non_blocking());
    int value = -1;
    for (const socket_option option : {socket_option::no_delay, socket_option::keep_alive}) {
        CHECK(get_option(s.handle, option, value) == 0);
        CHECK(value == 0);
        CHECK(set_option(s.handle, option, 1) == 0);
        CHECK(get_option(s.handle, option, value) == 0);
        CHECK(value != 0);
    }
    CHECK(set_option(s.handle, socket_option::reuse_address, 1) == 0);
    CHECK(set_option(s.handle, socket_option::send_buffer, 1 << 16) == 0);
    CHECK(get_option(s.handle, socket_option::send_buffer, value) == 0);
    CHECK(value >= 1 << 16);
    CHECK(set_option(invalid_handle, socket_option::no_delay, 1) != 0);
    CHECK(get_option(invalid_handle, socket_option::no_delay, value) != 0);
}

TEST_CASE("advance drops what was sent") {
    std::vector<const_bytes> list{"", "abc", "", "defg", ""};
    const_bytes* buffers = list.data();
    std::size_t count = list.size();
    CHECK(advance(buffers, count, 0) == 1);
    CHECK(advance(buffers, count, 2) == 0);
    CHECK(std::string_view(static_cast<const char*>(buffers->data()), buffers->size()) == "c");
    CHECK(advance(buffers, count, 2) == 2);
    CHECK(std::string_view(static_cast<const char*>(buffers->data()), buffers->size()) == "efg");
    CHECK(advance(buffers, count, 3) == 2);
    CHECK(count == 0);
}
