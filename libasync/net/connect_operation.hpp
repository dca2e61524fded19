// Connecting a socket that is open, for the .cpp files of this directory.
#pragma once

#include <string>

#include <libasync/coro/io_awaiter.hpp>

namespace async::inline v0::detail {

struct connect_description : io_description<connect_description> {
    using operation = io::connect_op;
    using value_type = void;

    connect_description(io::socket* s, const endpoint* p) noexcept : socket(s), peer(p) {}
    operation make() const noexcept { return {socket, *peer}; }
    void finish(operation&) const noexcept {}
    std::string what() const { return "connect to " + peer->to_string(); }

    io::socket* socket;
    const endpoint* peer;  // in the frame of the connecting coroutine
};

}  // namespace async::inline v0::detail
