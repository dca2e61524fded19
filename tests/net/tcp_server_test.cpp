#include <libasync/net/tcp_server.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tests/support/expect.hpp>
#include <tests/support/network.hpp>
#include <tests/support/own_address.hpp>
#include <tests/support/scripted.hpp>
#include <tests/support/system.hpp>

using namespace async_tests;

namespace {

task<void> echo(tcp_stream stream) {
    for (;;) {
        const chunk data = co_await stream.read();
        if (data.empty()) co_return;
        co_await stream.write(data);
    }
}

task<std::string> ask(tcp_stream& client, std::string_view question) {
    co_await client.write(question);
    co_return co_await read_exactly(client, question.size());
}

task<void> until_served(const tcp_server& server, std::uint64_t count) {
    while (server.accepted() < count) co_await sleep(100us);
}

task<void> until_left(const tcp_server& server, std::size_t count) {
    while (server.connections() != count) co_await sleep(100us);
}

}  // namespace

TEST_CASE("each connection gets its handler, and all are served at once") {
    const int before = open_descriptors();
    async::run([]() -> task<void> {
        tcp_server server{"127.0.0.1", 0, echo};
        CHECK(server.local_endpoint().port() != 0);
        CHECK(server.local_endpoint().address() == "127.0.0.1");
        auto serving = create_task(server.serve());
        std::vector<tcp_stream> clients;
        for (int i = 0; i < 20; ++i) clients.push_back(co_await connect(server.local_endpoint()));
        for (int round = 0; round < 3; ++round) {
            for (std::size_t i = 0; i < clients.size(); ++i) {
                const std::string question = "question " + std::to_string(i);
                const std::string answer = co_await ask(clients[i], question);
                CHECK(answer == question);
            }
        }
        CHECK(server.connections() == 20);
        CHECK(server.accepted() == 20);
        clients.resize(5);
        co_await until_left(server, 5);
        clients.clear();
        co_await until_left(server, 0);
        CHECK(server.accepted() == 20);
        CHECK_FALSE(server.is_closed());
        server.close();
        co_await serving;
        CHECK(server.is_closed());
    }());
    CHECK(open_descriptors() == before);
}

TEST_CASE("who connects before the server serves waits in the backlog") {
    async::run([]() -> task<void> {
        tcp_server server{endpoint::loopback(0), echo};
        tcp_stream client = co_await connect(server.local_endpoint());
        CHECK(server.accepted() == 0);
        auto serving = create_task(server.serve());
        const std::string answer = co_await ask(client, "early");
        CHECK(answer == "early");
        co_await client.close();
        server.close();
        co_await serving;
    }());
}

TEST_CASE("a handler is a function, a closure with what it keeps, and may ask for the addresses") {
    async::run([]() -> task<void> {
        auto prefix = std::make_unique<std::string>("hello ");
        auto greet = [prefix = std::move(prefix)](tcp_stream client, connection_info info) -> task<void> {
            const std::string text = *prefix + info.peer.to_string() + " at " + info.local.to_string();
            co_await client.write(text);
            co_await client.close();
        };
        tcp_server server{tcp_listener::bind(endpoint::loopback(0)), std::move(greet)};
        auto serving = create_task(server.serve());
        for (int i = 0; i < 3; ++i) {
            tcp_stream client = co_await connect(server.local_endpoint());
            const std::string text = co_await read_all(client);
            CHECK(text == "hello " + client.local_endpoint().to_string() + " at " +
                              server.local_endpoint().to_string());
        }
        server.close();
        co_await serving;
    }());
}

