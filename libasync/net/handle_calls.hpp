// Sending and receiving open handles, for the .cpp files of the unix sockets.
#pragma once

#include <span>

#include <libasync/io/system_calls.hpp>
#include <libasync/net/attempt.hpp>
#include <libasync/net/received_handles.hpp>

namespace async::inline v0::detail {

struct send_handles_call : socket_call {
    send_handles_call(const_bytes b, std::span<const native_handle> h) noexcept
        : socket_call(&make, io::readiness::writable),
          bytes(b),
          handles(h) {}
    static int make(socket_call& call, io::socket& s) noexcept;

    const_bytes bytes;
    std::span<const native_handle> handles;
    std::size_t sent = 0;
};

struct receive_handles_call : socket_call {
    // With room for `most` of them. Throws std::bad_alloc, errc::no_loop.
    receive_handles_call(std::span<std::byte> i, std::size_t most);
    static int make(socket_call& call, io::socket& s) noexcept;
    // Once it is done.
    received_handles take() noexcept { return std::move(received); }

    std::span<std::byte> into;
    received_handles received;
};

}  // namespace async::inline v0::detail
