// An echo server that stops gracefully. Ctrl-C cancels the accepting of connections, and nothing else: the clients
// that are there may finish, for a while; whoever has not by then is cancelled.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <libasync/async.hpp>

async::task<void> serve(async::tcp_stream client) {
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

// Serves whoever arrives; ends when nobody arrives any more and the last client has gone.
async::task<void> serve_all(async::channel_receiver<async::tcp_stream> arrivals) {
    co_await async::with_task_group([&](async::task_group& clients) -> async::task<void> {
        while (auto client = co_await arrivals.receive()) clients.start(serve(std::move(*client)), "client");
    });
}

// Accepts until it is cancelled; its end of the channel closes then.
async::task<void> accept_all(async::tcp_listener& listener, async::channel_sender<async::tcp_stream> arrivals) {
    for (;;) co_await arrivals.send(co_await listener.accept());
}

// Waits for the clients, for a while; cancels those that are left then, and waits for them too.
async::task<void> let_finish(async::tcp_listener& listener, async::task_handle<void> clients,
                             std::chrono::milliseconds patience) {
    co_await listener.close();
    std::puts("no new clients");
    std::fflush(stdout);
    const auto finished = co_await async::move_on_after(patience, clients.wait());
    if (finished) {
        co_await clients;  // throws what went wrong, if anything did
        std::puts("all have finished");
    } else {
        clients.cancel();
        co_await clients.wait();
        std::puts("the others were cancelled");
    }
}

async::task<void> serve_until_stopped(async::endpoint where, std::chrono::milliseconds patience) {
    auto listener = async::tcp_listener::bind(where);
    const async::endpoint bound = listener.local_endpoint();
    std::printf("echo on %s, engine %s\ntry:  nc %s %u  and Ctrl-C here\n", bound.to_string().c_str(),
                async::this_loop().engine_name(), bound.address().c_str(), bound.port());
    std::fflush(stdout);
    auto [entrance, arrivals] = async::channel<async::tcp_stream>();
    auto clients = async::create_task(serve_all(std::move(arrivals)), "clients");
    co_await async::finally(accept_all(listener, std::move(entrance)),
                            let_finish(listener, std::move(clients), patience));
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
