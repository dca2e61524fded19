// What an echo costs beyond its system calls: no allocation for a message, and at most one visit to the kernel for a
// turn.
#include <doctest/doctest.h>

#include <array>
#include <vector>

#include <libasync/async.hpp>
#include <libasync/testing/allocations.hpp>
#include <tests/support/network.hpp>

using namespace async;
using namespace async_tests;

namespace {

enum class reading { chunks, into_memory };

task<void> echo(tcp_stream stream, reading how) {
    std::array<std::byte, 256> memory;
    for (;;) {
        if (how == reading::chunks) {
            chunk data = co_await stream.read();
            if (data.empty()) co_return;
            co_await stream.write(data);
        } else {
            const std::size_t count = co_await stream.read_some(memory);
            if (count == 0) co_return;
            co_await stream.write(std::span(memory).first(count));
        }
    }
}

struct crowd {
    std::vector<tcp_stream> clients;
    std::vector<task_handle<void>> servers;
};

task<crowd> connect_crowd(std::size_t size, reading how) {
    crowd c;
    for (std::size_t i = 0; i < size; ++i) {
        stream_pair pair = co_await connected_pair();
        c.clients.push_back(std::move(pair.client));
        c.servers.push_back(create_task(echo(std::move(pair.server), how)));
    }
    co_return c;
}

// Every client sends a message, then every client reads its answer.
task<void> rounds(crowd& c, int count) {
    std::array<std::byte, 64> message{};
    for (int round = 0; round < count; ++round) {
        message.fill(static_cast<std::byte>(round));
        for (tcp_stream& client : c.clients) co_await client.write(message);
        for (tcp_stream& client : c.clients) {
            for (std::size_t got = 0; got < message.size();) {
                std::array<std::byte, 128> answer;  // one that is filled would have to be followed by a look for more
                const std::size_t part = co_await client.read_some(answer);
                REQUIRE(part != 0);
                CHECK(answer[part - 1] == static_cast<std::byte>(round));
                got += part;
            }
        }
    }
}

task<void> hang_up(crowd& c) {
    c.clients.clear();
    for (auto& server : c.servers) co_await server;
}

#if !LIBASYNC_SANITIZED
task<std::uint64_t> allocations_of_echo(std::size_t connections, reading how) {
    crowd c = co_await connect_crowd(connections, how);
    co_await rounds(c, 200);
    const std::uint64_t before = testing::allocations();
    co_await rounds(c, 500);
    const std::uint64_t during = testing::allocations() - before;
    co_await hang_up(c);
    co_return during;
}
#endif

struct turn_costs {
    std::uint64_t turns;
    std::uint64_t enters;
    std::uint64_t vain_reads;
};

task<turn_costs> turns_of_echo(std::size_t connections, reading how) {
    crowd c = co_await connect_crowd(connections, how);
    co_await rounds(c, 20);
    const loop_statistics before = this_loop().statistics();
    co_await rounds(c, 100);
    const loop_statistics after = this_loop().statistics();
    co_await hang_up(c);
    co_return turn_costs{after.turns - before.turns, after.engine.enters - before.engine.enters,
                         after.engine.vain_reads - before.engine.vain_reads};
}

}  // namespace

#if !LIBASYNC_SANITIZED
TEST_CASE("an echo allocates nothing for a message once it is warm") {
    for (const std::size_t connections : {1u, 50u}) {
        CAPTURE(connections);
        CHECK(async::run(allocations_of_echo(connections, reading::chunks)) == 0);
        CHECK(async::run(allocations_of_echo(connections, reading::into_memory)) == 0);
    }
}
#endif

TEST_CASE("a turn of an echo visits the kernel at most once") {
    for (const std::size_t connections : {1u, 50u}) {
        for (const reading how : {reading::chunks, reading::into_memory}) {
            const turn_costs costs = async::run(turns_of_echo(connections, how));
            CAPTURE(connections);
            CHECK(costs.enters <= costs.turns + 1);
            CHECK(costs.enters > 0);
        }
    }
}

TEST_CASE("a message is read by one call: none looks for what is not there") {
    for (const std::size_t connections : {1u, 50u}) {
        for (const reading how : {reading::chunks, reading::into_memory}) {
            const turn_costs costs = async::run(turns_of_echo(connections, how));
            CAPTURE(connections);
            CHECK(costs.vain_reads <= 3 * connections);  // of 200 each
        }
    }
}

TEST_CASE("while coroutines are ready and nothing is queued the kernel is visited once in 256 steps") {
    if (on_sim()) {
        MESSAGE("skipped: a simulated world has news in every turn");
        return;
    }
    const auto enters = async::run([]() -> task<std::uint64_t> {
        for (int i = 0; i < 1000; ++i) co_await yield();
        const std::uint64_t before = this_loop().statistics().engine.enters;
        for (int i = 0; i < 25'600; ++i) co_await yield();
        co_return this_loop().statistics().engine.enters - before;
    }());
    CHECK(enters <= 101);
}
