// Connecting, accepting, sending, closing.
#include "uring_harness.hpp"

#include <algorithm>
#include <list>

#include <netinet/in.h>
#include <sys/socket.h>

#include <tests/support/own_address.hpp>

using namespace uring_test;

namespace {

struct listening {
    explicit listening(engine& e, int backlog = 1000) {
        int error = 0;
        const async::native_handle fd = open_tcp_socket(async::address_family::ipv4, error);
        REQUIRE(error == 0);
        REQUIRE(bind_socket(fd, async_tests::own_address()) == 0);
        REQUIRE(listen_socket(fd, backlog) == 0);
        REQUIRE(local_endpoint(fd, where) == 0);
        socket = e.adopt(fd, socket_role::listener);
    }
    // A client of its own, without the engine.
    int connect() const {
        int error = 0;
        const int fd = static_cast<int>(open_tcp_socket(async::address_family::ipv4, error));
        std::byte address[32];
        const std::size_t size = to_native(where, address);
        REQUIRE(::connect(fd, reinterpret_cast<const sockaddr*>(address), socklen_t(size)) == 0);
        return fd;
    }
    socket_ptr socket;
    endpoint where;
};

struct clients {
    explicit clients(const listening& l, int count) {
        for (int i = 0; i < count; ++i) fds.push_back(l.connect());
    }
    ~clients() {
        for (const int fd : fds) {
            reset_on_close(fd);
            close_socket(fd);
        }
    }
    std::vector<int> fds;
};

socket_ptr open_stream(engine& e) {
    int error = 0;
    const async::native_handle fd = open_tcp_socket(async::address_family::ipv4, error);
    REQUIRE(error == 0);
    return e.adopt(fd, socket_role::stream);
}

std::size_t open_descriptors() {
    std::size_t count = 0;
    for (int fd = 0; fd < 3000; ++fd) count += open_descriptor(fd);
    return count;
}

}  // namespace

TEST_CASE("a connection is made, accepted and used") {
    for (const std::string& features :
         {""s, "multishot_accept"s, "direct_send"s, "registered_ring"s, "defer_taskrun"s}) {
        CAPTURE(features);
        const disabled without(features.c_str());
        test_driver driver;
        if (!driver) return;
        const listening l(*driver);
        for (int i = 0; i < 20; ++i) {
            accept_op accept(l.socket.get());
            socket_ptr client = open_stream(*driver);
            connect_op connect(client.get(), l.where);
            driver->start(accept);
            driver->start(connect);
            REQUIRE(driver.finish(connect));
            REQUIRE(connect.error == 0);
            REQUIRE(driver.finish(accept));
            REQUIRE(accept.accepted);
            CHECK((::fcntl(int(accept.accepted->handle), F_GETFD) & FD_CLOEXEC) != 0);
            const_bytes pieces[] = {"hel", "", "lo"};
            send_op send(client.get(), pieces, 3);
            REQUIRE(driver.run(send));
            CHECK(send.result == 5);
            CHECK(read_exactly(driver, *accept.accepted, 5) == "hello");
        }
    }
}

TEST_CASE("a connection that is refused says so") {
    test_driver driver;
    if (!driver) return;
    endpoint nobody;
    {
        const listening l(*driver);
        nobody = l.where;
    }
    driver.settle();
    const socket_ptr client = open_stream(*driver);
    connect_op connect(client.get(), nobody);
    REQUIRE(driver.run(connect));
    CHECK(connect.code() == std::errc::connection_refused);
}

TEST_CASE("a connection attempt is cancelled") {
    test_driver driver;
    if (!driver) return;
    const socket_ptr client = open_stream(*driver);
    connect_op connect(client.get(), endpoint("192.0.2.1", 9));  // of a network for documentation: nobody answers
    if (driver->start(connect)) return;
    driver.turn(5ms);
    if (connect.state == op_state::done) return;  // unreachable here
    driver->cancel(connect);
    driver->cancel(connect);
    REQUIRE(driver.finish(connect));
    CHECK(connect.error == error_cancelled);

    const socket_ptr second = open_stream(*driver);
    connect_op dropped(second.get(), endpoint("192.0.2.1", 9));
    REQUIRE_FALSE(driver->start(dropped));
    driver.turn();
    driver->cancel_and_wait(dropped);
    CHECK_FALSE(dropped.linked());
}

