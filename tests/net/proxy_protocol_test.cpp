#include <libasync/net/proxy_protocol.hpp>

#include <doctest/doctest.h>

#include <cstdio>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include <libasync/net/tcp_server.hpp>

#include <tests/support/expect.hpp>
#include <tests/support/network.hpp>
#include <tests/support/scripted.hpp>
#include <tests/support/system.hpp>

using namespace async_tests;

namespace {

using status = enum proxy_parse_result::status;

const std::string signature("\r\n\r\n\0\r\nQUIT\n", 12);

std::string bytes_of(std::initializer_list<int> values) {
    std::string text;
    for (const int v : values) text += static_cast<char>(v);
    return text;
}

std::string with_length(const std::string& body) {
    return bytes_of({static_cast<int>(body.size() >> 8), static_cast<int>(body.size() & 255)}) + body;
}

std::string version_2(int command, int family, const std::string& body) {
    return signature + bytes_of({command, family}) + with_length(body);
}

std::string field(int type, const std::string& value) { return bytes_of({type}) + with_length(value); }

const std::string ipv4_body = bytes_of({10, 1, 2, 3, 10, 9, 8, 7, 0xc3, 0x50, 0x01, 0xbb});
const std::string ipv6_body = std::string(15, '\0') + "\x01" + bytes_of({0x20, 0x01, 0x0d, 0xb8}) +
                              std::string(11, '\0') + "\x02" + bytes_of({0x30, 0x39, 0x00, 0x50});

struct valid_header {
    std::string bytes;
    int version;
    std::string source;  // empty: none
    std::string destination;
};

const std::vector<valid_header>& valid_headers() {
    static const std::vector<valid_header> all{
        {"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n", 1, "192.168.0.1:56324", "192.168.0.11:443"},
        {"PROXY TCP4 1.1.1.1 2.2.2.2 1 0\r\n", 1, "1.1.1.1:1", "2.2.2.2:0"},
        {"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", 1, "255.255.255.255:65535",
         "255.255.255.255:65535"},
        {"PROXY TCP6 ::1 2001:DB8::2 1 65535\r\n", 1, "[::1]:1", "[2001:db8::2]:65535"},
        {"PROXY TCP6 :: :: 1 2\r\n", 1, "[::]:1", "[::]:2"},
        {"PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
         1, "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"},
        {"PROXY UNKNOWN\r\n", 1, "", ""},
        {"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", 1, "", ""},
        {"PROXY UNKNOWN " + std::string(107 - 16, 'x') + "\r\n", 1, "", ""},
        {version_2(0x21, 0x11, ipv4_body), 2, "10.1.2.3:50000", "10.9.8.7:443"},
        {version_2(0x21, 0x21, ipv6_body), 2, "[::1]:12345", "[2001:db8::2]:80"},
        {version_2(0x21, 0x11, ipv4_body + field(0x02, "example.org") + field(0xe0, "")), 2, "10.1.2.3:50000",
         "10.9.8.7:443"},
        {version_2(0x21, 0x11, ipv4_body + field(0xe1, std::string(4096 - 16 - 12 - 3, 'v'))), 2, "10.1.2.3:50000",
         "10.9.8.7:443"},
        {version_2(0x20, 0x00, ""), 2, "", ""},
        {version_2(0x20, 0x11, ipv4_body), 2, "", ""},
        {version_2(0x20, 0x11, "xy"), 2, "", ""},  // of LOCAL all is ignored
        {version_2(0x21, 0x00, ""), 2, "", ""},
        {version_2(0x21, 0x31, std::string(216, 'p')), 2, "", ""},
    };
    return all;
}

}  // namespace

