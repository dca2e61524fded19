#include <libasync/sim/host.hpp>

#include <doctest/doctest.h>

#include <array>
#include <string>

#include <libasync/async.hpp>

#include <tests/support/expect.hpp>
#include <tests/support/network.hpp>

using namespace async;
using namespace async_tests;
using namespace std::chrono_literals;

namespace {

constexpr std::uint16_t port = 7;

task<void> echo(tcp_stream stream) {
    for (;;) {
        const chunk data = co_await stream.read();
        if (data.empty()) co_return;
        co_await stream.write(data);
    }
}

task<void> echo_server() {
    tcp_listener listener = tcp_listener::bind(endpoint::any(port));
    for (;;) create_task(echo(co_await listener.accept()));
}

task<std::string> ask(tcp_stream& stream, std::string text) {
    co_await stream.write(text);
    co_return co_await read_exactly(stream, text.size());
}

task<void> sleep_a_little() { co_await sleep(1ms); }

task<endpoint> where_am_i() {
    tcp_listener listener = tcp_listener::bind(endpoint::any(0));
    tcp_stream client = co_await connect(endpoint("10.0.0.1", port));
    co_return client.local_endpoint();
}

std::chrono::nanoseconds now() { return this_loop().now().time_since_epoch(); }

}  // namespace

TEST_CASE("a task runs on the machine of whoever started it, and so do those that it starts") {
    sim::run(1, []() -> task<void> {
        auto server = create_task(echo_server());
        co_await sleep(1ms);
        const endpoint here = co_await where_am_i();
        CHECK(here.address() == "10.0.0.1");
        const endpoint there = co_await sim::on_host("10.0.0.9", where_am_i());
        CHECK(there.address() == "10.0.0.9");
        auto nested = []() -> task<std::string> {
            auto child = create_task(where_am_i());
            const endpoint of_child = co_await child;
            const auto [a, b] = co_await gather(where_am_i(), where_am_i());
            CHECK(a.address() == b.address());
            co_return of_child.address() + " " + a.address();
        };
        const std::string both = co_await sim::on_host("10.0.0.9", nested());
        CHECK(both == "10.0.0.9 10.0.0.9");
        const endpoint back = co_await where_am_i();
        CHECK(back.address() == "10.0.0.1");
        server.cancel();
        co_await server.wait();
    }());
}

TEST_CASE("each machine has its own loopback and ports") {
    sim::run(1, []() -> task<void> {
        auto first = create_task(echo_server());
        auto second = create_task(sim::on_host("10.0.0.2", echo_server()));
        co_await sleep(1s);
        const std::error_code other_loopback =
            co_await error_of(sim::on_host("10.0.0.3", connect(endpoint::loopback(port))));
        CHECK(other_loopback == std::errc::connection_refused);
        tcp_stream stream = co_await connect(endpoint("10.0.0.2", port));
        const std::string answer = co_await ask(stream, "hello");
        CHECK(answer == "hello");
        CHECK(stream.local_endpoint().address() == "10.0.0.1");
        CHECK(stream.remote_endpoint().address() == "10.0.0.2");
        first.cancel();
        second.cancel();
    }());
}

TEST_CASE("a machine that does not exist is not reached, after a while; one that does not listen refuses") {
    sim::run(1, []() -> task<void> {
        const auto begin = now();
        const std::error_code nobody = co_await error_of(connect(endpoint("192.0.2.1", port)));
        CHECK(nobody == std::errc::host_unreachable);
        CHECK(now() - begin == 3s);
        co_await sim::on_host("10.0.0.2", sleep_a_little());
        const std::error_code refused = co_await error_of(connect(endpoint("10.0.0.2", port)));
        CHECK(refused == std::errc::connection_refused);
    }());
}