TEST_CASE("accepting runs ahead, but not without bound") {
    test_driver driver;
    if (!driver) return;
    const listening l(*driver);
    accept_op first(l.socket.get());
    REQUIRE_FALSE(driver->start(first));
    driver.turn();
    const std::size_t before = open_descriptors();
    clients all(l, 0);
    while (all.fds.size() < 300) {
        all.fds.push_back(l.connect());
        if (all.fds.size() % 10 == 0) driver.turn();
    }
    REQUIRE(driver.finish(first));
    driver.settle();
    const std::size_t ahead = open_descriptors() - before - 300;
    CHECK(ahead > 64);
    CHECK(ahead < 150);
    std::vector<socket_ptr> accepted;
    accepted.push_back(std::move(first.accepted));
    while (accepted.size() < 300) {
        accept_op op(l.socket.get());
        REQUIRE(driver.run(op));
        REQUIRE(op.error == 0);
        accepted.push_back(std::move(op.accepted));
    }
}

TEST_CASE("an accept that is cancelled keeps no connection") {
    for (const std::string& features : {""s, "multishot_accept"s}) {
        CAPTURE(features);
        const disabled without(features.c_str());
        test_driver driver;
        if (!driver) return;
        const listening l(*driver);
        int accepted = 0;
        clients all(l, 0);
        for (int i = 0; i < 100; ++i) {
            accept_op op(l.socket.get());
            const bool in_place = driver->start(op);
            if (i % 2 == 0) driver.turn();
            all.fds.push_back(l.connect());
            if (i % 3 == 0) driver.turn();
            if (!in_place) driver->cancel_and_wait(op);
            accepted += op.accepted != nullptr;
        }
        while (accepted < 100) {
            accept_op op(l.socket.get());
            REQUIRE(driver.run(op));
            accepted += op.accepted != nullptr;
        }
        CHECK(accepted == 100);
    }
}

TEST_CASE("running out of descriptors is told once, and passes") {
    test_driver driver;
    if (!driver) return;
    const listening l(*driver);
    clients all(l, 40);
    std::vector<socket_ptr> accepted;
    {
        const descriptor_limit limit(rlim_t(all.fds.back() + 11));
        int failures = 0;
        for (int i = 0; i < 12; ++i) {
            accept_op op(l.socket.get());
            REQUIRE(driver.run(op));
            if (op.accepted) {
                accepted.push_back(std::move(op.accepted));
            } else {
                CHECK(op.code() == std::errc::too_many_files_open);
                ++failures;
            }
        }
        CHECK(accepted.size() == 10);
        CHECK(failures == 2);
        driver.settle();
        const auto before = driver.enters();
        for (int i = 0; i < 20; ++i) driver.turn();
        CHECK(driver.enters() == before);  // nobody tries again by himself
    }
    while (accepted.size() < 40) {
        accept_op op(l.socket.get());
        REQUIRE(driver.run(op));
        REQUIRE(op.error == 0);
        accepted.push_back(std::move(op.accepted));
    }
}

TEST_CASE("a large send is completed by the kernel") {
    for (const std::string& features : {""s, "direct_send"s}) {
        CAPTURE(features);
        const disabled without(features.c_str());
        test_driver driver;
        if (!driver) return;
        for (const bool vectored : {false, true}) {
            pair p(*driver);
            const std::string text = pattern(8 << 20);
            std::vector<const_bytes> pieces;
            for (std::size_t at = 0; at < text.size(); at += 3001)
                pieces.emplace_back(std::string_view(text).substr(at, 3001));
            alignas(8) std::byte message[64];
            send_op send(p.stream.get(), pieces.data(), pieces.size());
            if (vectored) send.native_message = message;
            REQUIRE_FALSE(driver->start(send));
            send_op second(p.stream.get(), pieces.data(), 1);
            CHECK(driver->start(second));
            CHECK(second.code() == async::errc::busy);
            std::string got;
            while (send.state != op_state::done) {
                driver.turn(1ms);
                got += p.drain();
            }
            got += p.drain();
            CHECK(send.error == 0);
            CHECK(send.result == std::int64_t(text.size()));
            CHECK((got == text));
        }
    }
}

TEST_CASE("a send that is cancelled says how much has gone") {
    for (const std::string& features : {""s, "direct_send"s}) {
        CAPTURE(features);
        const disabled without(features.c_str());
        test_driver driver;
        if (!driver) return;
        for (const bool wait : {false, true}) {
            pair p(*driver);
            const std::string text = pattern(4 << 20);
            const_bytes all(text);
            send_op send(p.stream.get(), &all, 1);
            REQUIRE_FALSE(driver->start(send));
            driver.turn();
            if (wait) {
                driver->cancel_and_wait(send);
                CHECK_FALSE(send.linked());
            } else {
                driver->cancel(send);
                REQUIRE(driver.finish(send));
            }
            CHECK(send.error == error_cancelled);
            CHECK(send.result > 0);
            CHECK(p.drain().size() == std::size_t(send.result));
        }
    }
}

