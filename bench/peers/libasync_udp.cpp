// `libasync_udp --port N --mode many|one [--sink]`: sends datagrams back, or only reads them; up to 32 by one call, or
// one by one.
#include "arguments.hpp"

#include <array>
#include <libasync/async.hpp>
#include <string_view>

namespace {

constexpr std::size_t batch = 32;
constexpr std::size_t largest = 2048;

async::task<void> serve_many(async::udp_socket socket, bool sink) {
    std::vector<std::byte> memory(batch * largest);
    std::array<async::incoming_datagram, batch> incoming;
    std::array<async::outgoing_datagram, batch> outgoing;
    for (std::size_t i = 0; i < batch; ++i) incoming[i].into = std::span(memory).subspan(i * largest, largest);
    for (;;) {
        const std::size_t got = co_await socket.recv_many(incoming);
        if (sink) continue;
        for (std::size_t i = 0; i < got; ++i)
            outgoing[i] = {async::const_bytes(incoming[i].into.first(incoming[i].size)), incoming[i].from};
        for (std::size_t sent = 0; sent < got;)
            sent += co_await socket.send_many(std::span(outgoing).subspan(sent, got - sent));
    }
}

async::task<void> serve_one(async::udp_socket socket, bool sink) {
    std::array<std::byte, largest> memory;
    for (;;) {
        const async::received_datagram got = co_await socket.recv_from(memory);
        if (!sink) co_await socket.send_to(std::span<const std::byte>(memory).first(got.size), got.from);
    }
}

async::task<void> serve(std::uint16_t port, bool many, bool sink) {
    auto socket = async::udp_socket::bind(async::endpoint::loopback(port));
    if (many)
        co_await serve_many(std::move(socket), sink);
    else
        co_await serve_one(std::move(socket), sink);
}

}  // namespace

int main(int argc, char** argv) {
    const bool many = std::string_view(peers::value_of(argc, argv, "--mode", "many")) == "many";
    async::run(serve(peers::port_of(argc, argv), many, peers::has(argc, argv, "--sink")));
}
