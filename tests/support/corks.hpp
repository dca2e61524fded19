// Connections with little room, and what fills it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <tests/support/network.hpp>
#include <tests/support/system.hpp>

namespace async_tests {

// The kernel's buffers are as small as they get: far below the 64 KiB that a cork joins. It promises its peer as much as
// the listener's buffer has, so that one has to be small as well.
inline async::task<stream_pair> narrow_pair() {
    constexpr int size = 4096;
    const async::tcp_options options{.receive_buffer = size, .send_buffer = size};
    if (on_sim()) co_return co_await connected_pair(options);
    async::io::system_calls& system = this_engine().calls();
    int error = 0;
    const async::native_handle door = system.open_tcp_socket(async::address_family::ipv4, error);
    system.set_option(door, async::io::socket_option::receive_buffer, size);
    system.bind_socket(door, async::endpoint::loopback(0));
    system.listen_socket(door, 4);
    auto listener = async::tcp_listener::adopt(door, options);
    async::tcp_stream client = co_await async::connect(listener.local_endpoint(), options);
    async::tcp_stream server = co_await listener.accept();
    co_await listener.close();
    co_return stream_pair(std::move(client), std::move(server));
}

// What surely does not fit into the buffers of a narrow pair, and does into a cork.
inline std::string joined_text() { return pattern(60'000); }

// For long texts, that nobody wants to be shown.
inline bool same(std::string_view a, std::string_view b) { return a == b; }

// Sends beside the library until nothing more fits; gives the number of bytes.
inline std::uint64_t fill_up(async::native_handle handle) {
    const std::string text(4096, 'f');
    std::uint64_t sent = 0;
    for (std::size_t size = text.size(); size != 0; size /= 2) {
        for (;;) {
            const auto r = this_engine().calls().send_now(handle, async::const_bytes(text.data(), size));
            sent += r.bytes;
            if (r.error != 0 || r.bytes == 0) break;
        }
    }
    return sent;
}

}  // namespace async_tests