TEST_CASE("writing to a peer that has gone fails without a signal") {
    for (const std::string& features : {""s, "direct_send"s}) {
        const disabled without(features.c_str());
        test_driver driver;
        if (!driver) return;
        pair p(*driver);
        p.hang_up();
        const_bytes text("text");
        send_op send(p.stream.get(), &text, 1);
        REQUIRE(driver.run(send));
        CHECK(send.code() == std::errc::broken_pipe);
    }
}

TEST_CASE("closing ends what is pending, and then closes") {
    for (const std::string& features : {""s, "direct_send"s, "multishot_poll"s, "multishot_receive"s, "buffer_ring"s}) {
        CAPTURE(features);
        const disabled without(features.c_str());
        test_driver driver;
        if (!driver) return;
        for (const bool submitted : {false, true}) {
            pair p(*driver);
            const std::string text = pattern(4 << 20);
            const_bytes all(text);
            send_op send(p.stream.get(), &all, 1);
            receive_chunk_op read(p.stream.get());
            close_op close(p.stream.get());
            REQUIRE_FALSE(driver->start(send));
            REQUIRE_FALSE(driver->start(read));
            if (submitted) driver.turn();
            const int fd = static_cast<int>(p.stream->handle);
            driver->start(close);
            receive_chunk_op late(p.stream.get());
            CHECK(driver->start(late));
            CHECK(late.code() == async::errc::closed);
            REQUIRE(driver.finish(close));
            REQUIRE(driver.finish(read));
            REQUIRE(driver.finish(send));
            CHECK(close.error == 0);
            CHECK(read.code() == async::errc::closed);
            CHECK(send.code() == async::errc::closed);
            CHECK_FALSE(open_descriptor(fd));
            CHECK(p.stream->handle == async::invalid_handle);
        }
    }
}

TEST_CASE("a socket that is dropped is closed in the background") {
    test_driver driver;
    if (!driver) return;
    pair p(*driver);
    receive_chunk_op read(p.stream.get());
    REQUIRE_FALSE(driver->start(read));
    driver.turn();
    const int fd = static_cast<int>(p.stream->handle);
    p.stream.reset();
    CHECK(open_descriptor(fd));
    REQUIRE(driver.finish(read));
    CHECK(read.code() == async::errc::closed);
    driver.settle();
    CHECK_FALSE(open_descriptor(fd));
    char byte;
    CHECK(::recv(p.peer, &byte, 1, 0) == 0);
}

TEST_CASE("closing a listener drops the connections that nobody took") {
    test_driver driver;
    if (!driver) return;
    listening l(*driver);
    accept_op op(l.socket.get());
    REQUIRE_FALSE(driver->start(op));
    clients all(l, 10);
    REQUIRE(driver.finish(op));
    driver.settle();
    accept_op waiting(l.socket.get());
    CHECK(driver->start(waiting));
    const std::size_t before = open_descriptors();
    close_op close(l.socket.get());
    REQUIRE(driver.run(close));
    driver.settle();
    CHECK(open_descriptors() == before - 9);  // eight connections and the listener
    accept_op late(l.socket.get());
    CHECK(driver->start(late));
    CHECK(late.code() == async::errc::closed);
}

TEST_CASE("a connection that the kernel takes while its listener closes is dropped") {
    for (const std::string& features : {""s, "defer_taskrun"s, "defer_taskrun,multishot_accept"s}) {
        CAPTURE(features);
        const disabled without(features.c_str());
        test_driver driver;
        if (!driver) return;
        const std::size_t before = open_descriptors();
        listening l(*driver);
        accept_op op(l.socket.get());
        REQUIRE_FALSE(driver->start(op));
        driver.settle();
        const clients late(l, 1);  // the engine has not looked since
        l.socket.reset();
        driver.settle();
        CHECK(op.code() == async::errc::closed);
        CHECK(open_descriptors() == before + 1);  // the client's own
    }
}

TEST_CASE("an accept that waits while accepting ahead is being stopped gets the next connection") {
    test_driver driver;
    if (!driver) return;
    listening l(*driver);
    std::list<accept_op> ops;
    ops.emplace_back(l.socket.get());
    REQUIRE_FALSE(driver->start(ops.back()));
    const clients more_than_are_taken_ahead(l, 100);
    REQUIRE(driver.finish(ops.back()));
    do ops.emplace_back(l.socket.get());
    while (driver->start(ops.back()));
    const clients later(l, 1);
    CHECK(driver.finish(ops.back()));
    CHECK(ops.back().error == 0);
}