TEST_CASE("valid headers give their addresses, and the length that ends them") {
    for (const valid_header& v : valid_headers()) {
        CAPTURE(v.bytes);
        for (const char* behind : {"", "GET / HTTP/1.1\r\n\r\n"}) {
            const std::string text = v.bytes + behind;
            const proxy_parse_result r = parse_proxy_header(text);
            REQUIRE(r.status == status::complete);
            CHECK(r.size == v.bytes.size());
            CHECK(r.header.version == v.version);
            CHECK(r.header.has_addresses == !v.source.empty());
            if (!r.header.has_addresses) continue;
            CHECK(r.header.source.to_string() == v.source);
            CHECK(r.header.destination.to_string() == v.destination);
        }
    }
}

TEST_CASE("a header that is cut short anywhere asks for more, and never for more than there is") {
    for (const valid_header& v : valid_headers()) {
        CAPTURE(v.bytes);
        for (std::size_t size = 0; size < v.bytes.size(); ++size) {
            CAPTURE(size);
            const proxy_parse_result r = parse_proxy_header(v.bytes.substr(0, size));
            REQUIRE(r.status == status::incomplete);
            REQUIRE(r.size > size);
            REQUIRE(r.size <= v.bytes.size());
        }
        std::size_t used = 0;
        int reads = 0;
        for (;; ++reads) {
            const proxy_parse_result r = parse_proxy_header(v.bytes.substr(0, used));
            if (r.status == status::complete) break;
            used = r.size;
        }
        CHECK(reads <= 50);
    }
}

TEST_CASE("what is no header at all is absent; what begins as one and goes wrong is invalid, with a reason") {
    for (const char* text : {"G", "GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01", "PROX!", "PROXY\tTCP4", "proxy TCP4 1.1.1.1",
                             "\r\nGET / HTTP/1.1\r\n"}) {
        CAPTURE(text);
        CHECK(parse_proxy_header(text).status == status::absent);
    }
    const std::vector<std::string> hostile{
        "PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 1 2\rX",
        "PROXY TCP4 1.1.1.1 2.2.2.2 1 2 \r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 1 2 3\r\n",
        "PROXY TCP4 1.1.1.1  2.2.2.2 1 2\r\n",
        "PROXY TCP4  1.1.1.1 2.2.2.2 1 2\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 1 65536\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 1 99999999999999999999\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 -1 2\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 1 +2\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 01 2\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.256 1 2\r\n",
        "PROXY TCP4 1.1.1 2.2.2.2 1 2\r\n",
        "PROXY TCP4 ::1 ::2 1 2\r\n",
        "PROXY TCP4 localhost 2.2.2.2 1 2\r\n",
        "PROXY TCP6 1.1.1.1 2.2.2.2 1 2\r\n",
        "PROXY TCP6 [::1] ::2 1 2\r\n",
        "PROXY TCP6 fe80::1%1 ::2 1 2\r\n",
        "PROXY TCP6 ::1 :::: 1 2\r\n",
        "PROXY TCP5 1.1.1.1 2.2.2.2 1 2\r\n",
        "PROXY TCP4\r\n 1.1.1.1 2.2.2.2",
        "PROXY UDP4 1.1.1.1 2.2.2.2 1 2\r\n",
        "PROXY UNKNOWNX\r\n",
        "PROXY unknown\r\n",
        "PROXY UNKNOWN " + std::string(200, 'x'),
        "PROXY UNKNOWN " + std::string(107 - 15, 'x') + "\r\n",
        "PROXY TCP4 " + std::string(200, ' '),
        "PROXY " + std::string(5000, '\0'),
        version_2(0x11, 0x11, ipv4_body),
        version_2(0x22, 0x11, ipv4_body),
        version_2(0x00, 0x11, ipv4_body),
        version_2(0x21, 0x41, ipv4_body),
        version_2(0x21, 0x13, ipv4_body),
        version_2(0x21, 0x11, ipv4_body.substr(1)),
        version_2(0x21, 0x21, ipv6_body.substr(1)),
        version_2(0x21, 0x31, std::string(215, 'p')),
        version_2(0x21, 0x11, ipv4_body + "x"),
        version_2(0x21, 0x11, ipv4_body + "xy"),
        version_2(0x21, 0x11, ipv4_body + bytes_of({1, 0, 1})),
        version_2(0x21, 0x11, ipv4_body + bytes_of({1, 0xff, 0xff, 0})),
        version_2(0x21, 0x11, ipv4_body + field(1, "h2") + bytes_of({2, 0, 9, 1})),
        version_2(0x21, 0x11, ipv4_body + std::string(4096 - 16 - 12 + 1, 'v')),
        signature + bytes_of({0x21, 0x11, 0xff, 0xff}),
    };
    for (const std::string& text : hostile) {
        CAPTURE(text);
        const proxy_parse_result r = parse_proxy_header(text);
        CHECK(r.status == status::invalid);
        CHECK(std::strlen(r.reason) > 0);
    }
}

