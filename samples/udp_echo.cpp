// Sends back the datagrams it receives, or asks such a server, again if there is no answer: datagrams may be lost.
//   udp_echo serve
//   udp_echo ask hello
#include <CLI/CLI.hpp>
#include <cstdio>
#include <libasync/async.hpp>
#include <vector>

using namespace std::chrono_literals;

constexpr std::size_t largest = 65'507;  // bytes, with IPv4

async::task<void> serve(async::endpoint where) {
    auto socket = async::udp_socket::bind(where);
    const async::endpoint bound = socket.local_endpoint();
    std::printf("UDP echo on %s, engine %s\n", bound.to_string().c_str(), async::this_loop().engine_name());
    std::printf("try:  socat - UDP:%s\n", bound.to_string().c_str());
    std::fflush(stdout);
    std::vector<std::byte> buffer(largest);
    for (;;) {
        const async::received_datagram got = co_await socket.recv_from(buffer);
        try {
            co_await socket.send_to(std::span(buffer).first(got.size), got.from);
        } catch (const std::system_error& e) {
            std::fprintf(stderr, "%s\n", e.what());  // of this one; the others are still served
        }
    }
}

async::task<void> ask(async::endpoint where, std::string text) {
    auto socket = async::udp_socket::connect(where);
    std::vector<std::byte> buffer(largest);
    for (auto patience = 250ms; patience <= 2s; patience *= 2) {
        co_await socket.send(text);
        const auto got = co_await async::move_on_after(patience, socket.recv_from(buffer));
        if (!got) continue;
        std::fwrite(buffer.data(), 1, got->size, stdout);
        std::puts("");
        co_return;
    }
    throw std::runtime_error("no answer");
}

int main(int argc, char** argv) {
    CLI::App app{"An echo of datagrams"};
    std::string text = "hello";
    std::uint16_t port = 7000;
    app.add_option("--port", port, "0 lets the system choose")->capture_default_str();
    CLI::App* server = app.add_subcommand("serve", "Serve on 127.0.0.1, until Ctrl-C")->fallthrough();
    CLI::App* client = app.add_subcommand("ask", "Ask the server on 127.0.0.1")->fallthrough();
    client->add_option("text", text)->capture_default_str();
    app.require_subcommand(1);
    CLI11_PARSE(app, argc, argv);
    try {
        const async::endpoint where("127.0.0.1", port);
        if (*server) {
            async::run(serve(where));
            std::puts("bye");
        } else {
            async::run(ask(where, text));
        }
    } catch (const std::exception& e) {
        std::fprintf(stderr, "udp_echo: %s\n", e.what());
        return 1;
    }
}
