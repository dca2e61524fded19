// `libasync_echo --port N [--mode read|read_some] [--spin]`
// `libasync_echo --engine` prints which one is chosen on this machine.
#include "arguments.hpp"

#include <array>
#include <chrono>
#include <libasync/async.hpp>
#include <span>
#include <system_error>

namespace {

// Chunks of the engine's own buffers: an idle connection holds none.
async::task<void> echo_chunks(async::tcp_stream stream) {
    try {
        for (;;) {
            async::chunk bytes = co_await stream.read();
            if (bytes.empty()) co_return;
            co_await stream.write(std::span<const std::byte>(bytes.data(), bytes.size()));
        }
    } catch (const std::system_error&) {  // a client that resets its connection ends only that
    }
}

async::task<void> echo_array(async::tcp_stream stream) {
    std::array<std::byte, 20 * 1024> memory;  // a message that fills it would be followed by a look for more
    const std::span<std::byte> all(memory);
    try {
        for (;;) {
            const std::size_t size = co_await stream.read_some(all);
            if (size == 0) co_return;
            co_await stream.write(all.first(size));
        }
    } catch (const std::system_error&) {  // a client that resets its connection ends only that
    }
}

async::task<void> serve(std::uint16_t port, bool chunks) {
    auto listener = async::tcp_listener::bind(async::endpoint::loopback(port), {});
    for (;;) {
        async::tcp_stream stream = co_await listener.accept();
        async::create_task(chunks ? echo_chunks(std::move(stream)) : echo_array(std::move(stream)));
    }
}

async::task<void> print_engine() {
    std::printf("%s\n", async::this_loop().engine_name());
    co_return;
}

}  // namespace

int main(int argc, char** argv) {
    if (peers::has(argc, argv, "--engine")) {
        async::run(print_engine());
        return 0;
    }
    const auto port = peers::port_of(argc, argv);
    const bool chunks = std::string_view(peers::value_of(argc, argv, "--mode", "read")) == "read";
    async::loop_options options{};
    if (peers::has(argc, argv, "--spin")) options.spin = std::chrono::microseconds(20);
    async::run(serve(port, chunks), options);
}
