// Connecting, accepting and closing, cancelled at every suspension: no connection is lost, and what was to be closed is.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <tests/support/cancel.hpp>
#include <tests/support/expect.hpp>
#include <tests/support/own_address.hpp>
#include <tests/support/scripted.hpp>

using namespace async_tests;

namespace {

// The connection that comes from `client`; others were given up by their clients.
task<tcp_stream> accept_from(tcp_listener& listener, const tcp_stream& client) {
    for (int i = 0; i < 3; ++i) {
        tcp_stream stream = co_await listener.accept();
        // One whose client is gone already has no address any more.
        try {
            if (stream.remote_endpoint() == client.local_endpoint()) co_return stream;
        } catch (const std::system_error&) {
        }
    }
    throw std::runtime_error("the connection does not arrive");
}

}  // namespace

TEST_CASE("a connect that was cancelled leaves nothing behind and may be repeated") {
    const auto scenario = [](cancel_subject& subject) -> task<void> {
        auto listener = tcp_listener::bind(endpoint::loopback(0));
        auto ending = co_await subject.run(connect(listener.local_endpoint()));
        must_not_fail(ending);
        tcp_stream client;
        if (ending.completed()) {
            client = std::move(ending.value());
        } else {
            client = co_await connect(listener.local_endpoint());
        }
        tcp_stream server = co_await accept_from(listener, client);
        co_await client.write("hello");
        const std::string got = co_await read_exactly(server, 5);
        must(got == "hello", "the connection works");
        co_await client.close();
        co_await server.close();
        co_await listener.close();
    };
    // On loopback some engines are done before they can be stopped.
    check_outcomes(cancel_everywhere(scenario, with_all_deliveries));
}

namespace {

constexpr unsigned clients = 3;

// Connects one after the other; each says its number.
task<void> connect_all(endpoint where, std::vector<tcp_stream>& connected) {
    for (unsigned i = 0; i < clients; ++i) {
        co_await sleep(200us);
        connected.push_back(co_await connect(where));
        co_await connected.back().write(std::to_string(i));
    }
}

task<void> accept_all(tcp_listener& listener, std::vector<tcp_stream>& accepted) {
    while (accepted.size() < clients) accepted.push_back(co_await listener.accept());
}

}  // namespace

TEST_CASE("accept loses no connection") {
    const auto scenario = [](cancel_subject& subject) -> task<void> {
        auto listener = tcp_listener::bind(endpoint::loopback(0));
        std::vector<tcp_stream> connected;
        std::vector<tcp_stream> accepted;
        connected.reserve(clients);
        auto connecting = create_task(connect_all(listener.local_endpoint(), connected));
        const auto ending = co_await subject.run(accept_all(listener, accepted));
        must_not_fail(ending);
        must(!ending.completed() || accepted.size() == clients, "it has accepted all");
        co_await accept_all(listener, accepted);
        co_await connecting;
        for (unsigned i = 0; i < clients; ++i) {
            const std::string number = co_await read_exactly(accepted[i], 1);
            must(number == std::to_string(i), "each connection arrives once, in order");
        }
        for (tcp_stream& s : connected) co_await s.close();
        for (tcp_stream& s : accepted) co_await s.close();
        co_await listener.close();
    };
    check_cancelled(cancel_everywhere(scenario));
}

namespace {

// Closes even if it is cancelled before.
template <class Closable>
task<void> yield_and_close(Closable& closable, bool& began) {
    try {
        co_await yield();
    } catch (const cancelled&) {
    }
    began = true;
    co_await closable.close();
}

}  // namespace

TEST_CASE("closing a stream takes effect whenever it is cancelled") {
    const auto scenario = [](cancel_subject& subject) -> task<void> {
        stream_pair pair = co_await connected_pair();
        bool began = false;
        const auto ending = co_await subject.run(yield_and_close(pair.client, began));
        must_not_fail(ending);
        must(began || ending.destroyed(), "only a destroyed part does not come to close");
        must(!began || !pair.client.is_open(), "it is closed");
        must(!began || !ending.cancelled(), "closing is not refused, and waited for");
        if (!began) co_await pair.client.close();
        const chunk end = co_await pair.server.read();
        must(end.empty(), "the peer sees the end");
        co_await pair.server.close();
    };
    check_outcomes(cancel_everywhere(scenario, with_all_deliveries));
}

TEST_CASE("closing a listener takes effect whenever it is cancelled") {
    const auto scenario = [](cancel_subject& subject) -> task<void> {
        auto listener = tcp_listener::bind(async_tests::own_address());
        const endpoint where = listener.local_endpoint();
        bool began = false;
        const auto ending = co_await subject.run(yield_and_close(listener, began));
        must_not_fail(ending);
        must(began || ending.destroyed(), "only a destroyed part does not come to close");
        must(!began || !listener.is_open(), "it is closed");
        must(!began || !ending.cancelled(), "closing is not refused, and waited for");
        if (!began) co_await listener.close();
        if (!ending.destroyed()) {  // else it is closed in the background
            const std::error_code error = co_await error_of(connect(where));
            must(error == std::errc::connection_refused, "nobody listens any more");
        }
    };
    check_outcomes(cancel_everywhere(scenario, with_all_deliveries));
}

TEST_CASE("a stream that is closed ends a read that is cancelled at the same time") {
    const auto scenario = [](cancel_subject& subject) -> task<void> {
        stream_pair pair = co_await connected_pair();
        auto close_soon = [](tcp_stream& stream) -> task<void> {
            co_await yield();
            co_await yield();
            co_await stream.close();
        };
        auto closing = create_task(close_soon(pair.server));
        const auto ending = co_await subject.run(pair.server.read());
        co_await closing;
        must(!ending.completed(), "nothing was sent");
        co_await pair.client.close();
    };
    const cancel_report report = cancel_everywhere(scenario);
    check_outcomes(report);
    CHECK(report.of(cancel_delivery::when_completion_is_queued).failed == 1);
}
