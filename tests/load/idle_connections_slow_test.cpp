// Ten thousand connections that say nothing beside a hundred that do.
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include <tests/load/load.hpp>

using namespace async;
using namespace async_tests;

namespace {

constexpr int idle_connections = full_load(10'000);
constexpr int active_connections = 100;
constexpr int echoes = full_load(400);  // of each
constexpr long most_bytes_per_idle = 4 * 1024;

// What comes back for it must be the same.
task<void> ask(tcp_stream& client, std::string_view text) {
    co_await client.write(text);
    const std::string answer = co_await client.read_exactly(text.size());
    if (answer != text) throw std::runtime_error("another answer than was asked for");
}

task<void> open_some(std::vector<tcp_stream>& streams, endpoint server, int count) {
    for (int i = 0; i < count; ++i) {
        tcp_stream stream = co_await connect(server);
        co_await ask(stream, "x");
        streams.push_back(std::move(stream));
    }
}

task<void> open(std::vector<tcp_stream>& streams, endpoint server, int count) {
    constexpr int at_a_time = 50;
    std::vector<task<void>> openers;
    for (int i = 0; i < at_a_time; ++i) openers.push_back(open_some(streams, server, count / at_a_time));
    co_await gather(std::move(openers));
}

task<void> chat(endpoint server, int seed) {
    tcp_stream stream = co_await connect(server);
    for (int i = 0; i < echoes; ++i) {
        const auto size = static_cast<std::size_t>(1 + (seed * 7919 + i * 104'729) % (i % 16 == 0 ? 60'000 : 600));
        co_await ask(stream, letters(static_cast<std::size_t>(seed + i), size));
    }
    co_await stream.close();
}

task<void> clients(talk& with) {
    const int before = open_descriptors();
    const endpoint server = co_await with.hear_of_server();
    std::vector<tcp_stream> streams;
    co_await open(streams, server, 500);
    streams.clear();
    co_await with.say("done warming up");
    co_await with.expect("idle");
    co_await open(streams, server, idle_connections);
    co_await with.say("done idle");
    co_await with.expect("active");
    std::vector<task<void>> chats;
    for (int i = 0; i < active_connections; ++i) chats.push_back(chat(server, i));
    co_await gather(std::move(chats));
    co_await with.say("done active");
    co_await with.expect("look");  // whether those that were silent still work
    for (std::size_t i = 0; i < streams.size(); i += 7) co_await ask(streams[i], "still there?");
    co_await with.say("done look");
    co_await with.expect("leave");
    for (tcp_stream& stream : streams) co_await stream.close();
    if (open_descriptors() != before) throw std::runtime_error("a client has left descriptors open");
    co_await with.say("done leave");
}

task<void> echo(tcp_stream stream) {
    for (;;) {
        const chunk data = co_await stream.read();
        if (data.empty()) co_return;
        co_await stream.write(data);
    }
}

task<void> go_through(second_process& process) {
    talk with = process.connect();
    tcp_server server{"127.0.0.1", 0, echo};
    auto serving = create_task(server.serve());
    co_await with.say(std::to_string(server.local_endpoint().port()));
    co_await with.expect("done warming up");
    co_await until([&] { return server.connections() == 0; });
    const int descriptors = open_descriptors();
    const long memory = resident_kib();

    co_await with.order("idle");
    co_await until([&] { return server.connections() == idle_connections; });
    const long idle_memory = resident_kib();
    const long bytes_each = (idle_memory - memory) * 1024 / idle_connections;
    MESSAGE("bytes of memory for each idle connection: ", bytes_each);
    if (memory_tells) CHECK(bytes_each <= most_bytes_per_idle);
    const std::uint64_t quiet = co_await turns_of_a_quiet_moment();
    CHECK(quiet <= 10);

    const effort since;
    co_await with.order("active");
    const std::uint64_t enters = since.enters();
    MESSAGE("visits of the kernel for ", active_connections * echoes, " echoes: ", enters);
    CHECK(enters <= since.turns() + 1);
    CHECK(enters <= std::uint64_t{10} * active_connections * echoes);
    co_await with.order("look");
    const std::uint64_t quiet_again = co_await turns_of_a_quiet_moment();
    CHECK(quiet_again <= 10);

    co_await with.order("leave");
    co_await until([&] { return server.connections() == 0 && open_descriptors() <= descriptors; });
    CHECK(open_descriptors() == descriptors);
    MESSAGE("memory in KiB: ", memory, " at the start, ", idle_memory, " when all were idle, ", resident_kib(),
            " at the end");
    if (memory_tells) CHECK(resident_kib() <= idle_memory + 4 * 1024);
    server.close();
    co_await serving;
}

}  // namespace

TEST_CASE("10,000 idle connections cost little, and 100 active ones beside them get the right echoes") {
    if (!can_open(idle_connections + active_connections + 100)) {
        MESSAGE("skipped: this user may not have 10,200 descriptors (RLIMIT_NOFILE)");
        return;
    }
    const int before = open_descriptors();
    {
        second_process process(clients);
        async::run(go_through(process));
        CHECK(process.wait() == 0);
    }
    CHECK(open_descriptors() == before);
}
