#include <libasync/net/unix_listener.hpp>

#include <doctest/doctest.h>

#include <string>

#include <libasync/testing/check_stream.hpp>

#include <tests/support/expect.hpp>
#include <tests/support/files.hpp>
#include <tests/support/network.hpp>
#include <tests/support/scripted.hpp>

#ifndef _WIN32

#include <sys/stat.h>
#include <unistd.h>

using namespace async_tests;

namespace {

// A name of this process's own.
std::string path_of(const char* name) {
    return "/tmp/libasync-" + std::to_string(::getpid()) + "-" + name;
}

}  // namespace

TEST_CASE("a client connects by path, and both know the listener's name") {
    async::run([]() -> task<void> {
        unix_listener listener = unix_listener::bind(path_of("names"));
        unix_stream client = co_await unix_connect(listener.local_endpoint());
        unix_stream server = co_await listener.accept();
        CHECK(client.remote_endpoint().path() == path_of("names"));
        CHECK(server.local_endpoint().path() == path_of("names"));
        CHECK(server.remote_endpoint().empty());
        co_await client.write("hello\n");
        const std::string line = co_await server.read_line();
        CHECK(line == "hello\n");
        co_await listener.close();
    }());
}

TEST_CASE("an abstract name vanishes with its listener") {
    async::run([]() -> task<void> {
        const unix_endpoint name = unix_endpoint::abstract(path_of("abstract"));
        {
            unix_listener listener = unix_listener::bind(name);
            unix_stream client = co_await unix_connect(name);
            unix_stream server = co_await listener.accept();
            co_await server.write("hi");
            const std::string text = co_await client.read_exactly(2);
            CHECK(text == "hi");
            co_await listener.close();
        }
        const std::error_code error = co_await error_of(unix_connect(name));
        CHECK(error == std::errc::connection_refused);
        const std::string message = co_await message_of(unix_connect(name));
        CHECK(message.find("connect to @") != message.npos);
    }());
}

TEST_CASE("the path is gone after the close, but not if it is somebody else's by then") {
    async::run([]() -> task<void> {
        const std::string path = path_of("ours");
        unix_listener first = unix_listener::bind(path);
        co_await first.close();
        const std::error_code gone = co_await error_of(unix_connect(path));
        CHECK(gone == std::errc::no_such_file_or_directory);

        unix_listener old = unix_listener::bind(path);
        io::system_calls& system = this_engine().calls();
        REQUIRE(system.remove_path(path.c_str()) == 0);
        unix_listener young = unix_listener::bind(path);
        co_await old.close();
        unix_stream client = co_await unix_connect(path);  // the young one's is still there
        co_await young.close();
    }());
}

TEST_CASE("what an ended program has left at the path is replaced; who listens there is not") {
    async::run([]() -> task<void> {
        const std::string path = path_of("stale");
        io::system_calls& system = this_engine().calls();
        int error = 0;
        const native_handle left = system.open_socket(io::socket_domain::local, io::socket_type::stream, error);
        REQUIRE(system.bind_local(left, path) == 0);
        system.close_socket(left);
        CHECK_THROWS_AS(unix_listener::bind(path, {.replace_stale = false}), std::system_error);
        unix_listener listener = unix_listener::bind(path);
        std::string message;
        try {
            unix_listener::bind(path);
        } catch (const std::system_error& e) {
            CHECK(e.code() == std::errc::address_in_use);
            message = e.what();
        }
        CHECK(message.find("listen on " + path) != message.npos);
        unix_stream client = co_await unix_connect(path);
        co_await listener.close();
    }());
}

TEST_CASE("a path gets the permissions that are asked for") {
    if (on_sim()) return;
    async::run([]() -> task<void> {
        const std::string path = path_of("mode");
        unix_listener listener = unix_listener::bind(path, {.permissions = 0600});
        struct stat status {};
        REQUIRE(::stat(path.c_str(), &status) == 0);
        CHECK((status.st_mode & 0777) == 0600);
        co_await listener.close();
    }());
}

TEST_CASE("while the queue is full a client waits, and is not refused") {
    async::run([]() -> task<void> {
        unix_listener listener = unix_listener::bind(path_of("full"), {.backlog = 1});
        std::vector<task_handle<unix_stream>> clients;
        for (int i = 0; i < 8; ++i) clients.push_back(create_task(unix_connect(listener.local_endpoint())));
        for (int i = 0; i < 8; ++i) {
            unix_stream server = co_await listener.accept();
            co_await server.write("you are in");
        }
        for (auto& client : clients) {
            unix_stream stream = co_await client;
            const std::string text = co_await stream.read_all();
            CHECK(text == "you are in");
        }
        co_await listener.close();
    }());
}

TEST_CASE("a pending accept ends with the listener") {
    async::run([]() -> task<void> {
        unix_listener listener = unix_listener::bind(path_of("pending"));
        auto accepting = create_task(listener.accept());
        co_await yield();
        co_await yield();
        co_await listener.close();
        const std::error_code error = co_await error_of(std::move(accepting));
        CHECK(error == errc::closed);
        const std::error_code later = co_await error_of(listener.accept());
        CHECK(later == errc::closed);
    }());
}

TEST_CASE("names that cannot be are refused") {
    CHECK_THROWS_AS(unix_endpoint(""), std::invalid_argument);
    CHECK_THROWS_AS(unix_endpoint(std::string(108, 'x')), std::invalid_argument);
    CHECK_THROWS_AS(unix_endpoint(std::string_view("a\0b", 3)), std::invalid_argument);
    CHECK_THROWS_AS(unix_endpoint::abstract(std::string(108, 'x')), std::invalid_argument);
    CHECK(unix_endpoint(std::string(107, 'x')).path().size() == 107);
    CHECK(unix_endpoint::abstract("name").to_string() == "@name");
    CHECK(unix_endpoint().to_string() == "(unnamed)");
}

#endif
