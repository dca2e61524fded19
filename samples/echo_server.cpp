// Sends back what it receives. Try it with:  nc 127.0.0.1 7000
#include <CLI/CLI.hpp>
#include <cstdio>
#include <libasync/async.hpp>

async::task<void> echo(async::tcp_stream client) {
    try {
        for (;;) {
            async::chunk data = co_await client.read();
            if (data.empty()) co_return;  // the client has closed its side
            co_await client.write(data);
        }
    } catch (const std::system_error&) {
        // The client went away in the middle; nothing is left to tell it.
    }
}

async::task<void> serve(async::endpoint where) {
    async::tcp_server server{where, echo};
    const async::endpoint& bound = server.local_endpoint();
    std::printf("echo on %s, engine %s\ntry:  nc %s %u\n", bound.to_string().c_str(), async::this_loop().engine_name(),
                bound.address().c_str(), bound.port());
    std::fflush(stdout);
    co_await server.serve();
}

int main(int argc, char** argv) {
    CLI::App app{"Sends back what it receives"};
    std::string host = "127.0.0.1";
    std::uint16_t port = 7000;
    app.add_option("--host", host, "numeric address to listen on")->capture_default_str();
    app.add_option("--port", port, "0 lets the system choose")->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    try {
        async::run(serve({host, port}));  // until Ctrl-C
        std::puts("bye");
    } catch (const std::exception& e) {
        std::fprintf(stderr, "echo_server: %s\n", e.what());
        return 1;
    }
}
