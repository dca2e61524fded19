// A server that follows a script: what it must be told, and what it says then.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <tests/support/network.hpp>

namespace async_tests {

using namespace std::string_view_literals;

struct line_of_script {
    std::string hears;
    std::string says;
};
using script = std::vector<line_of_script>;

enum class ending : std::uint8_t {
    echoes,  // is the other end from then on
    closes,
    is_silent,  // until the client closes
};

enum class pieces : std::uint8_t { whole, bytes };

class fake_proxy {
public:
    fake_proxy() : listener_(async::tcp_listener::bind(async::endpoint::loopback(0))) {}

    async::endpoint where() const { return listener_.local_endpoint(); }

    // Serves one client. Gives what it heard that was not in the script.
    async::task<std::string> serve(script lines, ending end, pieces how = pieces::whole) {
        async::tcp_stream client = co_await listener_.accept();
        for (const line_of_script& line : lines) {
            const std::string heard = co_await read_exactly(client, line.hears.size());
            if (heard != line.hears) co_return heard;
            co_await say(client, line.says, how);
        }
        if (end == ending::closes) {
            co_await client.close();
            co_return std::string();
        }
        for (;;) {
            const async::chunk data = co_await client.read();
            if (data.empty()) break;
            if (end == ending::echoes) co_await client.write(data);
        }
        co_await client.close();
        co_return std::string();
    }

private:
    static async::task<void> say(async::tcp_stream& client, const std::string& text, pieces how) {
        if (how == pieces::whole) {
            if (!text.empty()) co_await client.write(text);
            co_return;
        }
        for (const char& c : text) {
            co_await client.write(std::string_view(&c, 1));
            for (int i = 0; i < 3; ++i) co_await async::yield();
        }
    }

    async::tcp_listener listener_;
};

inline std::string bytes_of(std::string_view text) { return std::string(text); }

// RFC 1928, as a client without a password says it.
inline const std::string socks_hello = bytes_of("\5\1\0"sv);
inline const std::string socks_hello_with_password = bytes_of("\5\2\0\2"sv);
inline const std::string socks_no_password = bytes_of("\5\0"sv);
inline const std::string socks_ask_name = bytes_of("\5\1\0\3\13example.org\1\273"sv);  // port 443
inline const std::string socks_done = bytes_of("\5\0\0\1\12\0\0\1\0\120"sv);

inline const std::string http_ask = "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n";
inline const std::string http_done = "HTTP/1.1 200 Connection established\r\nVia: 1.1 proxy\r\n\r\n";

}  // namespace async_tests
