// An echo server on several cores: each worker has a thread, a loop and a server of its own on the same port, and the
// kernel spreads the connections. Try it with:  nc 127.0.0.1 7000
#include <CLI/CLI.hpp>
#include <cstdio>
#include <libasync/async.hpp>
#include <libasync/net/port_reservation.hpp>

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

async::task<void> serve(async::worker self, async::endpoint where) {
    async::tcp_server server{where, echo, {.listen = {.reuse_port = true}}};
    if (self.index() == 0) {
        std::printf("echo on %s, engine %s, %u workers\ntry:  nc %s %u\n", where.to_string().c_str(),
                    async::this_loop().engine_name(), self.count(), where.address().c_str(), where.port());
        std::fflush(stdout);
    }
    co_await server.serve();
}

int main(int argc, char** argv) {
    CLI::App app{"An echo server on several cores"};
    std::string host = "127.0.0.1";
    std::uint16_t port = 7000;
    unsigned workers = 0;
    app.add_option("--host", host, "numeric address to listen on")->capture_default_str();
    app.add_option("--port", port, "0 lets the system choose")->capture_default_str();
    app.add_option("--workers", workers, "0 means one for each core")->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    try {
        const async::port_reservation reserved({host, port});
        // Until Ctrl-C.
        async::run_workers(workers, [&](async::worker self) { return serve(self, reserved.local_endpoint()); });
        std::puts("bye");
    } catch (const std::exception& e) {
        std::fprintf(stderr, "workers: %s\n", e.what());
        return 1;
    }
}
