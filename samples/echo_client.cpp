// Sends lines of standard arguments to an echo server, all at once over one connection each, and prints the answers.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <libasync/async.hpp>

using namespace std::chrono_literals;

async::task<std::string> ask(async::endpoint server, std::string text) {
    async::tcp_stream stream = co_await async::connect(server);
    co_await stream.write(text);
    co_await stream.shutdown_write();
    std::string answer;
    for (;;) {
        async::chunk data = co_await stream.read();
        if (data.empty()) co_return answer;
        answer += data.text();
    }
}

async::task<void> ask_all(async::endpoint server, std::vector<std::string> texts) {
    std::vector<async::task<std::string>> questions;
    for (const std::string& text : texts) questions.push_back(ask(server, text));
    const auto answers = co_await async::timeout(5s, async::gather(std::move(questions)));
    for (const std::string& answer : answers) std::printf("%s\n", answer.c_str());
}

int main(int argc, char** argv) {
    CLI::App app{"Asks an echo server, one connection for each text"};
    std::string host = "127.0.0.1";
    std::uint16_t port = 7000;
    std::vector<std::string> texts{"hello"};
    app.add_option("--host", host, "numeric address of the server")->capture_default_str();
    app.add_option("--port", port)->capture_default_str();
    app.add_option("text", texts, "what to send");
    CLI11_PARSE(app, argc, argv);
    try {
        async::run(ask_all({host, port}, texts));
    } catch (const std::exception& e) {
        std::fprintf(stderr, "echo_client: %s\n", e.what());
        return 1;
    }
}
