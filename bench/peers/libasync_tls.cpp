// `libasync_tls --port N --certificate FILE --key FILE [--mode read|read_some]`: an echo over TLS.
#include "arguments.hpp"

#include <array>
#include <libasync/async.hpp>
#include <span>
#include <string_view>
#include <system_error>

namespace {

async::task<void> echo_chunks(async::tcp_stream client, async::tls_context context) {
    try {
        auto stream = co_await async::tls_stream::accept(std::move(client), context);
        for (;;) {
            async::chunk data = co_await stream.read();
            if (data.empty()) co_return;
            co_await stream.write(data);
        }
    } catch (const std::system_error&) {  // clients reset their connections
    }
}

async::task<void> echo_array(async::tcp_stream client, async::tls_context context) {
    std::array<std::byte, 20 * 1024> memory;
    try {
        auto stream = co_await async::tls_stream::accept(std::move(client), context);
        for (;;) {
            const std::size_t size = co_await stream.read_some(memory);
            if (size == 0) co_return;
            co_await stream.write(std::span<const std::byte>(memory).first(size));
        }
    } catch (const std::system_error&) {  // clients reset their connections
    }
}

async::task<void> serve(std::uint16_t port, async::tls_context context, bool chunks) {
    auto listener = async::tcp_listener::bind(async::endpoint::loopback(port));
    for (;;) {
        auto client = co_await listener.accept();
        async::create_task(chunks ? echo_chunks(std::move(client), context) : echo_array(std::move(client), context));
    }
}

}  // namespace

int main(int argc, char** argv) {
    const bool chunks = std::string_view(peers::value_of(argc, argv, "--mode", "read")) == "read";
    async::run(serve(peers::port_of(argc, argv),
                     async::tls_context::server(peers::value_of(argc, argv, "--certificate", ""),
                                                peers::value_of(argc, argv, "--key", "")),
                     chunks));
}
