#include <libasync/net/proxy.hpp>

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include <tests/support/expect.hpp>
#include <tests/support/fake_proxy.hpp>
#include <tests/support/refusing.hpp>

using namespace async;
using namespace async_tests;
using namespace std::chrono_literals;

namespace {

using connector = task<tcp_stream> (*)(endpoint proxy, const proxy_options& options);

task<tcp_stream> by_socks(endpoint proxy, const proxy_options& options) {
    return socks5_connect(proxy, "example.org", 443, options);
}
task<tcp_stream> by_http(endpoint proxy, const proxy_options& options) {
    return http_connect(proxy, "example.org", 443, options);
}

// The other end answers.
task<void> check_echo(tcp_stream& stream) {
    co_await stream.write("hello");
    const std::string got = co_await read_exactly(stream, 5);
    CHECK(got == "hello");
}

// A dialogue that ends well, spoken whole and in single bytes; what comes right behind it is not lost.
void succeeds(connector connect_by, script lines, proxy_options options = {}) {
    for (const pieces how : {pieces::whole, pieces::bytes}) {
        run([](connector connect_by, script lines, proxy_options options, pieces how) -> task<void> {
            fake_proxy proxy;
            lines.back().says += "surplus";
            auto server = create_task(proxy.serve(lines, ending::echoes, how));
            tcp_stream stream = co_await connect_by(proxy.where(), options);
            const std::string first = co_await read_exactly(stream, 7);
            CHECK(first == "surplus");
            co_await check_echo(stream);
            co_await stream.close();
            const std::string unexpected = co_await server;
            CHECK(unexpected == "");
        }(connect_by, lines, options, how));
    }
}

struct failure {
    std::error_code code;
    int reply = 0;
    std::string what;
};

task<failure> failure_of(task<tcp_stream> connecting) {
    failure f;
    try {
        static_cast<void>(co_await std::move(connecting));
    } catch (const proxy_error& e) {
        f.code = e.code();
        f.reply = e.reply();
        f.what = e.what();
    }
    co_return f;
}

// The client may go without having heard all.
task<void> serve_until_gone(fake_proxy& proxy, script lines, ending end, pieces how) {
    try {
        static_cast<void>(co_await proxy.serve(std::move(lines), end, how));
    } catch (const std::system_error&) {
    }
}

// A dialogue that ends in a proxy_error, spoken whole and in single bytes.
failure fails(connector connect_by, script lines, ending end, proxy_options options = {}) {
    failure last;
    for (const pieces how : {pieces::bytes, pieces::whole}) {
        last =
            run([](connector connect_by, script lines, ending end, proxy_options options, pieces how) -> task<failure> {
                fake_proxy proxy;
                auto server = create_task(serve_until_gone(proxy, lines, end, how));
                const failure f = co_await failure_of(connect_by(proxy.where(), options));
                CHECK(f.what.find("example.org:443") != std::string::npos);
                CHECK(f.what.find(proxy.where().to_string()) != std::string::npos);
                server.cancel();
                co_await server.wait();
                co_return f;
            }(connect_by, lines, end, options, how));
    }
    return last;
}

const proxy_options with_password{.user = "me", .password = "secret"};

}  // namespace

TEST_CASE("SOCKS5: a name goes to the proxy, and the stream leads to the other end") {
    succeeds(by_socks, {{socks_hello, socks_no_password}, {socks_ask_name, socks_done}});
}

TEST_CASE("SOCKS5: the address that the proxy connects from may be of any kind") {
    for (const std::string_view bound : {"\5\0\0\1\0\0\0\0\0\0"sv, "\5\0\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0"sv,
                                         "\5\0\0\3\4here\0\0"sv, "\5\0\0\3\0\0\0"sv}) {
        succeeds(by_socks, {{socks_hello, socks_no_password}, {socks_ask_name, bytes_of(bound)}});
    }
}

TEST_CASE("SOCKS5: a password is shown where the proxy asks for it, and only there") {
    const std::string shown = bytes_of("\1\2me\6secret"sv);
    succeeds(
        by_socks,
        {{socks_hello_with_password, bytes_of("\5\2"sv)}, {shown, bytes_of("\1\0"sv)}, {socks_ask_name, socks_done}},
        with_password);
    succeeds(by_socks, {{socks_hello_with_password, socks_no_password}, {socks_ask_name, socks_done}}, with_password);
    const failure refused =
        fails(by_socks, {{socks_hello_with_password, bytes_of("\5\2"sv)}, {shown, bytes_of("\1\1"sv)}}, ending::closes,
              with_password);
    CHECK(refused.code == proxy_errc::authentication_failed);
    const failure asked = fails(by_socks, {{socks_hello, bytes_of("\5\xFF"sv)}}, ending::closes);
    CHECK(asked.code == proxy_errc::authentication_required);
}

