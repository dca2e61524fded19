// What listeners of every kind do to accept.
#pragma once

#include <libasync/net/stream_operations.hpp>

namespace async::inline v0::detail {

// The next connection. Without descriptors or memory it waits, ever longer up to a second, and says so in the log.
// Throws std::system_error. Cancel class: lossless.
task<io::socket_ptr> accept_socket(stream_ref listener);

}  // namespace async::inline v0::detail
