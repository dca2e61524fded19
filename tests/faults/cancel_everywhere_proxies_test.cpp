// Connections by way of a proxy, cancelled at every suspension: nothing is left, and the next one works.
#include <doctest/doctest.h>

#include <libasync/net/proxy.hpp>

#include <tests/support/cancel.hpp>
#include <tests/support/fake_proxy.hpp>

using namespace async;
using namespace async_tests;

namespace {

task<void> serve_all(fake_proxy& proxy, const script& lines) {
    for (;;) {
        try {
            static_cast<void>(co_await proxy.serve(lines, async_tests::ending::echoes));
        } catch (const std::system_error&) {  // a client that went
        }
    }
}

void cancelled_anywhere(const script& lines, task<tcp_stream> (*connect_by)(endpoint)) {
    const auto scenario = [&lines, connect_by](cancel_subject& subject) -> task<void> {
        fake_proxy proxy;
        auto server = create_task(serve_all(proxy, lines));
        auto ending = co_await subject.run(connect_by(proxy.where()));
        must_not_fail(ending);
        tcp_stream stream;
        if (ending.completed()) {
            stream = std::move(ending.value());
        } else {
            stream = co_await connect_by(proxy.where());
        }
        co_await stream.write("hello");
        const std::string got = co_await read_exactly(stream, 5);
        must(got == "hello", "the other end answers");
        co_await stream.close();
        server.cancel();
        co_await server.wait();
    };
    check_cancelled(cancel_everywhere(scenario));
}

}  // namespace

TEST_CASE("a connection by SOCKS5 that was cancelled leaves nothing behind and may be repeated") {
    cancelled_anywhere({{socks_hello, socks_no_password}, {socks_ask_name, socks_done}},
                       [](endpoint proxy) { return socks5_connect(proxy, "example.org", 443); });
}

TEST_CASE("a connection by HTTP CONNECT that was cancelled leaves nothing behind and may be repeated") {
    cancelled_anywhere({{http_ask, "HTTP/1.1 200 OK\r\n\r\n"}},
                       [](endpoint proxy) { return http_connect(proxy, "example.org", 443); });
}