TEST_CASE("the fields of version 2 are found, and their checksum is checked") {
    const std::string text = version_2(0x21, 0x11, ipv4_body + field(0x01, "h2") + field(0x02, "example.org") +
                                                       field(0x04, "padding") + field(0x02, "another"));
    const proxy_parse_result r = parse_proxy_header(text);
    REQUIRE(r.status == status::complete);
    const auto value = [&](std::uint8_t type) {
        const auto found = find_proxy_field(r.header.fields, type);
        return found ? std::string(reinterpret_cast<const char*>(found->data()), found->size()) : "none";
    };
    CHECK(value(0x01) == "h2");
    CHECK(value(0x02) == "example.org");
    CHECK(value(0x05) == "none");

    // Computed by hand with a table-driven CRC-32C.
    const std::string unsummed = version_2(0x21, 0x11, ipv4_body + field(0x03, std::string(4, '\0')));
    std::uint32_t crc = 0xffffffff;
    std::vector<std::uint32_t> table(256);
    for (std::uint32_t i = 0; i < 256; ++i) {
        std::uint32_t c = i;
        for (int k = 0; k < 8; ++k) c = c & 1 ? c >> 1 ^ 0x82f63b78u : c >> 1;
        table[i] = c;
    }
    for (const char c : unsummed) crc = table[(crc ^ static_cast<unsigned char>(c)) & 255] ^ crc >> 8;
    crc = ~crc;
    std::string summed = unsummed;
    for (std::size_t i = 0; i < 4; ++i) summed[summed.size() - 4 + i] = static_cast<char>(crc >> (24 - 8 * i));
    CHECK(parse_proxy_header(summed).status == status::complete);
    for (std::size_t at = 16; at < summed.size() - 7; ++at) {
        std::string wrong = summed;
        wrong[at] = static_cast<char>(wrong[at] ^ 1);
        CHECK(parse_proxy_header(wrong).status == status::invalid);
    }
    CHECK(parse_proxy_header(version_2(0x21, 0x11, ipv4_body + field(0x03, "abc"))).status == status::invalid);
}

TEST_CASE("random bytes, and headers with random damage, never do harm") {
    std::minstd_rand random(11);
    const auto& valid = valid_headers();
    for (int i = 0; i < 20'000; ++i) {
        std::string text = valid[random() % valid.size()].bytes;
        for (auto damage = random() % 4; damage != 0; --damage) {
            text[random() % text.size()] = static_cast<char>(random());
        }
        if (random() % 3 == 0) text.resize(random() % (text.size() + 1));
        if (random() % 5 == 0) text.insert(random() % (text.size() + 1), 1 + random() % 8, static_cast<char>(random()));
        const std::vector<char> exact(text.begin(), text.end());  // so that sanitizers see its end
        const proxy_parse_result r = parse_proxy_header(exact);
        switch (r.status) {
            case status::complete: REQUIRE(r.size <= exact.size()); break;
            case status::incomplete: REQUIRE((r.size > exact.size() && r.size <= max_proxy_header)); break;
            default: break;
        }
    }
}

