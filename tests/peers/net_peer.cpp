// One end of what net_peers.py tries, whose other end is another program. Servers print their port, or "ready".
//
//   net_peer http                  GET /N gives N letters, HEAD tells of them, POST sends back what it gets
//   net_peer lines                 numbers the lines of each client, and tells it at its end how many they were
//   net_peer proxied               tells each client who it is by the PROXY protocol, and sends back what it gets
//   net_peer unix NAME             sends back what it gets; "@name" is an abstract name
//   net_peer udp                   sends back what it gets
//   net_peer ask-lines PORT        sends three lines and its end, and prints what comes back
//   net_peer ask-unix NAME         copies stdin there, up to its end, and prints what comes back
//   net_peer ask-udp PORT TEXT...  sends each text and prints what comes back, once somebody listens
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include <libasync/async.hpp>

using namespace async;

namespace {

using namespace std::chrono_literals;

void tell(const std::string& line) {
    std::puts(line.c_str());
    std::fflush(stdout);
}

task<void> serve(tcp_server server) {
    tell(std::to_string(server.local_endpoint().port()));
    co_await server.serve();
}

template <class Stream>
task<void> echo(Stream& stream) {
    for (;;) {
        const chunk data = co_await stream.read();
        if (data.empty()) break;
        co_await stream.write(data);
    }
    co_await stream.close();
}

// HTTP

std::string letters(std::size_t count) {
    std::string text(count, '\0');
    for (std::size_t i = 0; i < count; ++i) text[i] = static_cast<char>('a' + i % 26);
    return text;
}

std::size_t number_after(std::string_view text, std::string_view name) {
    const std::size_t at = text.find(name);
    return at == text.npos ? 0 : std::strtoul(text.data() + at + name.size(), nullptr, 10);
}

task<bool> answer(tcp_stream& stream, std::string head) {
    std::string body;
    if (head.starts_with("POST ")) {
        if (head.find("Expect: 100-continue") != head.npos) co_await stream.write("HTTP/1.1 100 Continue\r\n\r\n");
        body = co_await stream.read_exactly(number_after(head, "Content-Length: "));
    } else {
        body = letters(number_after(head, " /"));
    }
    const std::string size = std::to_string(body.size());
    co_await stream.write("HTTP/1.1 200 OK\r\nContent-Length: ", size, "\r\n\r\n");
    if (!head.starts_with("HEAD ")) co_await stream.write(body);
    co_return head.find("Connection: close") == head.npos;
}

task<void> http(tcp_stream stream) {
    try {
        for (bool more = true; more;) {
            std::string head = co_await stream.read_until("\r\n\r\n");
            more = co_await answer(stream, std::move(head));
        }
    } catch (const incomplete_read& e) {
        if (!e.partial().empty()) throw;
    }
    co_await stream.close();
}

// Lines

task<void> number_lines(tcp_stream stream) {
    int count = 0;
    auto lines = stream.lines({.limit = 1 << 20});
    while (auto line = co_await lines.next()) {
        ++count;
        const std::string number = std::to_string(count);
        co_await stream.write(number, " ", *line);
    }
    const std::string all = std::to_string(count);
    co_await stream.write(all, " lines\n");
    co_await stream.close();
}

task<void> ask_lines(endpoint where) {
    tcp_stream stream = co_await connect(where);
    for (const char* text : {"one\n", "two words\n", "three\n"}) co_await stream.write(std::string_view(text));
    co_await stream.shutdown_write();
    const std::string answer = co_await stream.read_all();
    std::fputs(answer.c_str(), stdout);
    co_await stream.close();
}

// PROXY

task<void> tell_client(tcp_stream stream, connection_info info) {
    const std::string who = "client " + info.peer.to_string() + " to " + info.local.to_string() + " by " +
                            (info.proxied ? info.proxy.address() : "nobody") + "\n";
    co_await stream.write(who);
    co_await echo(stream);
}

// Unix sockets

unix_endpoint unix_name(std::string_view name) {
    return name.starts_with('@') ? unix_endpoint::abstract(name.substr(1)) : unix_endpoint(name);
}

task<void> echo_unix(unix_stream stream) { co_await echo(stream); }

task<void> serve_unix(unix_endpoint where) {
    unix_listener listener = unix_listener::bind(where);
    tell("ready");
    for (;;) create_task(echo_unix(co_await listener.accept()));
}

task<void> send_all(unix_stream& stream, std::string text) {
    co_await stream.write(text);
    co_await stream.shutdown_write();
}

task<void> ask_unix(unix_endpoint where, std::string text) {
    unix_stream stream = co_await unix_connect(where);
    auto sending = create_task(send_all(stream, text));
    const std::string answer = co_await stream.read_all();
    co_await sending;
    std::cout << answer;
    co_await stream.close();
}

// Datagrams

task<void> echo_datagrams() {
    udp_socket socket = udp_socket::bind(endpoint::loopback(0));
    tell(std::to_string(socket.local_endpoint().port()));
    std::vector<std::byte> buffer(65536);
    for (;;) {
        const received_datagram got = co_await socket.recv_from(buffer);
        co_await socket.send_to(std::span(buffer).first(got.size), got.from);
    }
}

// Datagrams may be lost, and at first nobody may listen.
task<std::string> ask_datagram(udp_socket& socket, std::string text) {
    std::vector<std::byte> buffer(65536);
    for (int i = 0; i < 1000; ++i) {
        try {
            co_await socket.send(text);
            const auto got = co_await move_on_after(500ms, socket.recv_from(buffer));
            if (got) co_return std::string(reinterpret_cast<const char*>(buffer.data()), got->size);
            continue;
        } catch (const std::system_error& e) {
            if (e.code() != std::errc::connection_refused) throw;
        }
        co_await sleep(20ms);
    }
    throw std::runtime_error("no answer");
}

task<void> ask_datagrams(endpoint where, std::vector<std::string> texts) {
    udp_socket socket = udp_socket::connect(where);
    for (const std::string& text : texts) {
        const std::string answer = co_await ask_datagram(socket, text);
        tell(answer);
    }
}

endpoint port_of(const char* text) { return endpoint::loopback(static_cast<std::uint16_t>(std::atoi(text))); }

task<void> do_what(std::string what, std::vector<const char*> arguments) {
    const endpoint any = endpoint::loopback(0);
    if (what == "http") return serve(tcp_server(any, http));
    if (what == "lines") return serve(tcp_server(any, number_lines));
    if (what == "proxied") return serve(tcp_server(any, tell_client, {.proxy = proxy_protocol::required}));
    if (what == "udp") return echo_datagrams();
    if (arguments.empty()) throw std::invalid_argument("what?");
    if (what == "unix") return serve_unix(unix_name(arguments[0]));
    if (what == "ask-lines") return ask_lines(port_of(arguments[0]));
    if (what == "ask-unix") {
        std::string text(std::istreambuf_iterator<char>(std::cin), {});
        return ask_unix(unix_name(arguments[0]), std::move(text));
    }
    if (what == "ask-udp") {
        return ask_datagrams(port_of(arguments[0]), std::vector<std::string>(arguments.begin() + 1, arguments.end()));
    }
    throw std::invalid_argument("what?");
}

// Servers are made on the loop.
task<void> begin(std::string what, std::vector<const char*> arguments) {
    task<void> chosen = do_what(std::move(what), std::move(arguments));
    co_await std::move(chosen);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) return 2;
    try {
        async::run(begin(argv[1], std::vector<const char*>(argv + 2, argv + argc)));
    } catch (const std::exception& e) {
        std::fprintf(stderr, "net_peer: %s\n", e.what());
        return 1;
    }
}