TEST_CASE("SOCKS5: addresses go in numbers, and names that are looked up here, too") {
    const std::string ask_ipv4 = bytes_of("\5\1\0\1\300\0\2\7\0\120"sv);  // 192.0.2.7, port 80
    succeeds([](endpoint proxy, const proxy_options& o) { return socks5_connect(proxy, "192.0.2.7", 80, o); },
             {{socks_hello, socks_no_password}, {ask_ipv4, socks_done}});
    const std::string ask_ipv6 = bytes_of("\5\1\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\120"sv);
    succeeds([](endpoint proxy, const proxy_options& o) { return socks5_connect(proxy, "::1", 80, o); },
             {{socks_hello, socks_no_password}, {ask_ipv6, socks_done}});
    run([]() -> task<void> {
        fake_proxy proxy;
        const auto here = co_await resolve("localhost", 80);
        const bool v4 = here.front().family() == address_family::ipv4;
        const std::string local =
            v4 ? bytes_of("\5\1\0\1\177\0\0\1\0\120"sv) : bytes_of("\5\1\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\120"sv);
        script lines;
        lines.push_back({socks_hello, socks_no_password});
        lines.push_back({local, socks_done});
        auto server = create_task(proxy.serve(lines, ending::echoes));
        tcp_stream stream = co_await socks5_connect(proxy.where(), "localhost", 80, {.names = proxy_names::here});
        co_await check_echo(stream);
        co_await stream.close();
        co_await server;
        const bool unknown = co_await throws<resolve_error>(
            socks5_connect(proxy.where(), "nobody.invalid", 80, {.names = proxy_names::here}));
        CHECK(unknown);
    }());
}

TEST_CASE("SOCKS5: each reply has its error") {
    const std::vector<std::error_code> expected = {
        proxy_errc::failed,           proxy_errc::not_allowed,        proxy_errc::network_unreachable,
        proxy_errc::host_unreachable, proxy_errc::connection_refused, proxy_errc::timed_out,
        proxy_errc::unsupported,      proxy_errc::unsupported,        proxy_errc::failed};
    for (std::size_t i = 0; i < expected.size(); ++i) {
        CAPTURE(i);
        std::string reply = bytes_of("\5\0\0\1\0\0\0\0\0\0"sv);
        reply[1] = static_cast<char>(i + 1);
        const failure f =
            fails(by_socks, {{socks_hello, socks_no_password}, {socks_ask_name, reply}}, ending::is_silent);
        CHECK(f.code == expected[i]);
        CHECK(f.reply == static_cast<int>(i + 1));
        CHECK(f.what.find("reply " + std::to_string(i + 1)) != std::string::npos);
    }
    CHECK(make_error_code(proxy_errc::connection_refused) == std::errc::connection_refused);
    CHECK(make_error_code(proxy_errc::not_allowed) == std::errc::permission_denied);
    CHECK(make_error_code(proxy_errc::failed) != std::errc::connection_refused);
}

TEST_CASE("SOCKS5: what is no such answer is told at once") {
    for (const std::string_view hello : {"\4\0"sv, "HTTP/1.1 400"sv, "\5\2"sv, "\5\1"sv, "\0\0"sv}) {
        CAPTURE(hello);
        const failure f = fails(by_socks, {{socks_hello, bytes_of(hello)}}, ending::is_silent);
        CHECK(f.code == proxy_errc::bad_answer);
    }
    for (const std::string_view reply : {"\4\0\0\1"sv, "\5\0\0\2"sv, "\5\0\0\0"sv, "\5\0\0\xFF"sv}) {
        const failure f =
            fails(by_socks, {{socks_hello, socks_no_password}, {socks_ask_name, bytes_of(reply)}}, ending::is_silent);
        CHECK(f.code == proxy_errc::bad_answer);
    }
}

TEST_CASE("a proxy that closes in the middle is told, wherever it does") {
    for (std::size_t said = 0; said < socks_done.size(); ++said) {
        const failure f = fails(
            by_socks, {{socks_hello, socks_no_password}, {socks_ask_name, socks_done.substr(0, said)}}, ending::closes);
        CHECK(f.code == proxy_errc::closed);
    }
    for (std::size_t said = 0; said < http_done.size(); said += 5) {
        const failure f = fails(by_http, {{http_ask, http_done.substr(0, said)}}, ending::closes);
        CHECK(f.code == proxy_errc::closed);
    }
}

