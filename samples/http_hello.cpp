// A tiny HTTP/1.1 server: answers every GET with a greeting, and keeps connections open. Enough for curl, a browser
// and a load tool; it reads heads of at most 8 KiB, expects no bodies and closes what stays silent for a minute.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <libasync/async.hpp>

using namespace std::chrono_literals;

constexpr std::size_t max_head = 8 * 1024;
constexpr std::string_view greeting =
    "HTTP/1.1 200 OK\r\nServer: libasync\r\nContent-Type: text/plain\r\nContent-Length: 15\r\n\r\nHello, libasync";
constexpr std::string_view refusal = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

// Takes the complete heads off the front of `input` and appends an answer for each; false to hang up afterwards.
bool answer(std::string& input, std::string& output) {
    for (;;) {
        const std::size_t end = input.find("\r\n\r\n");
        if (end == std::string::npos && input.size() < max_head) return true;
        const bool good = end <= max_head && input.starts_with("GET ");
        output += good ? greeting : refusal;
        if (!good) return false;
        const bool last = std::string_view(input).substr(0, end).find("Connection: close") != std::string::npos;
        input.erase(0, end + 4);
        if (last) return false;
    }
}

// Lets a client that still sends have the last answer: closing at once, with input unread, would reset the connection.
async::task<void> hang_up(async::tcp_stream& client) {
    co_await client.shutdown_write();
    for (int chunks = 0; chunks < 100 && !(co_await client.read()).empty(); ++chunks) {
    }
}

async::task<void> converse(async::tcp_stream client) {
    std::string input;
    std::string output;
    try {
        for (bool more = true; more;) {
            const async::chunk data = co_await async::timeout(60s, client.read());
            if (data.empty()) co_return;
            input += data.text();
            output.clear();
            more = answer(input, output);
            co_await async::timeout(60s, client.write(output));
        }
        co_await async::timeout(1s, hang_up(client));
    } catch (const std::system_error&) {
        // The client went away.
    } catch (const async::timeout_error&) {
        // The client was silent for too long.
    }
}

async::task<void> serve(async::endpoint where) {
    async::tcp_server server{where, converse};
    const std::string bound = server.local_endpoint().to_string();
    std::printf("HTTP on %s, engine %s. Ctrl-C ends it.\ntry:  curl http://%s/\n", bound.c_str(),
                async::this_loop().engine_name(), bound.c_str());
    std::fflush(stdout);
    co_await server.serve();
}

int main(int argc, char** argv) {
    CLI::App app{"A tiny HTTP server"};
    std::string host = "127.0.0.1";
    std::uint16_t port = 8080;
    app.add_option("--host", host, "numeric address to listen on")->capture_default_str();
    app.add_option("--port", port, "0 lets the system choose")->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    try {
        async::run(serve({host, port}));  // until Ctrl-C
        std::puts("bye");
    } catch (const std::exception& e) {
        std::fprintf(stderr, "http_hello: %s\n", e.what());
        return 1;
    }
}
