// Five thousand connections that never finish their handshake, and one client that does.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include <tests/load/load.hpp>
#include <tests/support/tls.hpp>

using namespace async;
using namespace async_tests;

namespace {

constexpr int silent_clients = full_load(5'000);
constexpr int dripping_clients = 50;
constexpr std::chrono::milliseconds deadline(4'000);
constexpr long most_bytes_per_handshake = 40 * 1024;  // of which OpenSSL has most
constexpr long most_growth_kib = 8 * 1024;

// What a client says first.
task<std::string> first_words() {
    auto [near, far] = memory_stream::pair();
    auto handshake = create_task(tls_stream::upgrade(std::move(near), the_tls_world().client_context,
                                                     {.server_name = "localhost"}));
    const chunk hello = co_await far.read();
    std::string text(hello.text());
    handshake.cancel();
    co_await handshake.wait();
    co_return text;
}

task<void> read_to_end(tcp_stream& stream) {
    try {
        for (;;) {
            const chunk data = co_await stream.read();
            if (data.empty()) co_return;
        }
    } catch (const std::system_error&) {  // a reset is an end as well
    }
}

// Sends its hello so slowly that the time is over before.
task<void> drip(endpoint where, std::string hello) {
    tcp_stream stream = co_await connect(where);
    try {
        for (const char& c : hello) {
            co_await stream.write(std::string_view(&c, 1));
            co_await sleep(deadline / 40);
        }
        throw std::runtime_error("the server has patience for ever");
    } catch (const std::system_error&) {
    }
}

task<void> good_client(endpoint where) {
    tls_stream stream = co_await tls_connect(where, {.server_name = "localhost"}, the_tls_world().client_context);
    co_await stream.write("hello\n");
    const std::string answer = co_await stream.read_line();
    if (answer != "hello\n") throw std::runtime_error("a good client is not served");
    co_await stream.close();
}

// All kinds of half a handshake, until the server has ended each of them.
task<void> wave(talk& with, endpoint where, std::string hello) {
    const std::string_view half = std::string_view(hello).substr(0, hello.size() / 2);
    std::vector<tcp_stream> streams;
    for (int i = 0; i < silent_clients; ++i) {
        streams.push_back(co_await connect(where));
        if (i % 2 == 1) co_await streams.back().write(half);
    }
    std::vector<task<void>> drips;
    for (int i = 0; i < dripping_clients; ++i) drips.push_back(drip(where, hello));
    auto dripping = create_task(gather(std::move(drips)));
    co_await with.say("connected");
    for (int i = 0; i < 10; ++i) co_await good_client(where);
    for (tcp_stream& stream : streams) co_await read_to_end(stream);
    co_await dripping;
}

task<void> clients(talk& with) {
    const endpoint where = co_await with.hear_of_server();
    const int before = open_descriptors();
    const std::string hello = co_await first_words();
    for (int i = 0; i < 2; ++i) {
        co_await with.expect("begin");
        co_await wave(with, where, hello);
        co_await until([&] { return open_descriptors() <= before; });
        co_await with.say("done");
    }
}

struct counts {
    int begun = 0;
    int timed_out = 0;
    int served = 0;
    std::string failure;
};

task<void> serve(tcp_stream transport, counts& count) {
    ++count.begun;
    try {
        tls_stream stream = co_await tls_stream::accept(std::move(transport), the_tls_world().server_context,
                                                        {.handshake_timeout = deadline});
        const std::string line = co_await stream.read_line();
        co_await stream.write(line);
        co_await stream.close();
        ++count.served;
    } catch (const tls_error& e) {
        if (e.code() == tls_errc::handshake_timed_out) {
            ++count.timed_out;
        } else {
            count.failure = e.what();
        }
    }
}

task<long> endure(talk& with, tcp_server& server, counts& count, int descriptors) {
    const long memory = resident_kib();
    count = {};
    const effort since;
    co_await with.say("begin");
    co_await with.expect("connected");
    co_await until([&] { return count.begun >= silent_clients + dripping_clients; });
    const long pending_memory = resident_kib();
    const std::size_t pending = server.connections();
    co_await with.expect("done");
    co_await until([&] { return server.connections() == 0 && open_descriptors() <= descriptors; });
    MESSAGE("bytes of memory for each of ", pending, " handshakes: ",
            (pending_memory - memory) * 1024 / static_cast<long>(std::max<std::size_t>(pending, 1)),
            "; visits of the kernel: ", since.enters());
    CHECK(count.timed_out == silent_clients + dripping_clients);
    CHECK(count.served == 10);
    CHECK(count.failure == "");
    CHECK(open_descriptors() == descriptors);
    CHECK(since.enters() <= std::uint64_t{20} * (silent_clients + 50 * dripping_clients));
    if (memory_tells) CHECK((pending_memory - memory) <= silent_clients * most_bytes_per_handshake / 1024);
    co_return resident_kib();
}

task<void> go_through(second_process& process) {
    talk with = process.connect();
    counts count;
    auto handler = [&count](tcp_stream stream) { return serve(std::move(stream), count); };
    tcp_server server{"127.0.0.1", 0, handler};
    auto serving = create_task(server.serve());
    const int descriptors = open_descriptors();
    co_await with.say(std::to_string(server.local_endpoint().port()));
    const long after_first = co_await endure(with, server, count, descriptors);
    const long after_second = co_await endure(with, server, count, descriptors);
    MESSAGE("memory in KiB after each time: ", after_first, ", ", after_second);
    if (memory_tells) CHECK(after_second <= after_first + most_growth_kib);
    const std::uint64_t quiet = co_await turns_of_a_quiet_moment();
    CHECK(quiet <= 10);
    server.close();
    co_await serving;
}

}  // namespace

TEST_CASE("5,000 handshakes that are never finished end when their time is over, and others are served meanwhile") {
    if (!can_open(silent_clients + 200)) {
        MESSAGE("skipped: this user may not have 5,200 descriptors (RLIMIT_NOFILE)");
        return;
    }
    const int before = open_descriptors();
    the_tls_world();
    {
        second_process process(clients);
        async::run(go_through(process));
        CHECK(process.wait() == 0);
    }
    CHECK(open_descriptors() == before);
}
