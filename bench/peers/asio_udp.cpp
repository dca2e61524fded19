// `asio_udp --port N [--sink]`: sends datagrams back, or only reads them, one by one: it has no call for several.
#include "arguments.hpp"
#include "asio_streams.hpp"

#include <array>

namespace {

using namespace peers;
using asio::ip::udp;

asio::awaitable<void> serve(udp::socket& socket, bool sink) {
    std::array<char, 2048> memory;
    for (;;) {
        udp::endpoint from;
        auto [error, size] = co_await socket.async_receive_from(asio::buffer(memory), from, results);
        if (!error && !sink) co_await socket.async_send_to(asio::buffer(memory, size), from, results);
    }
}

}  // namespace

int main(int argc, char** argv) {
    asio::io_context context{1};
    udp::socket socket(context, udp::endpoint(asio::ip::address_v4::loopback(), port_of(argc, argv)));
    asio::co_spawn(context, serve(socket, has(argc, argv, "--sink")), asio::detached);
    context.run();
}
