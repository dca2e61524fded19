// One end of a TLS connection for tls_peers.py, whose other end is another program:
//
//   tls_peer serve CHAIN KEY [option=value]...            prints its port, serves one connection after the other
//   tls_peer connect HOST_NAME PORT [option=value]...     to 127.0.0.1
//
// Each connection is told in one line on stdout: "ok version=... alpn=... reused=... peer=... text=..." or "error ...".
// A server answers a line by the same line; a client sends "hello" and wants it back.
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include <libasync/async.hpp>

using namespace async;

namespace {

using settings = std::map<std::string, std::string>;

tls_version version_of(const std::string& text, tls_version otherwise) {
    if (text.empty()) return otherwise;
    return text == "1.3" ? tls_version::tls_1_3 : tls_version::tls_1_2;
}

tls_context_options options_of(settings& given) {
    tls_context_options options;
    options.ca_file = given["ca"];
    options.certificate_file = given["cert"];
    options.key_file = given["key"];
    options.alpn = given["alpn"];
    options.min_version = version_of(given["min"], options.min_version);
    options.max_version = version_of(given["max"], options.max_version);
    if (given["clients"] == "required") options.client_certificates = tls_client_certificates::required;
    if (given["clients"] == "optional") options.client_certificates = tls_client_certificates::optional;
    return options;
}

std::string description_of(const tls_stream& stream) {
    return "ok version=" + stream.version() + " alpn=" + stream.alpn() +
           " reused=" + (stream.session_reused() ? "yes" : "no") + " peer=" + stream.peer_subject();
}

void tell(const std::string& line) {
    std::puts(line.c_str());
    std::fflush(stdout);
}

task<std::string> read_line(tls_stream& stream) {
    std::string line;
    while (line.find('\n') == line.npos) {
        const chunk data = co_await stream.read();
        if (data.empty()) break;
        line += data.text();
    }
    co_return line;
}

task<std::string> read_rest(tls_stream& stream) {
    std::string text;
    for (;;) {
        const chunk data = co_await stream.read();
        if (data.empty()) co_return text;
        text += data.text();
    }
}

std::string first_line(std::string text) { return text.substr(0, text.find('\n')); }

task<void> serve_one(tcp_stream transport, tls_context context) {
    std::string told;
    try {
        tls_stream stream = co_await tls_stream::accept(std::move(transport), context,
                                                        {.handshake_timeout = std::chrono::seconds(20)});
        told = description_of(stream);
        const std::string line = co_await read_line(stream);
        co_await stream.write(line);
        co_await stream.shutdown_write();
        const std::string rest = co_await read_rest(stream);
        co_await stream.close();
        told += " text=" + first_line(line);
    } catch (const std::exception& e) {
        told = std::string("error ") + e.what();
    }
    tell(told);
}

task<void> serve(tls_context context) {
    tcp_listener listener = tcp_listener::bind(endpoint::loopback(0));
    tell(std::to_string(listener.local_endpoint().port()));
    for (;;) co_await serve_one(co_await listener.accept(), context);
}

task<void> talk(std::string name, std::uint16_t port, tls_context context, int times) {
    for (int i = 0; i < times; ++i) {
        std::string told;
        try {
            const tls_options options{.server_name = name, .handshake_timeout = std::chrono::seconds(20)};
            tls_stream stream = co_await tls_connect(endpoint::loopback(port), options, context);
            co_await stream.write("hello\n");
            const std::string line = co_await read_line(stream);
            told = description_of(stream) + " text=" + first_line(line);
            co_await stream.close();
        } catch (const std::exception& e) {
            told = std::string("error ") + e.what();
        }
        tell(told);
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4) return 2;
    settings given;
    for (int i = 4; i < argc; ++i) {
        const std::string argument = argv[i];
        const std::size_t sign = argument.find('=');
        given[argument.substr(0, sign)] = argument.substr(sign + 1);
    }
    try {
        if (std::string(argv[1]) == "serve") {
            async::run(serve(tls_context::server(argv[2], argv[3], options_of(given))));
        } else {
            const int times = given["times"].empty() ? 1 : std::atoi(given["times"].c_str());
            const auto port = static_cast<std::uint16_t>(std::atoi(argv[3]));
            async::run(talk(argv[2], port, tls_context::client(options_of(given)), times));
        }
    } catch (const std::exception& e) {
        tell(std::string("error ") + e.what());
        return 1;
    }
}
