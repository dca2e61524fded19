// `libasync_file --port N --root DIRECTORY`: answers `GET /NAME` of HTTP/1.0 by send_file.
#include "arguments.hpp"

#include <exception>
#include <libasync/async.hpp>
#include <string>

namespace {

async::task<void> answer(async::tcp_stream client, std::string root) {
    try {
        const std::string request = co_await client.read_line();
        for (std::string line = "?"; line.size() > 2;) line = co_await client.read_line();  // up to an empty one
        const auto end = request.find(' ', 5);
        if (!request.starts_with("GET /") || end == std::string::npos) co_return;
        const std::string path = root + request.substr(4, end - 4);
        async::file file = co_await async::file::open(path, async::open_mode::read);
        const std::uint64_t size = co_await file.size();
        const std::string head = "HTTP/1.0 200 OK\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n";
        co_await client.write(head);
        co_await client.send_file(file);
        co_await client.close();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "libasync_file: %s\n", error.what());
    }
}

async::task<void> serve(std::uint16_t port, std::string root) {
    auto listener = async::tcp_listener::bind(async::endpoint::loopback(port));
    for (;;) {
        auto client = co_await listener.accept();
        async::create_task(answer(std::move(client), root));
    }
}

}  // namespace

int main(int argc, char** argv) {
    async::run(serve(peers::port_of(argc, argv), peers::value_of(argc, argv, "--root", ".")));
}
