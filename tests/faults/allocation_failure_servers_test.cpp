// Memory runs out at each place where a server asks for some.
#include <doctest/doctest.h>

#include <string>

#include <tests/support/allocation_failure.hpp>
#include <tests/support/network.hpp>

using namespace async_tests;

namespace {

task<void> echo(tcp_stream stream) {
    for (;;) {
        const chunk data = co_await stream.read();
        if (data.empty()) co_return;
        co_await stream.write(data);
    }
}

// Gives whether the answer came: a server without memory closes the connection.
task<bool> ask(const tcp_server& server) {
    try {
        tcp_stream client = co_await connect(server.local_endpoint());
        co_await client.write("hello");
        const std::string answer = co_await read_exactly(client, 5);
        must_hold(answer == "hello" || answer.empty(), "the answer is whole, or there is none");
        co_await client.close();
        co_return answer == "hello";
    } catch (const std::system_error& e) {
        must_hold(e.code() == std::errc::connection_reset || e.code() == std::errc::connection_refused ||
                      e.code() == std::errc::broken_pipe || e.code() == std::errc::not_enough_memory,
                  "the connection is lost");
        co_return false;
    }
}

}  // namespace

TEST_CASE("a server without memory for a connection closes that one, or ends with bad_alloc") {
    survives([]() -> task<void> {
        tcp_server server{"127.0.0.1", 0, echo, {.drain_timeout = 10ms}};
        auto serving = create_task(server.serve());
        std::exception_ptr failure;
        bool answered = false;
        try {
            answered = co_await ask(server);
        } catch (const std::bad_alloc&) {
            failure = std::current_exception();
        }
        server.close();
        co_await serving;
        must_hold(server.connections() == 0, "nobody is served any more");
        if (failure) std::rethrow_exception(failure);
        if (!answered) throw std::bad_alloc();  // the failure was a handler's, who has told the loop
    });
}
