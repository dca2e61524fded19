// A storm of connections of which each is reset half way.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <tests/load/load.hpp>

using namespace async;
using namespace async_tests;

namespace {

constexpr int storm = full_load(200'000);
constexpr int warm_up = full_load(20'000);
constexpr int clients_at_a_time = 64;
constexpr std::size_t answer_size = 20'000;
constexpr long most_growth_kib = 8 * 1024;

task<void> ask_and_get_all(endpoint where) {
    tcp_stream stream = co_await connect(where);
    co_await stream.write("a whole request\n");
    const std::string answer = co_await stream.read_exactly(answer_size);
    if (answer != letters(0, answer_size)) throw std::runtime_error("a wrong answer");
    co_await stream.shutdown_write();
    const chunk rest = co_await stream.read();
    if (!rest.empty()) throw std::runtime_error("more than the answer");
    co_await stream.close();
}

task<void> reset(endpoint where, int kind) {
    tcp_stream stream = co_await connect(where);
    if (kind == 1) co_await stream.write("half a requ");
    if (kind >= 2) co_await stream.write("a whole request\n");
    if (kind == 3) static_cast<void>(co_await stream.read_exactly(1000));  // and the rest is not read any more
    stream.abort();
}

task<void> some_clients(endpoint where, int first, int count) {
    for (int i = first; i < first + count; ++i) {
        try {
            if (i % 1000 == 0) {
                co_await ask_and_get_all(where);
            } else {
                co_await reset(where, i % 4);
            }
        } catch (const std::system_error& e) {
            throw std::runtime_error("client " + std::to_string(i) + ": " + e.what());
        }
    }
}

task<void> some_storm(endpoint where, int count) {
    std::vector<task<void>> all;
    const int each = count / clients_at_a_time;
    for (int i = 0; i < clients_at_a_time; ++i) all.push_back(some_clients(where, i * each, each));
    co_await gather(std::move(all));
}

task<void> clients(talk& with) {
    const endpoint where = co_await with.hear_of_server();
    const int before = open_descriptors();
    co_await some_storm(where, warm_up);
    co_await with.say("done warming up");
    co_await with.expect("storm");
    const long memory = resident_kib();
    co_await some_storm(where, storm - warm_up);
    if (memory_tells && resident_kib() > memory + most_growth_kib) throw std::runtime_error("the clients grow");
    co_await until([&] { return open_descriptors() <= before; });
    co_await with.say("done storm");
}

struct counts {
    int answered = 0;
    int broken_off = 0;
};

task<void> serve(tcp_stream stream, counts& count) {
    try {
        for (;;) {
            const std::string request = co_await stream.read_line();
            if (request.empty()) co_return;
            co_await stream.write(letters(0, answer_size));
            ++count.answered;
        }
    } catch (const std::system_error&) {
        ++count.broken_off;
    }
}

task<void> go_through(second_process& process) {
    talk with = process.connect();
    counts count;
    auto handler = [&count](tcp_stream stream) { return serve(std::move(stream), count); };
    tcp_server server{"127.0.0.1", 0, handler};
    auto serving = create_task(server.serve());
    const int descriptors = open_descriptors();
    co_await with.say(std::to_string(server.local_endpoint().port()));
    co_await with.expect("done warming up");
    co_await until([&] { return server.connections() == 0; });
    const long memory = resident_kib();
    const effort since;
    co_await with.order("storm");
    co_await until([&] { return server.connections() == 0 && open_descriptors() <= descriptors; });
    const std::uint64_t enters = since.enters();
    const long afterwards = resident_kib();
    MESSAGE(server.accepted(), " connections, ", count.answered, " answers, ", count.broken_off,
            " ended by an error; visits of the kernel: ", enters, "; memory in KiB: ", memory, ", then ", afterwards);
    CHECK(server.accepted() <= static_cast<std::uint64_t>(storm));
    CHECK(server.accepted() > static_cast<std::uint64_t>(storm) / 2);  // some are gone before anybody could accept them
    CHECK(count.broken_off > 0);
    CHECK(enters <= since.turns() + 1);
    CHECK(enters <= std::uint64_t{20} * storm);
    if (memory_tells) CHECK(afterwards <= memory + most_growth_kib);
    CHECK(open_descriptors() == descriptors);
    const std::uint64_t quiet = co_await turns_of_a_quiet_moment();
    CHECK(quiet <= 10);
    co_await ask_and_get_all(server.local_endpoint());
    server.close();
    co_await serving;
}

}  // namespace

TEST_CASE("a server goes on after 200,000 connections that were reset half way, and has lost nothing by them") {
    const int before = open_descriptors();
    {
        second_process process(clients);
        async::run(go_through(process));
        CHECK(process.wait() == 0);
    }
    CHECK(open_descriptors() == before);
}
