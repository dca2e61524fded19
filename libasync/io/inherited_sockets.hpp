// Descriptors that the parent process has opened for this one: what sd_listen_fds(3) describes.
#pragma once

#include <string>
#include <vector>

#include <libasync/io/handle.hpp>

namespace async::inline v0::io {

struct inherited_handle {
    native_handle handle;
    std::string name;
};

// Those that LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES tell of, closed on exec from now on; the variables are removed, so
// that a second call, or a child, finds none. Throws std::system_error if they are wrong; std::bad_alloc, and then nothing
// is removed.
std::vector<inherited_handle> take_inherited();

// Whether it is a TCP socket, of IPv4 or IPv6, that listens.
bool is_tcp_listener(native_handle handle) noexcept;

}  // namespace async::inline v0::io