namespace {

// Says who the client is, then sends back what it gets.
task<void> introduce(tcp_stream stream, connection_info info) {
    const std::string text = info.peer.to_string() + " " + info.local.to_string() + " " +
                             std::to_string(info.proxied) + " " + std::to_string(info.proxy_fields.size()) + "\n";
    co_await stream.write(text);
    for (;;) {
        const chunk data = co_await stream.read();
        if (data.empty()) co_return;
        co_await stream.write(data);
    }
}

enum class sending { at_once, by_the_byte };

task<void> say(tcp_stream& client, const std::string& bytes, sending how) {
    if (how == sending::at_once) {
        co_await client.write(bytes);
    } else {
        for (const char& c : bytes) {
            co_await client.write(std::string_view(&c, 1));
            co_await yield();
        }
    }
    co_await client.shutdown_write();
}

task<std::string> talk(endpoint where, std::string bytes, sending how) {
    tcp_stream client = co_await connect(where);
    // The server may reset the connection before it has heard all: the answer tells.
    static_cast<void>(co_await error_of(say(client, bytes, how)));
    std::string answer;
    try {
        answer = co_await read_all(client);
    } catch (const std::system_error&) {
        answer += "reset";
    }
    answer += " " + client.local_endpoint().to_string();
    co_return answer;
}

}  // namespace

TEST_CASE("a server behind a proxy tells its handlers of the client, and loses nothing of what that has sent") {
    async::run([]() -> task<void> {
        tcp_server server{"127.0.0.1", 0, introduce, {.proxy = proxy_protocol::required}};
        auto serving = create_task(server.serve());
        for (const sending how : {sending::at_once, sending::by_the_byte}) {
            for (const valid_header& v : valid_headers()) {
                if (how == sending::by_the_byte && v.bytes.size() > 300) continue;
                CAPTURE(v.bytes);
                const std::string answer = co_await talk(server.local_endpoint(), v.bytes + "the client's own", how);
                const std::string own = answer.substr(answer.rfind(' ') + 1);
                const std::string from = v.source.empty() ? own : v.source;
                const std::string to = v.source.empty() ? server.local_endpoint().to_string() : v.destination;
                CHECK(answer.starts_with(from + " " + to + " 1 "));
                CHECK(answer.find("\nthe client's own ") != answer.npos);
            }
        }
        CHECK(server.refused() == 0);
        server.close();
        co_await serving;
    }());
}

TEST_CASE("where a header is required, whoever sends none, a wrong one or half of one is reset, and it is counted") {
    log_recorder log;
    async::run([]() -> task<void> {
        tcp_server server{"127.0.0.1", 0, introduce, {.proxy = proxy_protocol::required, .proxy_timeout = 10ms}};
        auto serving = create_task(server.serve());
        std::uint64_t count = 0;
        for (const char* text : {"GET / HTTP/1.1\r\n\r\n", "PROXY TCP4 x\r\n.......", "PROXY TCP4 1.1.1.1", ""}) {
            CAPTURE(text);
            const std::string answer = co_await talk(server.local_endpoint(), text, sending::at_once);
            CHECK(answer.find('\n') == answer.npos);
            ++count;
            while (server.connections() != 0) co_await sleep(100us);
            CHECK(server.refused() == count);
        }
        tcp_stream silent = co_await connect(server.local_endpoint());
        co_await silent.write("PROXY TCP");
        const std::error_code code = co_await error_of(silent.read());
        CHECK(was_reset(code));
        CHECK(server.refused() == count + 1);
        server.close();
        co_await serving;
    }());
    CHECK(log.has("no valid PROXY header from 127.0.0.1:"));
    CHECK(log.lines.size() < 4);
}

