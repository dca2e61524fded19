// `libasync_bulk --port N --mode sink|sink_some|source`: reads all that comes, by `read` or by `read_some` into 64 KiB,
// or writes blocks of 64 KiB for ever.
#include "arguments.hpp"

#include <libasync/async.hpp>
#include <string_view>
#include <system_error>
#include <vector>

namespace {

constexpr std::size_t block = 64 * 1024;
const std::vector<std::byte> outgoing(block, std::byte{'x'});

async::task<void> sink(async::tcp_stream stream) {
    try {
        for (;;) {
            const async::chunk bytes = co_await stream.read();
            if (bytes.empty()) co_return;
        }
    } catch (const std::system_error&) {  // clients reset their connections
    }
}

async::task<void> sink_some(async::tcp_stream stream) {
    std::vector<std::byte> memory(block);
    try {
        for (;;) {
            const std::size_t size = co_await stream.read_some(memory);
            if (size == 0) co_return;
        }
    } catch (const std::system_error&) {  // clients reset their connections
    }
}

async::task<void> source(async::tcp_stream stream) {
    try {
        for (;;) co_await stream.write(outgoing);
    } catch (const std::system_error&) {  // clients reset their connections
    }
}

async::task<void> serve(std::uint16_t port, std::string_view mode) {
    auto listener = async::tcp_listener::bind(async::endpoint::loopback(port));
    const auto handler = mode == "source" ? source : mode == "sink" ? sink : sink_some;
    for (;;) {
        auto client = co_await listener.accept();
        async::create_task(handler(std::move(client)));
    }
}

}  // namespace

int main(int argc, char** argv) {
    async::run(serve(peers::port_of(argc, argv), peers::value_of(argc, argv, "--mode", "sink")));
}
