// Sends back what it receives over TLS, or asks such a server. Try it with a certificate of your own:
//   openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem
//       -subj /CN=localhost -addext subjectAltName=DNS:localhost
//   tls_echo serve --certificate cert.pem --key key.pem
//   tls_echo ask --ca cert.pem hello
#include <CLI/CLI.hpp>
#include <cstdio>
#include <libasync/async.hpp>

async::task<void> serve(async::tcp_stream client, async::tls_context context) {
    try {
        auto stream = co_await async::tls_stream::accept(std::move(client), context);
        for (;;) {
            async::chunk data = co_await stream.read();
            if (data.empty()) break;  // the client has said that it sends no more
            co_await stream.write(data);
        }
        co_await stream.close();
    } catch (const std::system_error& e) {
        std::fprintf(stderr, "a client: %s\n", e.what());
    }
}

async::task<void> serve_all(async::endpoint where, async::tls_context context) {
    auto listener = async::tcp_listener::bind(where);
    const async::endpoint bound = listener.local_endpoint();
    std::printf("TLS echo on %s, engine %s\n", bound.to_string().c_str(), async::this_loop().engine_name());
    std::printf("try:  openssl s_client -connect %s\n", bound.to_string().c_str());
    std::fflush(stdout);
    for (;;) async::create_task(serve(co_await listener.accept(), context), "client");
}

async::task<void> ask(async::endpoint where, std::string name, std::string text, async::tls_context context) {
    auto stream = co_await async::tls_connect(where, {.server_name = name}, context);
    std::printf("%s, %s\n", stream.version().c_str(), stream.peer_subject().c_str());
    co_await stream.write(text, "\n");
    co_await stream.shutdown_write();
    for (;;) {
        async::chunk data = co_await stream.read();
        if (data.empty()) break;
        std::fwrite(data.data(), 1, data.size(), stdout);
    }
    co_await stream.close();
}

int main(int argc, char** argv) {
    CLI::App app{"An echo over TLS"};
    std::string certificate, key, ca, name = "localhost", text = "hello";
    std::uint16_t port = 7443;
    app.add_option("--port", port, "0 lets the system choose")->capture_default_str();
    CLI::App* server = app.add_subcommand("serve", "Serve on 127.0.0.1, until Ctrl-C")->fallthrough();
    server->add_option("--certificate", certificate, "its chain, PEM")->required();
    server->add_option("--key", key, "PEM")->required();
    CLI::App* client = app.add_subcommand("ask", "Ask the server on 127.0.0.1")->fallthrough();
    client->add_option("--ca", ca, "whom to trust, PEM; else whom the system trusts");
    client->add_option("--name", name, "that the server's certificate must be for")->capture_default_str();
    client->add_option("text", text)->capture_default_str();
    app.require_subcommand(1);
    CLI11_PARSE(app, argc, argv);
    try {
        const async::endpoint where("127.0.0.1", port);
        if (*server) {
            async::run(serve_all(where, async::tls_context::server(certificate, key)));
            std::puts("bye");
        } else {
            async::run(ask(where, name, text, async::tls_context::client({.ca_file = ca})));
        }
    } catch (const std::exception& e) {
        std::fprintf(stderr, "tls_echo: %s\n", e.what());
        return 1;
    }
}