TEST_CASE("what is sent into a partition arrives when it heals") {
    sim::run(1, []() -> task<void> {
        auto server = create_task(sim::on_host("10.0.0.2", echo_server()));
        co_await sleep(1s);
        tcp_stream stream = co_await connect(endpoint("10.0.0.2", port));
        sim::partition("10.0.0.1", "10.0.0.2");
        auto asked = create_task(ask(stream, "hello"));
        co_await sleep(5min);
        CHECK_FALSE(asked.done());
        sim::heal("10.0.0.1", "10.0.0.2");
        const std::string answer = co_await asked;
        CHECK(answer == "hello");
        server.cancel();
    }());
}

TEST_CASE("TCP gives up after a quarter of an hour; to connect, after two minutes") {
    sim::run(1, []() -> task<void> {
        auto server = create_task(sim::on_host("10.0.0.2", echo_server()));
        co_await sleep(1s);
        tcp_stream stream = co_await connect(endpoint("10.0.0.2", port));
        sim::isolate("10.0.0.2");
        const auto begin = now();
        const std::error_code connecting = co_await error_of(connect(endpoint("10.0.0.2", port)));
        CHECK(connecting == std::errc::timed_out);
        CHECK(now() - begin > 120s);
        CHECK(now() - begin < 130s);
        const std::error_code talking = co_await error_of(ask(stream, "hello"));
        CHECK(talking == std::errc::timed_out);
        CHECK(now() - begin > 900s);
        CHECK(now() - begin < 1300s);
        sim::rejoin("10.0.0.2");
        tcp_stream again = co_await connect(endpoint("10.0.0.2", port));
        const std::string answer = co_await ask(again, "hello");
        CHECK(answer == "hello");
        server.cancel();
    }());
}

TEST_CASE("a link has the latency and the bandwidth that it is given") {
    sim::run(1, []() -> task<void> {
        auto server = create_task(sim::on_host("10.0.0.2", echo_server()));
        co_await sleep(1s);
        sim::set_link("10.0.0.1", "10.0.0.2", {10ms, 10ms, 1'000'000, 0});
        auto begin = now();
        tcp_stream stream = co_await connect(endpoint("10.0.0.2", port));
        CHECK(now() - begin == 20ms);
        begin = now();
        const std::string text = pattern(100'000);
        const std::string answer = co_await ask(stream, text);
        CHECK((answer == text));
        CHECK(now() - begin >= 120ms);
        CHECK(now() - begin <= 250ms);
        server.cancel();
    }());
}

TEST_CASE("an address that is none is an error with its text") {
    std::string message;
    auto main = [&]() -> task<void> {
        try {
            sim::partition("10.0.0.1", "nonsense");
        } catch (const std::invalid_argument& e) {
            message = e.what();
        }
        co_return;
    };
    sim::run(1, main());
    CHECK(message.find("nonsense") != std::string::npos);
    CHECK_THROWS_AS(sim::heal_all(), std::system_error);
}

TEST_CASE("what is sent to a group is heard on every machine that has a member") {
    sim::run(1, []() -> task<void> {
        const endpoint group("239.1.1.1", 77);
        auto hear = [](endpoint where) -> task<std::string> {
            udp_socket member = udp_socket::bind(endpoint::any(where.port()));
            member.join_group(where);
            std::array<char, 10> room;
            const received_datagram got = co_await member.recv_from(std::as_writable_bytes(std::span(room)));
            co_return std::string(room.data(), got.size) + " from " + got.from.address();
        };
        auto far = create_task(sim::on_host("10.0.0.2", hear(group)));
        auto farther = create_task(sim::on_host("10.0.0.3", hear(group)));
        auto near = create_task(hear(group));
        co_await sleep(1ms);
        udp_socket sender = udp_socket::bind(endpoint::any(0));
        co_await sender.send_to("hello", group);
        for (auto* member : {&far, &farther, &near}) {
            const std::string heard = co_await *member;
            CHECK(heard == "hello from 10.0.0.1");
        }
    }());
}
