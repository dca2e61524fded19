// An echo server that stops gracefully. Ctrl-C stops the accepting of connections, and nothing else: the clients that
// are there may finish, for a while; whoever has not by then is cancelled.
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
        // The client went away.
    }
}

// Lets nobody in any more, and waits for the clients, for a while; cancels those that are left then.
async::task<void> stop(async::tcp_server& server, std::chrono::milliseconds patience) {
    server.close();
    co_await server.wait_stopped();
    std::puts("no new clients");
    std::fflush(stdout);
    const auto finished = co_await async::move_on_after(patience, server.wait_closed());
    server.close_clients();
    co_await server.wait_closed();
    std::puts(finished ? "all have finished" : "the others were cancelled");
}

async::task<void> serve_until_stopped(async::endpoint where, std::chrono::milliseconds patience) {
    async::tcp_server server{where, echo};
    const async::endpoint& bound = server.local_endpoint();
    std::printf("echo on %s, engine %s\ntry:  nc %s %u  and Ctrl-C here\n", bound.to_string().c_str(),
                async::this_loop().engine_name(), bound.address().c_str(), bound.port());
    std::fflush(stdout);
    // A task of its own, which Ctrl-C does not cancel.
    auto serving = async::create_task(server.serve(), "server");
    co_await async::finally(serving.wait(), stop(server, patience));
}

int main(int argc, char** argv) {
    CLI::App app{"An echo server that lets its clients finish"};
    std::string host = "127.0.0.1";
    std::uint16_t port = 7000;
    unsigned patience = 5000;
    app.add_option("--host", host, "numeric address to listen on")->capture_default_str();
    app.add_option("--port", port, "0 lets the system choose")->capture_default_str();
    app.add_option("--patience", patience, "milliseconds that clients have to finish")->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    try {
        async::run(serve_until_stopped({host, port}, std::chrono::milliseconds(patience)));  // until Ctrl-C
        std::puts("bye");
    } catch (const std::exception& e) {
        std::fprintf(stderr, "graceful_stop: %s\n", e.what());
        return 1;
    }
}
