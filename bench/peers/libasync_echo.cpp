// `libasync_echo --port N [--mode read|read_some|exactly|server] [--spin]`, or `--path PATH` for a unix socket.
// `libasync_echo --engine` prints which one is chosen on this machine.
#include "arguments.hpp"

#include <array>
#include <chrono>
#include <libasync/async.hpp>
#include <span>
#include <string_view>
#include <system_error>

namespace {

// Chunks of the engine's own buffers: an idle connection holds none.
template <class Stream>
async::task<void> echo_chunks(Stream stream) {
    try {
        for (;;) {
            async::chunk bytes = co_await stream.read();
            if (bytes.empty()) co_return;
            co_await stream.write(std::span<const std::byte>(bytes.data(), bytes.size()));
        }
    } catch (const std::system_error&) {  // a client that resets its connection ends only that
    }
}

template <class Stream>
async::task<void> echo_array(Stream stream) {
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

// Messages of a known size, by the buffered reader.
template <class Stream>
async::task<void> echo_messages(Stream stream, std::size_t size) {
    try {
        for (;;) {
            const std::string message = co_await stream.read_exactly(size);
            co_await stream.write(message);
        }
    } catch (const std::exception&) {  // the end, or a client that resets its connection
    }
}

struct how {
    std::string_view mode;
    std::size_t size;

    template <class Stream>
    async::task<void> serve(Stream stream) const {
        if (mode == "read_some") return echo_array(std::move(stream));
        if (mode == "exactly") return echo_messages(std::move(stream), size);
        return echo_chunks(std::move(stream));
    }
};

template <class Listener>
async::task<void> accept_all(Listener listener, how wanted) {
    for (;;) {
        auto stream = co_await listener.accept();
        async::create_task(wanted.serve(std::move(stream)));
    }
}

async::task<void> serve_tcp(std::uint16_t port, how wanted) {
    const auto where = async::endpoint::loopback(port);
    if (wanted.mode != "server") co_return co_await accept_all(async::tcp_listener::bind(where), wanted);
    async::tcp_server server{where, echo_chunks<async::tcp_stream>};
    co_await server.serve();
}

async::task<void> serve_unix(const char* path, how wanted) {
    co_await accept_all(async::unix_listener::bind(path), wanted);
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
    const how wanted{peers::value_of(argc, argv, "--mode", "read"),
                     static_cast<std::size_t>(std::atoi(peers::value_of(argc, argv, "--size", "64")))};
    async::loop_options options{};
    if (peers::has(argc, argv, "--spin")) options.spin = std::chrono::microseconds(20);
    if (const char* path = peers::value_of(argc, argv, "--path", nullptr))
        async::run(serve_unix(path, wanted), options);
    else
        async::run(serve_tcp(peers::port_of(argc, argv), wanted), options);
}
