#include <libasync/net/unix_server.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

#include <tests/support/expect.hpp>
#include <tests/support/files.hpp>
#include <tests/support/network.hpp>
#include <tests/support/scripted.hpp>

#ifndef _WIN32

using namespace async_tests;

namespace {

task<void> echo(unix_stream stream) {
    for (;;) {
        const chunk data = co_await stream.read();
        if (data.empty()) co_return;
        co_await stream.write(data);
    }
}

// Never ends by itself.
task<void> wait_for_ever(unix_stream stream) {
    co_await stream.write("!");
    co_await sleep(24h);
}

task<std::string> ask(unix_stream& client, std::string_view question) {
    co_await client.write(question);
    co_return co_await client.read_exactly(question.size());
}

bool stands(const std::string& path) {
    io::file_identity ignored;
    return this_engine().calls().identify_path(path.c_str(), ignored) == 0;
}

}  // namespace

TEST_CASE("each connection to a unix_server gets its handler, and the path goes with the server") {
    const int before = open_descriptors();
    async::run([]() -> task<void> {
        const temporary_directory directory;
        const std::string path = directory / "socket";
        unix_server server{path, echo};
        CHECK(server.local_endpoint().path() == path);
        auto serving = create_task(server.serve());
        std::vector<unix_stream> clients;
        for (int i = 0; i < 10; ++i) clients.push_back(co_await unix_connect(path));
        for (std::size_t i = 0; i < clients.size(); ++i) {
            const std::string question = "question " + std::to_string(i);
            const std::string answer = co_await ask(clients[i], question);
            CHECK(answer == question);
        }
        CHECK(server.connections() == 10);
        clients.clear();
        CHECK(stands(path));
        server.close();
        co_await server.wait_stopped();
        CHECK_FALSE(stands(path));
        co_await serving;
        CHECK(server.accepted() == 10);
    }());
    CHECK(open_descriptors() == before);
}

TEST_CASE("a unix_server takes over a listener, and its handler may keep something and ask who is there") {
    async::run([]() -> task<void> {
        const temporary_directory directory;
        auto listener = unix_listener::bind(directory / "socket", {.permissions = 0600});
        auto greet = [greeting = std::string("hello ")](unix_stream client, connection_info info) -> task<void> {
            CHECK(info.peer.port() == 0);
            co_await client.write(greeting, std::to_string(client.peer_credentials().pid));
            co_await client.close();
        };
        unix_server server{std::move(listener), std::move(greet)};
        auto serving = create_task(server.serve());
        unix_stream client = co_await unix_connect(server.local_endpoint());
        const std::string text = co_await client.read_all();
        CHECK(text == "hello " + std::to_string(client.peer_credentials().pid));
        server.close();
        co_await serving;
    }());
}

TEST_CASE("a unix_server leaves a path alone that is another's by now") {
    async::run([]() -> task<void> {
        const temporary_directory directory;
        const std::string path = directory / "socket";
        std::optional<unix_server> old(std::in_place, path, echo);
        CHECK(this_engine().calls().remove_path(path.c_str()) == 0);
        unix_server fresh{path, echo};
        auto serving = create_task(fresh.serve());
        old.reset();
        CHECK(stands(path));
        unix_stream client = co_await unix_connect(path);
        const std::string answer = co_await ask(client, "who?");
        CHECK(answer == "who?");
        co_await client.close();
        fresh.close();
        co_await serving;
        CHECK_FALSE(stands(path));
    }());
}

TEST_CASE("a unix_server drains, then cancels those that go on") {
    async::run([]() -> task<void> {
        const temporary_directory directory;
        unix_server server{directory / "socket", wait_for_ever, {.drain_timeout = 1ms}};
        auto serving = create_task(server.serve());
        unix_stream client = co_await unix_connect(server.local_endpoint());
        const std::string begun = co_await client.read_exactly(1);
        CHECK(begun == "!");
        server.close();
        co_await serving;
        const std::string rest = co_await client.read_all();
        CHECK(rest.empty());
        CHECK(server.connections() == 0);
    }());
}

TEST_CASE("a second unix_server at a path is refused, and so is a listener that is closed") {
    async::run([]() -> task<void> {
        const temporary_directory directory;
        const std::string path = directory / "socket";
        unix_server server{path, echo};
        CHECK_THROWS_AS((unix_server{path, echo}), std::system_error);
        CHECK(stands(path));
        CHECK_THROWS_AS((unix_server{unix_listener(), echo}), std::system_error);
        co_return;
    }());
}

TEST_CASE("clients of a unix_server that has no room wait") {
    async::run([]() -> task<void> {
        const temporary_directory directory;
        unix_server server{directory / "socket", echo, {.max_connections = 1}};
        auto serving = create_task(server.serve());
        unix_stream first = co_await unix_connect(server.local_endpoint());
        const std::string one = co_await ask(first, "first");
        CHECK(one == "first");
        unix_stream second = co_await unix_connect(server.local_endpoint());
        co_await second.write("second");
        co_await first.close();
        const std::string two = co_await second.read_exactly(6);
        CHECK(two == "second");
        co_await second.close();
        server.close();
        co_await serving;
    }());
}

#endif