TEST_CASE("after close nobody is let in, and who is there may finish") {
    const int before = open_descriptors();
    async::run([]() -> task<void> {
        tcp_server server{own_address(), echo};
        auto serving = create_task(server.serve());
        tcp_stream client = co_await connect(server.local_endpoint());
        co_await until_served(server, 1);
        server.close();
        server.close();
        CHECK(server.is_closed());
        co_await server.wait_stopped();
        const std::error_code code = co_await error_of(connect(server.local_endpoint()));
        CHECK(code == std::errc::connection_refused);
        CHECK_FALSE(serving.done());
        const std::string answer = co_await ask(client, "still there?");
        CHECK(answer == "still there?");
        CHECK(server.connections() == 1);
        co_await client.close();
        co_await serving;
        CHECK(server.connections() == 0);
    }());
    CHECK(open_descriptors() == before);
}

TEST_CASE("when serve has returned the port is free") {
    async::run([]() -> task<void> {
        endpoint where = endpoint::loopback(0);
        for (int i = 0; i < 5; ++i) {
            tcp_server server{where, echo};
            where = server.local_endpoint();
            auto serving = create_task(server.serve());
            tcp_stream client = co_await connect(where);
            const std::string answer = co_await ask(client, "x");
            CHECK(answer == "x");
            co_await client.close();
            server.close();
            co_await serving;
        }
    }());
}

namespace {

// How handlers end.
struct endings {
    int finished = 0;
    int cancelled = 0;
    int lost = 0;  // their connection
};

// Ends with its peer, or when it is cancelled.
auto patient(endings& seen) {
    return [&seen](tcp_stream stream) -> task<void> {
        try {
            co_await echo(std::move(stream));
            ++seen.finished;
        } catch (const async::cancelled&) {
            ++seen.cancelled;
            throw;
        }
    };
}

task<void> read_shielded(tcp_stream& stream) { static_cast<void>(co_await shield(stream.read())); }

// Does not hear of cancellations.
auto deaf(endings& seen) {
    return [&seen](tcp_stream stream) -> task<void> {
        try {
            co_await read_shielded(stream);
            ++seen.finished;
        } catch (const std::system_error& e) {
            seen.lost += e.code() == errc::closed;
        }
    };
}

}  // namespace

TEST_CASE("who has not finished when the drain is over is cancelled") {
    const int before = open_descriptors();
    async::run([]() -> task<void> {
        endings seen;
        tcp_server server{"127.0.0.1", 0, patient(seen), {.drain_timeout = 20ms}};
        auto serving = create_task(server.serve());
        std::vector<tcp_stream> clients;
        for (int i = 0; i < 3; ++i) clients.push_back(co_await connect(server.local_endpoint()));
        co_await until_served(server, 3);
        const time_point closed_at = clock_now();
        server.close();
        co_await clients[0].close();
        co_await until_left(server, 2);
        co_await serving;
        CHECK(clock_now() - closed_at >= 20ms);
        if (on_sim()) CHECK(clock_now() - closed_at < 30ms);
        CHECK(seen.finished == 1);
        CHECK(seen.cancelled == 2);
        const chunk end = co_await clients[1].read();
        CHECK(end.empty());
    }());
    CHECK(open_descriptors() == before);
}

TEST_CASE("without a time for the drain, handlers are cancelled in the next turn; with an endless one, never") {
    async::run([]() -> task<void> {
        endings seen;
        for (const auto drain : {std::chrono::nanoseconds(0), std::chrono::nanoseconds::max()}) {
            tcp_server server{"127.0.0.1", 0, patient(seen), {.drain_timeout = drain}};
            auto serving = create_task(server.serve());
            tcp_stream client = co_await connect(server.local_endpoint());
            co_await until_served(server, 1);
            server.close();
            if (drain > 0s) {
                co_await sleep(on_sim() ? std::chrono::nanoseconds(24h) : 10ms);
                CHECK_FALSE(serving.done());
                co_await client.close();
            }
            co_await serving;
        }
        CHECK(seen.cancelled == 1);
        CHECK(seen.finished == 1);
    }());
}

