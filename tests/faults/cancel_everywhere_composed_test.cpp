// Whole conversations, cancelled at every suspension of one side.
#include <doctest/doctest.h>

#include <array>
#include <optional>
#include <string>
#include <vector>

#include <tests/support/cancel.hpp>
#include <tests/support/expect.hpp>
#include <tests/support/files.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

task<void> echo(tcp_stream& stream) {
    for (;;) {
        const chunk data = co_await stream.read();
        if (data.empty()) break;
        co_await stream.write(data);
    }
    co_await stream.close();
}

constexpr std::size_t message = 9;
constexpr std::size_t messages = 4;

// Keeps what has come back where the caller finds it, whatever happens.
task<void> converse(tcp_stream& stream, const std::string& text, std::string& got) {
    std::array<char, 100> room;
    for (std::size_t i = 0; i < messages; ++i) {
        co_await stream.write(std::string_view(text).substr(i * message, message));
        while (got.size() < (i + 1) * message) {
            const std::size_t count = co_await stream.read_some(std::as_writable_bytes(std::span(room)));
            must(count != 0, "the server stays");
            got.append(room.data(), count);
        }
    }
}

}  // namespace

TEST_CASE("an exchange of messages: every byte that was written comes back once") {
    const std::string text = pattern(message * messages);
    const auto scenario = [&text](cancel_subject& subject) -> task<void> {
        stream_pair pair = co_await connected_pair();
        auto server = create_task(echo(pair.server));
        std::string got;
        const auto ending = co_await subject.run(converse(pair.client, text, got));
        must_not_fail(ending);
        must(!ending.completed() || got == text, "all came back");
        co_await pair.client.shutdown_write();
        got += co_await read_all(pair.client);
        must(got == text.substr(0, pair.client.written()), "what was written has come back");
        co_await server;
        co_await pair.client.close();
    };
    check_cancelled(cancel_everywhere(scenario));
}

TEST_CASE("an exchange of messages: the client loses nothing if the server is cancelled and starts again") {
    const std::string text = pattern(message * messages);
    // What was read and not written yet stays with the caller.
    const auto serve = [](tcp_stream& stream, std::optional<chunk>& held) -> task<void> {
        for (;;) {
            if (!held) held = co_await stream.read();
            if (held->empty()) co_return;
            co_await stream.write(*held);
            held.reset();
        }
    };
    const auto scenario = [&text, serve](cancel_subject& subject) -> task<void> {
        stream_pair pair = co_await connected_pair();
        std::string got;
        auto talk = [](tcp_stream& stream, const std::string& text, std::string& got) -> task<void> {
            co_await converse(stream, text, got);
            co_await stream.shutdown_write();
        };
        auto client = create_task(talk(pair.client, text, got));
        std::optional<chunk> held;
        const auto ending = co_await subject.run(serve(pair.server, held));
        must_not_fail(ending);
        co_await serve(pair.server, held);
        co_await client;
        must(got == text, "all came back");
        co_await pair.client.close();
        co_await pair.server.close();
    };
    check_cancelled(cancel_everywhere(scenario));
}

namespace {

constexpr int clients = 3;

task<void> visit(endpoint where) {
    tcp_stream stream = co_await connect(where);
    std::string got;
    const std::string text = pattern(message * messages);
    co_await converse(stream, text, got);
    must(got == text, "all came back");
    co_await stream.close();
}

task<void> visit_all(endpoint where) {
    for (int i = 0; i < clients; ++i) co_await visit(where);
}

task<void> serve_client(tcp_stream stream) { co_await echo(stream); }

task<void> serve_all(tcp_listener& listener, std::vector<task_handle<void>>& children) {
    while (children.size() < clients) {
        tcp_stream stream = co_await listener.accept();
        children.push_back(create_task(serve_client(std::move(stream))));
    }
}

}  // namespace

TEST_CASE("a server that accepts: its children go on without it, and whoever accepts next gets the others") {
    const auto scenario = [](cancel_subject& subject) -> task<void> {
        auto listener = tcp_listener::bind(endpoint::loopback(0));
        auto visitors = create_task(visit_all(listener.local_endpoint()));
        std::vector<task_handle<void>> children;
        children.reserve(clients);
        const auto ending = co_await subject.run(serve_all(listener, children));
        must_not_fail(ending);
        co_await serve_all(listener, children);
        co_await visitors;
        for (auto& child : children) co_await child;
        must(children.size() == clients, "each client was served once");
        co_await listener.close();
    };
    check_cancelled(cancel_everywhere(scenario));
}

namespace {

constexpr std::size_t piece = 3'000;

task<void> copy(file& from, file& to, std::uint64_t& copied) {
    std::array<std::byte, piece> room;
    for (;;) {
        const std::size_t count = co_await from.read_at(room, copied);
        if (count == 0) co_return;
        const const_bytes data(room.data(), count);
        co_await to.write_at(data, copied);
        copied += count;
    }
}

}  // namespace

TEST_CASE("the copy of a file goes on where it was cancelled") {
    const temporary_directory directory;
    const std::string text = pattern(4 * piece + 100);
    const std::string source = directory / "source";
    const std::string target = directory / "target";
    async::run(write_file(source, text));
    const auto scenario = [&](cancel_subject& subject) -> task<void> {
        file from = co_await file::open(source);
        file to = co_await file::open(target, open_mode::write);
        std::uint64_t copied = 0;
        const auto ending = co_await subject.run(copy(from, to, copied));
        must_not_fail(ending);
        must(!ending.completed() || copied == text.size(), "all is copied");
        co_await copy(from, to, copied);
        co_await from.close();
        co_await to.close();
        const std::string result = co_await read_file(target);
        must(result == text, "the copy is whole");
    };
    check_outcomes(cancel_everywhere(scenario));
}
