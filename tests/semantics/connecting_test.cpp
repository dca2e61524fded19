// Connecting to one of many addresses: row 137 of what asyncio and trio promise, in virtual time, to the millisecond.
#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <libasync/async.hpp>

#include <tests/support/expect.hpp>
#include <tests/support/network.hpp>

using namespace async;
using namespace async_tests;
using namespace std::chrono_literals;

namespace {

constexpr std::uint16_t port = 7;

std::chrono::nanoseconds now() { return this_loop().now().time_since_epoch(); }

// What a server has seen: connections, and those of them that were closed again.
struct server_log {
    int accepted = 0;
    int closed = 0;
};
using log_ptr = std::shared_ptr<server_log>;  // servers may outlive the test that reads it

log_ptr make_log() { return std::make_shared<server_log>(); }

task<void> hold(tcp_stream stream, log_ptr log) {
    try {
        const chunk end = co_await stream.read();
        log->closed += end.empty();
    } catch (const std::system_error&) {
        ++log->closed;
    }
}

task<void> serve(log_ptr log) {
    tcp_listener listener = tcp_listener::bind(endpoint::any(port, address_family::ipv6), {.dual_stack = true});
    for (;;) {
        tcp_stream stream = co_await listener.accept();
        ++log->accepted;
        create_task(hold(std::move(stream), log));
    }
}

// A machine that answers after `latency`, one way.
void add_server(std::string_view address, std::chrono::nanoseconds latency, log_ptr log) {
    sim::set_link("10.0.0.1", address, {latency, latency, 0, 0});
    create_task(sim::on_host(address, serve(log)));
}

// One that refuses after that time.
void add_refusing(std::string_view address, std::chrono::nanoseconds latency) {
    sim::set_link("10.0.0.1", address, {latency, latency, 0, 0});
}

// One that says nothing.
void add_dead(std::string_view address) {
    sim::set_link("10.0.0.1", address, {1ms, 1ms, 0, 0});
    sim::isolate(address);
}

bool about(std::chrono::nanoseconds took, std::chrono::nanoseconds expected) {
    return took >= expected && took < expected + 1ms;
}

void in_a_world(task<void> (*body)()) {
    sim::simulation world(1, {.order = sim::order::fifo});
    world.run([](task<void> (*body)()) -> task<void> {
        co_await body();
        co_await sleep(1min);
    }(body));
    CHECK(world.open_descriptors() == 0);
}

// Connects, and says how long it took and to whom.
struct timing {
    std::chrono::nanoseconds took;
    std::string peer;
};
task<timing> connect_timed(std::string name, connect_options options = {}) {
    sim::set_name_latency(0ns, 0ns);
    const auto begin = now();
    tcp_stream stream = co_await connect(name, port, options);
    timing o;
    o.took = now() - begin;
    o.peer = stream.remote_endpoint().address();
    co_return o;
}

}  // namespace