TEST_CASE("handlers that do not hear of their cancellation lose their connection in the end") {
    const int before = open_descriptors();
    async::run([]() -> task<void> {
        endings seen;
        tcp_server server{"127.0.0.1", 0, deaf(seen), {.drain_timeout = 5ms, .abort_timeout = 15ms}};
        auto serving = create_task(server.serve());
        std::vector<tcp_stream> clients;
        for (int i = 0; i < 3; ++i) clients.push_back(co_await connect(server.local_endpoint()));
        co_await until_served(server, 3);
        const time_point closed_at = clock_now();
        server.close();
        co_await serving;
        CHECK(clock_now() - closed_at >= 20ms);
        if (on_sim()) CHECK(clock_now() - closed_at < 30ms);
        CHECK(seen.lost == 3);
        for (tcp_stream& client : clients) {
            const std::error_code code = co_await error_of(client.read());
            CHECK(was_reset(code));
        }
    }());
    CHECK(open_descriptors() == before);
}

TEST_CASE("a server whose serve is cancelled cancels its handlers at once, and is closed") {
    async::run([]() -> task<void> {
        endings seen;
        tcp_server server{"127.0.0.1", 0, patient(seen)};
        auto serving = create_task(server.serve());
        tcp_stream client = co_await connect(server.local_endpoint());
        const std::string answer = co_await ask(client, "x");
        CHECK(answer == "x");
        serving.cancel();
        const bool was_cancelled = co_await throws<task_cancelled>(std::move(serving));
        CHECK(was_cancelled);
        CHECK(seen.cancelled == 1);
        CHECK(server.is_closed());
        co_await server.wait_closed();
    }());
}

TEST_CASE("a drain that is cancelled ends the waiting, and the deaf lose their connection too") {
    async::run([]() -> task<void> {
        endings quiet;
        endings stubborn;
        tcp_server first{"127.0.0.1", 0, patient(quiet), {.drain_timeout = 24h}};
        tcp_server second{"127.0.0.1", 0, deaf(stubborn), {.drain_timeout = 24h, .abort_timeout = 1ms}};
        auto one = create_task(first.serve());
        auto two = create_task(second.serve());
        tcp_stream to_first = co_await connect(first.local_endpoint());
        tcp_stream to_second = co_await connect(second.local_endpoint());
        co_await until_served(first, 1);
        co_await until_served(second, 1);
        first.close();
        second.close();
        for (int i = 0; i < 5; ++i) co_await yield();
        one.cancel();
        two.cancel();
        const bool first_cancelled = co_await throws<task_cancelled>(std::move(one));
        const bool second_cancelled = co_await throws<task_cancelled>(std::move(two));
        CHECK(first_cancelled);
        CHECK(second_cancelled);
        CHECK(quiet.cancelled == 1);
        CHECK(stubborn.lost == 1);
    }());
}

TEST_CASE("no more connections are accepted than there is room for") {
    async::run([]() -> task<void> {
        CHECK_THROWS_AS((tcp_server{"127.0.0.1", 0, echo, {.max_connections = 0}}), std::invalid_argument);
        tcp_server server{"127.0.0.1", 0, echo, {.max_connections = 2}};
        auto serving = create_task(server.serve());
        std::vector<tcp_stream> clients;
        for (int i = 0; i < 5; ++i) {
            clients.push_back(co_await connect(server.local_endpoint()));
            co_await clients.back().write("x");
        }
        for (std::uint64_t served = 2; served <= 5; ++served) {
            co_await until_served(server, served);
            co_await sleep(1ms);
            CHECK(server.accepted() == served);
            CHECK(server.connections() == 2);
            const std::string answer = co_await read_exactly(clients[served - 2], 1);
            CHECK(answer == "x");
            co_await clients[served - 2].close();
        }
        const std::string last = co_await read_exactly(clients[4], 1);
        CHECK(last == "x");
        clients.clear();
        co_await until_left(server, 0);
        server.close();
        co_await serving;
    }());
}

