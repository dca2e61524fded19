// Servers: rows 128, 130 and 131 of what asyncio promises, and what its tests of them pin.
#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

#include <libasync/net/tcp_server.hpp>

#include <tests/support/expect.hpp>
#include <tests/support/network.hpp>
#include <tests/support/scripted.hpp>
#include <tests/support/system.hpp>

#ifndef _WIN32
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>
#endif

using namespace async_tests;

namespace {

task<void> echo(tcp_stream stream) {
    for (;;) {
        const chunk data = co_await stream.read();
        if (data.empty()) co_return;
        co_await stream.write(data);
    }
}

task<tcp_stream> connect_and_ask(endpoint where) {
    tcp_stream client = co_await connect(where);
    co_await client.write("x");
    const std::string answer = co_await read_exactly(client, 1);
    CHECK(answer == "x");
    co_return client;
}

task<void> turns(int count) {
    for (int i = 0; i < count; ++i) co_await yield();
}

task<bool> still_works(const tcp_server& server) {
    tcp_stream client = co_await connect_and_ask(server.local_endpoint());
    co_await client.close();
    co_return true;
}

}  // namespace

#ifdef __linux__
TEST_CASE("128: without descriptors the server accepts nobody for a while, says so once, and then goes on") {
    if (on_sim()) {
        MESSAGE("skipped: a simulated world has no limit of descriptors");
        return;
    }
    log_recorder log;
    async::run([](log_recorder& log) -> task<void> {
        tcp_server server{"127.0.0.1", 0, echo};
        tcp_stream client = co_await connect(server.local_endpoint());
        co_await client.write("y");
        rlimit before{};
        ::getrlimit(RLIMIT_NOFILE, &before);
        const int next = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
        ::close(next);
        rlimit none = before;
        none.rlim_cur = static_cast<rlim_t>(next);
        ::setrlimit(RLIMIT_NOFILE, &none);
        auto serving = create_task(server.serve());
        for (int i = 0; i < 10'000 && !log.has("accept cannot go on"); ++i) co_await sleep(1ms);
        CHECK(server.accepted() == 0);
        ::setrlimit(RLIMIT_NOFILE, &before);
        const std::string answer = co_await read_exactly(client, 1);
        CHECK(answer == "y");
        server.close();
        server.close_clients();
        co_await serving;
    }(log));
    CHECK(log.has("accept cannot go on"));
    CHECK(log.lines.size() <= 2);
}
#endif

TEST_CASE("130: what a handler throws is reported with the peer's address, and ends that connection only") {
    runner r;
    report_recorder recorder(r.loop());
    std::string peer;
    const int before = open_descriptors();
    r.run([](std::string& peer) -> task<void> {
        auto handler = [](tcp_stream stream) -> task<void> {
            const chunk data = co_await stream.read();
            if (data.text() == "fail") throw std::runtime_error("a bad day");
            co_await stream.write(data);
            co_await echo(std::move(stream));
        };
        tcp_server server{"127.0.0.1", 0, handler};
        auto serving = create_task(server.serve());
        tcp_stream other = co_await connect_and_ask(server.local_endpoint());
        tcp_stream client = co_await connect(server.local_endpoint());
        peer = client.local_endpoint().to_string();
        co_await client.write("fail");
        const chunk end = co_await client.read();
        CHECK(end.empty());
        CHECK(server.connections() == 1);
        co_await other.write("z");
        const std::string answer = co_await read_exactly(other, 1);
        CHECK(answer == "z");
        const bool works = co_await still_works(server);
        CHECK(works);
        co_await other.close();
        server.close();
        co_await serving;
    }(peer));
    REQUIRE(recorder.reports.size() == 1);
    CHECK(recorder.reports[0].message == "the handler of the connection from " + peer + " failed");
    CHECK(recorder.reports[0].what == "a bad day");
    CHECK(recorder.reports[0].file.find("servers_test.cpp") != std::string::npos);
    CHECK(open_descriptors() == before);
}

TEST_CASE("130: a handler that throws before its first await, or is no coroutine, is reported too") {
    runner r;
    report_recorder recorder(r.loop());
    r.run([]() -> task<void> {
        auto handler = [](tcp_stream) -> task<void> { throw std::runtime_error("at once"); };
        tcp_server server{"127.0.0.1", 0, handler};
        auto serving = create_task(server.serve());
        for (int i = 0; i < 3; ++i) {
            tcp_stream client = co_await connect(server.local_endpoint());
            const chunk end = co_await client.read();
            CHECK(end.empty());
        }
        server.close();
        co_await serving;
    }());
    CHECK(recorder.reports.size() == 3);
    for (const reported& report : recorder.reports) CHECK(report.what == "at once");
}

TEST_CASE("130: a handler that is cancelled closes its connection, and nobody is told") {
    runner r;
    report_recorder recorder(r.loop());
    r.run([]() -> task<void> {
        tcp_server server{"127.0.0.1", 0, echo};
        auto serving = create_task(server.serve());
        tcp_stream client = co_await connect_and_ask(server.local_endpoint());
        server.close_clients();
        const chunk end = co_await client.read();
        CHECK(end.empty());
        const bool works = co_await still_works(server);
        CHECK(works);
        serving.cancel();
        co_await serving.wait();
    }());
    CHECK(recorder.reports.empty());
}

TEST_CASE("131: wait_closed of a server that is not closed waits for close, whether there are clients or not") {
    async::run([]() -> task<void> {  // test_wait_closed_basic
        tcp_server server{"127.0.0.1", 0, echo};
        auto serving = create_task(server.serve());
        auto waiting = create_task(server.wait_closed());
        co_await turns(5);
        CHECK_FALSE(waiting.done());
        tcp_stream client = co_await connect_and_ask(server.local_endpoint());
        co_await client.close();
        while (server.connections() != 0) co_await sleep(100us);
        co_await turns(5);
        CHECK_FALSE(waiting.done());
        server.close();
        co_await waiting;
        co_await serving;
        co_await server.wait_closed();  // and from then on at once
    }());
}

TEST_CASE("131: wait_closed waits for the clients of a closed server, and for close when they have gone before") {
    async::run([]() -> task<void> {  // test_wait_closed_race, in both orders
        for (const bool client_first : {false, true}) {
            tcp_server server{"127.0.0.1", 0, echo};
            auto serving = create_task(server.serve());
            tcp_stream client = co_await connect_and_ask(server.local_endpoint());
            auto waiting = create_task(server.wait_closed());
            if (client_first) {
                co_await client.close();
                while (server.connections() != 0) co_await sleep(100us);
                CHECK_FALSE(waiting.done());
                server.close();
            } else {
                server.close();
                co_await sleep(1ms);
                CHECK_FALSE(waiting.done());
                co_await client.close();
            }
            co_await waiting;
            CHECK(server.connections() == 0);
            co_await serving;
        }
    }());
}

TEST_CASE("131: closing and the end of the last client in the same turn") {
    async::run([]() -> task<void> {
        tcp_server server{"127.0.0.1", 0, echo};
        auto serving = create_task(server.serve());
        tcp_stream client = co_await connect_and_ask(server.local_endpoint());
        auto waiting = create_task(server.wait_closed());
        auto second = create_task(server.wait_closed());
        loop& here = this_loop();
        here.call_soon([&] { server.close(); });
        here.call_soon([&] { server.close_clients(); });
        co_await waiting;
        co_await second;
        co_await serving;
        const chunk end = co_await client.read();
        CHECK(end.empty());
    }());
}

TEST_CASE("131: close_clients ends the clients of a closed server") {
    async::run([]() -> task<void> {  // test_close_clients
        tcp_server server{"127.0.0.1", 0, echo};
        auto serving = create_task(server.serve());
        std::vector<tcp_stream> clients;
        for (int i = 0; i < 3; ++i) clients.push_back(co_await connect_and_ask(server.local_endpoint()));
        server.close();
        server.close_clients();
        co_await server.wait_closed();
        for (tcp_stream& client : clients) {
            const chunk end = co_await client.read();
            CHECK(end.empty());
        }
        co_await serving;
    }());
}

TEST_CASE("131: abort_clients resets the connections, also where the server has data that cannot be sent") {
    const int before = open_descriptors();
    async::run([]() -> task<void> {  // test_abort_clients
        std::error_code told;
        const std::string text = pattern(32 << 20);
        auto flood = [&](tcp_stream stream) -> task<void> { told = co_await error_of(shield(stream.write(text))); };
        tcp_server server{"127.0.0.1", 0, flood};
        auto serving = create_task(server.serve());
        tcp_stream client = co_await connect(server.local_endpoint());
        const std::string first = co_await read_exactly(client, 1000);
        CHECK(first == text.substr(0, 1000));
        server.close();
        server.close_clients();  // in vain
        co_await turns(5);
        CHECK(server.connections() == 1);
        server.abort_clients();
        co_await server.wait_closed();
        co_await serving;
        CHECK(told == errc::closed);
        std::error_code code;
        std::array<std::byte, 4096> room;
        for (std::size_t count = 1; count != 0 && !code;) {
            result<std::size_t> got = co_await as_result(client.read_some(room));
            if (got) {
                count = *got;
            } else {
                code = got.error();
            }
        }
        CHECK(was_reset(code));
    }());
    CHECK(open_descriptors() == before);
}

TEST_CASE("131: abort_clients of a server that is open goes on with others, and may come from a handler") {
    async::run([]() -> task<void> {
        tcp_server* running = nullptr;
        auto handler = [&running](tcp_stream stream) -> task<void> {
            const chunk data = co_await stream.read();
            if (data.text() == "abort") running->abort_clients();
            co_await stream.write(data);
            co_await echo(std::move(stream));
        };
        tcp_server server{"127.0.0.1", 0, handler};
        running = &server;
        auto serving = create_task(server.serve());
        tcp_stream other = co_await connect_and_ask(server.local_endpoint());
        tcp_stream client = co_await connect(server.local_endpoint());
        co_await client.write("abort");
        for (tcp_stream* s : {&client, &other}) {
            const std::error_code code = co_await error_of(s->read());
            CHECK(was_reset(code));
        }
        CHECK_FALSE(server.is_closed());
        const bool works = co_await still_works(server);
        CHECK(works);
        server.close();
        co_await serving;
    }());
}
