// Servers, cancelled at every suspension: no connection is left behind, and the port is free.
#include <doctest/doctest.h>

#include <string>

#include <tests/support/cancel.hpp>
#include <tests/support/expect.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

task<void> echo(tcp_stream stream) {
    for (;;) {
        const chunk data = co_await stream.read();
        if (data.empty()) co_return;
        co_await stream.write(data);
    }
}

// Asks, and closes the server when the answer is there; a server that ended before gives none.
task<void> ask_and_close(tcp_server& server) {
    try {
        tcp_stream client = co_await connect(server.local_endpoint());
        co_await client.write("hello");
        const std::string answer = co_await read_exactly(client, 5);
        must(answer == "hello" || answer.empty(), "the answer is whole, or there is none");
        server.close();
        co_await client.close();
    } catch (const std::system_error&) {
        // Refused or reset: the server was cancelled.
    }
}

}  // namespace

TEST_CASE("a server that is cancelled anywhere has ended all it began") {
    const auto scenario = [](cancel_subject& subject) -> task<void> {
        tcp_server server{"127.0.0.1", 0, echo};
        auto asking = create_task(ask_and_close(server));
        const auto ending = co_await subject.run(server.serve());
        must_not_fail(ending);
        co_await asking;
        must(server.is_closed() || ending.destroyed() || server.accepted() == 0, "it is closed");
        server.close();
        co_await server.wait_closed();
        must(server.connections() == 0, "nobody is served any more");
    };
    check_cancelled(cancel_everywhere(scenario));
}

TEST_CASE("wait_closed can be cancelled and repeated") {
    const auto scenario = [](cancel_subject& subject) -> task<void> {
        tcp_server server{"127.0.0.1", 0, echo};
        auto serving = create_task(server.serve());
        auto asking = create_task(ask_and_close(server));
        const auto ending = co_await subject.run(server.wait_closed());
        must_not_fail(ending);
        must(!ending.completed() || (server.is_closed() && server.connections() == 0), "it waits for the end");
        co_await server.wait_closed();
        co_await asking;
        co_await serving;
    };
    check_cancelled(cancel_everywhere(scenario));
}