TEST_CASE("a full server can be closed and cancelled") {
    async::run([]() -> task<void> {
        for (const bool cancel : {false, true}) {
            tcp_server server{"127.0.0.1", 0, echo, {.max_connections = 1}};
            auto serving = create_task(server.serve());
            tcp_stream client = co_await connect(server.local_endpoint());
            tcp_stream waits = co_await connect(server.local_endpoint());
            co_await until_served(server, 1);
            co_await sleep(1ms);
            if (cancel) {
                serving.cancel();
            } else {
                server.close();
                co_await client.close();
            }
            co_await serving.wait();
            CHECK(server.accepted() == 1);
            CHECK(serving.cancelled() == cancel);
        }
    }());
}

TEST_CASE("a server serves once, on its own loop, and not after it was closed") {
    async::run([]() -> task<void> {
        tcp_server server{"127.0.0.1", 0, echo};
        auto serving = create_task(server.serve());
        co_await yield();
        const bool twice = co_await throws<std::logic_error>(server.serve());
        CHECK(twice);
        CHECK_FALSE(server.is_closed());
        server.close();
        co_await serving;
        co_await server.serve();  // at once

        tcp_server never_served{own_address(), echo};
        never_served.close();
        const std::error_code refused = co_await error_of(connect(never_served.local_endpoint()));
        CHECK(refused == std::errc::connection_refused);
        co_await never_served.serve();
        co_await never_served.wait_stopped();
        co_await never_served.wait_closed();

        tcp_server moved = std::move(never_served);
        CHECK_THROWS_AS(static_cast<void>(never_served.serve()), std::system_error);
        CHECK_THROWS_AS(static_cast<void>(never_served.wait_closed()), std::system_error);
        CHECK(never_served.is_closed());
        CHECK(never_served.connections() == 0);
        never_served.close();
        CHECK_THROWS_AS((tcp_server{tcp_listener(), echo}), std::system_error);
    }());
}

TEST_CASE("a server that is destroyed while it serves is closed, and its handlers may finish") {
    const int before = open_descriptors();
    async::run([]() -> task<void> {
        endings seen;
        auto server = std::make_unique<tcp_server>(endpoint::loopback(0), patient(seen));
        const endpoint where = server->local_endpoint();
        auto serving = create_task(server->serve());
        auto closing = create_task(server->wait_closed());
        tcp_stream client = co_await connect(where);
        co_await until_served(*server, 1);
        server.reset();
        const std::string answer = co_await ask(client, "who serves?");
        CHECK(answer == "who serves?");
        CHECK_FALSE(closing.done());
        co_await client.close();
        co_await serving;
        co_await closing;
        CHECK(seen.finished == 1);
    }());
    CHECK(open_descriptors() == before);
}

TEST_CASE("a server that is assigned another one is closed") {
    async::run([]() -> task<void> {
        tcp_server server{own_address(), echo};
        const endpoint first = server.local_endpoint();
        auto serving = create_task(server.serve());
        co_await yield();
        server = tcp_server{"127.0.0.1", 0, echo};
        co_await serving;
        CHECK(server.local_endpoint() != first);
        CHECK_FALSE(server.is_closed());
        const std::error_code refused = co_await error_of(connect(first));
        CHECK(refused == std::errc::connection_refused);
    }());
}

TEST_CASE("a loop that ends while a server serves ends the server") {
    const int before = open_descriptors();
    endings seen;
    std::optional<tcp_server> server;
    async::run([](std::optional<tcp_server>& server, endings& seen) -> task<void> {
        server.emplace("127.0.0.1", 0, patient(seen));
        create_task(server->serve());
        tcp_stream client = co_await connect(server->local_endpoint());
        const std::string answer = co_await ask(client, "x");
        CHECK(answer == "x");
    }(server, seen));
    CHECK(seen.cancelled + seen.finished == 1);
    CHECK(server->is_closed());
    CHECK(server->connections() == 0);
    server.reset();
    CHECK(open_descriptors() == before);
}
