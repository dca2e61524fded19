// `asio_bulk --port N --mode sink|source`: reads all that comes, or writes blocks of 64 KiB for ever.
#include "arguments.hpp"
#include "asio_streams.hpp"

#include <vector>

namespace {

using namespace peers;

constexpr std::size_t block = 64 * 1024;
const std::vector<char> outgoing(block, 'x');

asio::awaitable<void> sink(tcp::socket socket) {
    std::vector<char> memory(block);
    for (;;) {
        auto [error, size] = co_await socket.async_read_some(asio::buffer(memory), results);
        if (error) co_return;
    }
}

asio::awaitable<void> source(tcp::socket socket) {
    for (;;) {
        auto [error, size] = co_await asio::async_write(socket, asio::buffer(outgoing), results);
        if (error) co_return;
    }
}

}  // namespace

int main(int argc, char** argv) {
    const bool sends = std::string_view(value_of(argc, argv, "--mode", "sink")) == "source";
    serve_tcp(port_of(argc, argv), sends ? source : sink);
}