TEST_CASE("a proxy that says nothing has its time") {
    for (const connector connect_by : {&by_socks, &by_http}) {
        const failure f = fails(connect_by, {}, ending::is_silent, {.timeout = 2ms});
        CHECK(f.code == std::errc::timed_out);
    }
    const failure drips = fails(by_http, {{http_ask, "HTTP/1.1 200 OK\r\nX: "}}, ending::is_silent, {.timeout = 5ms});
    CHECK(drips.code == std::errc::timed_out);
}

TEST_CASE("HTTP CONNECT: any 2xx is a success, whatever else the header says") {
    for (const std::string& answer :
         {http_done, std::string("HTTP/1.0 200\r\n\r\n"), std::string("HTTP/1.1 299 fine\n\n"),
          std::string("HTTP/1.1 200 OK\r\nContent-Length: 100\r\nTransfer-Encoding: chunked\r\n\r\n"),
          std::string("HTTP/1.1 200 \xC3\xA9\r\nX:\r\nY: \r \r\n\r\n")}) {
        CAPTURE(answer);
        succeeds(by_http, {{http_ask, answer}});
    }
}

TEST_CASE("HTTP CONNECT: interim answers come before the answer") {
    succeeds(by_http, {{http_ask, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nA: b\r\n\r\n" + http_done}});
}

TEST_CASE("HTTP CONNECT: a password is shown as Basic") {
    const auto ask_with = [](const std::string& credentials) {
        return http_ask.substr(0, http_ask.size() - 2) + "Proxy-Authorization: Basic " + credentials + "\r\n\r\n";
    };
    succeeds(by_http, {{ask_with("bWU6c2VjcmV0"), http_done}}, with_password);
    succeeds(by_http, {{ask_with("bWU6"), http_done}}, {.user = "me"});
    succeeds(by_http, {{ask_with("QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), http_done}},
             {.user = "Aladdin", .password = "open sesame"});
    succeeds(by_http, {{ask_with("dGVzdDoxMjPCow=="), http_done}}, {.user = "test", .password = "123\xC2\xA3"});
    const std::string asks = "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n";
    CHECK(fails(by_http, {{http_ask, asks}}, ending::is_silent).code == proxy_errc::authentication_required);
    CHECK(fails(by_http, {{ask_with("bWU6c2VjcmV0"), asks}}, ending::is_silent, with_password).code ==
          proxy_errc::authentication_failed);
}

TEST_CASE("HTTP CONNECT: an address of IPv6 stands in brackets") {
    succeeds([](endpoint proxy, const proxy_options& o) { return http_connect(proxy, "::1", 80, o); },
             {{"CONNECT [::1]:80 HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", http_done}});
}

TEST_CASE("HTTP CONNECT: a status that is no success is told with its line") {
    struct expectation {
        const char* line;
        proxy_errc code;
        int status;
    };
    for (const auto& [line, code, status] :
         {expectation{"403 Forbidden", proxy_errc::not_allowed, 403},
          expectation{"501 Not Implemented", proxy_errc::unsupported, 501},
          expectation{"502 Bad Gateway", proxy_errc::failed, 502},
          expectation{"504 Gateway Timeout", proxy_errc::timed_out, 504},
          expectation{"301 Moved", proxy_errc::failed, 301}, expectation{"101 Switching", proxy_errc::bad_answer, 101},
          expectation{"000 x", proxy_errc::bad_answer, 0}, expectation{"999 x", proxy_errc::failed, 999}}) {
        CAPTURE(line);
        const std::string answer = "HTTP/1.1 " + std::string(line) + "\r\nContent-Length: 5\r\n\r\nhello";
        const failure f = fails(by_http, {{http_ask, answer}}, ending::is_silent);
        CHECK(f.code == code);
        CHECK(f.reply == status);
        CHECK(f.what.find(line) != std::string::npos);
    }
    const failure evil = fails(
        by_http, {{http_ask, "HTTP/1.1 502 \x1b[31mred\a" + std::string(5000, 'x') + "\r\n\r\n"}}, ending::closes);
    CHECK(evil.code == proxy_errc::failed);
    CHECK(evil.what.find('\x1b') == std::string::npos);
    CHECK(evil.what.size() < 600);
}

TEST_CASE("HTTP CONNECT: what does not begin as an answer is told at once; what does not end, at the bound") {
    for (const std::string_view answer :
         {"\5\0"sv, "SSH-2.0-OpenSSH_9.2\r\n"sv, "HTTP/2.0 200 OK\r\n\r\n"sv, "HTTP/1.1 2x0 OK\r\n\r\n"sv,
          "HTTP/1.1 2000 OK\r\n\r\n"sv, "HTTP/1.1\r\n\r\n        "sv, "\r\nHTTP/1.1 200"sv}) {
        CAPTURE(answer);
        std::string padded = bytes_of(answer) + std::string(12, '\0');
        const failure f = fails(by_http, {{http_ask, padded}}, ending::is_silent);
        CHECK(f.code == proxy_errc::bad_answer);
    }
    const failure endless = fails(by_http, {{http_ask, "HTTP/1.1 200 OK\r\nX: " + std::string(2000, 'x')}},
                                  ending::is_silent, {.most_header = 1000});
    CHECK(endless.code == proxy_errc::answer_too_long);
    std::string interim;
    for (int i = 0; i < 100; ++i) interim += "HTTP/1.1 100 Continue\r\n\r\n";
    const failure again = fails(by_http, {{http_ask, interim}}, ending::is_silent, {.most_header = 1000});
    CHECK(again.code == proxy_errc::answer_too_long);
}

TEST_CASE("a stream that leads to a proxy already is used, and given back") {
    run([]() -> task<void> {
        fake_proxy proxy;
        script lines;
        lines.push_back({http_ask, http_done});
        auto server = create_task(proxy.serve(lines, ending::echoes));
        tcp_stream to_proxy = co_await connect(proxy.where());
        const native_handle before = to_proxy.handle();
        tcp_stream stream = co_await http_connect(std::move(to_proxy), "example.org", 443);
        CHECK(stream.handle() == before);
        co_await check_echo(stream);
        co_await stream.close();
        co_await server;
    }());
    run([]() -> task<void> {
        const failure closed = co_await failure_of(socks5_connect(tcp_stream(), "example.org", 443));
        CHECK(closed.code == errc::closed);
    }());
}

TEST_CASE("one proxy is reached by way of another") {
    run([]() -> task<void> {
        fake_proxy proxy;
        script lines;
        lines.push_back({http_ask, http_done});
        lines.push_back({socks_hello, socks_no_password});
        lines.push_back({socks_ask_name, socks_done});
        auto server = create_task(proxy.serve(lines, ending::echoes));
        tcp_stream first = co_await http_connect(proxy.where(), "example.org", 443);
        tcp_stream second = co_await socks5_connect(std::move(first), "example.org", 443);
        co_await check_echo(second);
        co_await second.close();
        co_await server;
    }());
}

TEST_CASE("a proxy that is not there is an error of connect") {
    run([]() -> task<void> {
        const refusing_port nobody;
        const bool refused = co_await throws<connect_error>(socks5_connect(nobody.where(), "example.org", 443));
        CHECK(refused);
    }());
}

TEST_CASE("what no proxy can be asked for is refused at the call") {
    const endpoint proxy = endpoint::loopback(1);
    for (const std::string_view host : {""sv, "a b"sv, "a\r\nEvil: yes"sv, "a\0b"sv, "a\x7F"sv}) {
        CHECK_THROWS_AS(static_cast<void>(socks5_connect(proxy, host, 443)), resolve_error);
        CHECK_THROWS_AS(static_cast<void>(http_connect(proxy, host, 443)), resolve_error);
    }
    CHECK_THROWS_AS(static_cast<void>(http_connect(proxy, std::string(256, 'a'), 443)), resolve_error);
    for (const int port : {0, -1, 65536}) {
        CHECK_THROWS_AS(static_cast<void>(socks5_connect(proxy, "example.org", port)), std::invalid_argument);
    }
    const std::string too_long(256, 'a');
    CHECK_THROWS_AS(static_cast<void>(socks5_connect(proxy, "example.org", 443, {.user = too_long})),
                    std::invalid_argument);
    CHECK_THROWS_AS(static_cast<void>(http_connect(proxy, "example.org", 443, {.user = "a:b"})), std::invalid_argument);
    CHECK_THROWS_AS(static_cast<void>(http_connect(proxy, "example.org", 443, {.user = "a", .password = "b\r\n"})),
                    std::invalid_argument);
}