TEST_CASE("where a header is optional, others are served as they are, and nothing of theirs is lost") {
    log_recorder log;
    async::run([]() -> task<void> {
        tcp_server server{"127.0.0.1", 0, introduce, {.proxy = proxy_protocol::optional, .proxy_timeout = 1h}};
        auto serving = create_task(server.serve());
        for (const sending how : {sending::at_once, sending::by_the_byte}) {
            for (const char* text : {"GET / HTTP/1.1\r\n\r\n", "PROX", "PROXY", "\r\n\r\nx", "", "x"}) {
                CAPTURE(text);
                const std::string answer = co_await talk(server.local_endpoint(), text, how);
                const std::string own = answer.substr(answer.rfind(' ') + 1);
                CHECK(answer == own + " " + server.local_endpoint().to_string() + " 0 0\n" + text + " " + own);
            }
            const std::string told =
                co_await talk(server.local_endpoint(), "PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\nGET /", how);
            CHECK(told.starts_with("1.1.1.1:1 2.2.2.2:2 1 0\nGET / "));
        }
        const std::string wrong = co_await talk(server.local_endpoint(), "PROXY TCP4 nonsense\r\n", sending::at_once);
        CHECK(wrong.find('\n') == wrong.npos);
        CHECK(server.refused() == 1);
        server.close();
        co_await serving;
    }());
    CHECK(log.lines.size() == 1);
}

TEST_CASE("where a header is optional, whoever sends none in time is served without one") {
    async::run([]() -> task<void> {
        tcp_server server{"127.0.0.1", 0, introduce, {.proxy = proxy_protocol::optional, .proxy_timeout = 5ms}};
        auto serving = create_task(server.serve());
        tcp_stream silent = co_await connect(server.local_endpoint());
        co_await silent.write("PROXY TC");
        const std::string welcome = co_await read_exactly(silent, 9);
        CHECK(welcome == "127.0.0.1");
        co_await silent.write("?");
        co_await silent.shutdown_write();
        const std::string rest = co_await read_all(silent);
        CHECK(rest.ends_with(" 0 0\nPROXY TC?"));
        CHECK(server.refused() == 0);
        server.close();
        co_await serving;
    }());
}

#ifndef _WIN32
namespace {

// What the command writes, and nothing if there is no such command.
std::string output_of(const std::string& command) {
    std::string text;
    std::FILE* pipe = ::popen(command.c_str(), "r");
    if (pipe == nullptr) return text;
    char piece[512];
    for (std::size_t count = 1; count != 0;) {
        count = std::fread(piece, 1, sizeof piece, pipe);
        text.append(piece, count);
    }
    ::pclose(pipe);
    return text;
}

// Answers one request with what is known of its client.
task<void> answer_http(tcp_stream stream, connection_info info) {
    std::string request;
    while (request.find("\r\n\r\n") == request.npos) {
        const chunk data = co_await stream.read();
        if (data.empty()) co_return;
        request += data.text();
    }
    const std::string body = info.peer.address() + " " + info.local.to_string() +
                             (info.proxied && info.proxy == info.peer ? " by header " : " ") +
                             request.substr(0, request.find('\r'));
    const std::string head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " +
                             std::to_string(body.size()) + "\r\n\r\n";
    co_await stream.write(head, body);
    co_await stream.shutdown_write();
    static_cast<void>(co_await stream.read());
}

}  // namespace

TEST_CASE("curl speaks the PROXY protocol to a server") {
    if (on_sim()) {
        MESSAGE("skipped: curl is not in the simulated world");
        return;
    }
    if (output_of("curl --help all 2>/dev/null").find("--haproxy-protocol") == std::string::npos) {
        MESSAGE("skipped: no curl that speaks the PROXY protocol");
        return;
    }
    async::run([]() -> task<void> {
        tcp_server server{"127.0.0.1", 0, answer_http, {.proxy = proxy_protocol::required}};
        auto serving = create_task(server.serve());
        const std::string where = server.local_endpoint().to_string();
        const std::string curl = "curl -sS --noproxy '*' --max-time 60 --haproxy-protocol http://" + where + "/page 2>&1";
        const std::string told = co_await to_thread(output_of, curl);
        CHECK(told == "127.0.0.1 " + where + " by header GET /page HTTP/1.1");
        server.close();
        co_await serving;
        CHECK(server.refused() == 0);
    }());
}
#endif