TEST_CASE("137: each address that says nothing costs 250 ms") {
    in_a_world([]() -> task<void> {
        const log_ptr log = make_log();
        add_dead("10.0.0.2");
        add_dead("10.0.0.3");
        add_dead("10.0.0.4");
        add_server("10.0.0.5", 5ms, log);
        sim::set_name("many", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5");
        co_await sleep(1s);
        const timing first = co_await connect_timed("many");
        CHECK(first.peer == "10.0.0.5");
        CHECK(about(first.took, 750ms + 10ms));
        const timing impatient = co_await connect_timed("many", {.attempt_delay = 10ms});
        CHECK(about(impatient.took, 30ms + 10ms));
        co_await sleep(1s);
        CHECK(log->accepted == 2);
    });
}

// trio: test_custom_errors_expedite
TEST_CASE("137: a failure starts the next attempt early") {
    in_a_world([]() -> task<void> {
        const log_ptr log = make_log();
        add_refusing("10.0.0.2", 50ms);       // 0 to 100 ms
        add_refusing("10.0.0.3", 100ms);      // 100 to 300 ms
        add_server("10.0.0.4", 2500ms, log);  // 300 to 5300 ms
        add_server("10.0.0.5", 2s, log);      // 550 to 4550 ms
        sim::set_name("many", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5");
        co_await sleep(1s);
        const timing first = co_await connect_timed("many");
        CHECK(first.peer == "10.0.0.5");
        CHECK(about(first.took, 4550ms));
        co_await sleep(1min);
        CHECK(log->accepted == log->closed);  // the late one, too
    });
}

// CPython: staggered::test_first_error_second_successful
TEST_CASE("137: the first fails, the second is the stream, and the third is not tried") {
    in_a_world([]() -> task<void> {
        const log_ptr second = make_log();
        const log_ptr third = make_log();
        add_refusing("10.0.0.2", 1ms);
        add_server("10.0.0.3", 1ms, second);
        add_server("10.0.0.4", 1ms, third);
        sim::set_name("many", "10.0.0.2", "10.0.0.3", "10.0.0.4");
        co_await sleep(1s);
        const timing first = co_await connect_timed("many");
        CHECK(first.peer == "10.0.0.3");
        CHECK(about(first.took, 4ms));
        co_await sleep(1s);
        CHECK(second->accepted == 1);
        CHECK(third->accepted == 0);
    });
}

// trio: test_multi_success
TEST_CASE("137: of many that succeed one is the stream, and all others are closed") {
    in_a_world([]() -> task<void> {
        const log_ptr log = make_log();
        add_refusing("10.0.0.2", 250ms);      // 0 to 500 ms
        add_server("10.0.0.3", 5s, log);      // 500 to 10500 ms
        add_server("10.0.0.4", 4500ms, log);  // 1500 to 10500 ms
        add_server("10.0.0.5", 4s, log);      // 2500 to 10500 ms
        add_refusing("10.0.0.6", 250ms);      // 3500 to 4000 ms
        add_server("10.0.0.7", 5s, log);      // 4000 to 14000 ms
        sim::set_name("many", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.7");
        co_await sleep(1s);
        const timing first = co_await connect_timed("many", {.attempt_delay = 1s});
        CHECK(about(first.took, 10500ms));
        co_await sleep(1min);
        CHECK(log->accepted >= 3);
        CHECK(log->closed == log->accepted);  // the stream was closed by its end
    });
}

// CPython: base_events::test_create_connection_multiple_errors
TEST_CASE("137: when all fail, each failure is in the one error") {
    in_a_world([]() -> task<void> {
        add_refusing("10.0.0.2", 1ms);
        sim::set_link("10.0.0.1", "10.0.0.3", {1ms, 1ms, 0, 0});
        sim::set_name("many", "10.0.0.2", "192.0.2.1", "10.0.0.3");
        std::optional<connect_error> error;
        const auto begin = now();
        try {
            co_await connect("many", port, {.max_age = 0s});
        } catch (const connect_error& e) {
            error = e;
        }
        REQUIRE(error);
        CHECK(now() - begin > 3s);  // as long as an address takes that leads nowhere
        REQUIRE(error->failures().size() == 3);
        CHECK(error->failures()[0].address.address() == "10.0.0.2");
        CHECK(error->failures()[1].address.address() == "10.0.0.3");
        CHECK(error->failures()[2].address.address() == "192.0.2.1");
        CHECK(error->failures()[2].error == std::errc::host_unreachable);
        CHECK(error->code() == std::errc::host_unreachable);
        const std::string what = error->what();
        CHECK(what.starts_with("connect to many:7: tried 10.0.0.2:7: "));
        CHECK(what.find("; 10.0.0.3:7: ") != what.npos);
        CHECK(what.find("; 192.0.2.1:7: ") != what.npos);
    });
}

TEST_CASE("137: the families take turns, that of the first address first") {
    in_a_world([]() -> task<void> {
        const log_ptr log = make_log();
        add_dead("fd00::2");
        add_dead("fd00::3");
        add_dead("fd00::4");
        add_server("10.0.0.2", 1ms, log);
        add_dead("10.0.0.3");
        sim::set_name("many", "fd00::2", "fd00::3", "fd00::4", "10.0.0.2", "10.0.0.3");
        co_await sleep(1s);
        const timing turns = co_await connect_timed("many");
        CHECK(turns.peer == "10.0.0.2");
        CHECK(about(turns.took, 252ms));
        const timing preferred = co_await connect_timed("many", {.families = resolve_families::ipv4_first});
        CHECK(about(preferred.took, 2ms));
    });
}

TEST_CASE("137: an attempt has its own time if it is given one") {
    in_a_world([]() -> task<void> {
        add_dead("10.0.0.2");
        add_dead("10.0.0.3");
        sim::set_name("dead", "10.0.0.2", "10.0.0.3");
        sim::set_name_latency(0ns, 0ns);
        const auto begin = now();
        const std::error_code error = co_await error_of(connect("dead", port, {.attempt_timeout = 1s}));
        CHECK(error == std::errc::timed_out);
        CHECK(about(now() - begin, 1250ms));
        const auto second = now();
        const std::error_code one = co_await error_of(connect("10.0.0.2", port, {.attempt_timeout = 1s}));
        CHECK(one == std::errc::timed_out);
        CHECK(about(now() - second, 1s));
    });
}

TEST_CASE("137: a time-out ends all attempts, and leaves nothing") {
    in_a_world([]() -> task<void> {
        const log_ptr log = make_log();
        add_dead("10.0.0.2");
        add_server("10.0.0.3", 5s, log);
        sim::set_name("slow", "10.0.0.2", "10.0.0.3");
        const auto begin = now();
        const bool late = co_await throws<timeout_error>(timeout(1s, connect("slow", port)));
        CHECK(late);
        CHECK(about(now() - begin, 1s));
        co_await sleep(1min);
        CHECK(log->accepted == log->closed);
    });
}

TEST_CASE("137: so many addresses that nobody can try them all are tried up to a bound") {
    in_a_world([]() -> task<void> {
        std::vector<std::string> texts;
        for (int i = 0; i < 200; ++i) texts.push_back("10.1.0." + std::to_string(i));
        for (const std::string& text : texts) add_refusing(text, 1ms);
        const std::vector<std::string_view> all(texts.begin(), texts.end());
        sim::set_name("many", all);
        std::optional<connect_error> error;
        try {
            co_await connect("many", port);
        } catch (const connect_error& e) {
            error = e;
        }
        REQUIRE(error);
        CHECK(error->failures().size() == 64);
    });
}

TEST_CASE("137: under faults and in any order a connection is the right one or an error, and nothing is left") {
    const log_recorder silence;
    unsigned connected = 0;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        CAPTURE(seed);
        sim::simulation world(seed, {.order = sim::order::shuffle, .faults = sim::fault_mode::swarm});
        world.run([](unsigned& connected) -> task<void> {
            const log_ptr log = make_log();
            add_refusing("10.0.0.2", 50ms);
            add_server("10.0.0.3", 200ms, log);
            add_dead("10.0.0.4");
            add_server("fd00::5", 100ms, log);
            sim::set_name("many", "10.0.0.2", "10.0.0.4", "10.0.0.3", "fd00::5");
            co_await sleep(1s);
            try {
                tcp_stream stream = co_await timeout(10min, connect("many", port));
                const std::string peer = stream.remote_endpoint().address();
                CHECK((peer == "10.0.0.3" || peer == "fd00::5"));
                ++connected;
            } catch (const std::system_error&) {
            } catch (const timeout_error&) {
            }
        }(connected));
        CHECK(world.open_descriptors() == 0);
    }
    CHECK(connected > 100);
    CHECK(connected < 200);
}
