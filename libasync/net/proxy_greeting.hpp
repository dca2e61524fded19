// Reads the PROXY header at the front of a connection, and not one byte more. What turns out to be none is put back.
#pragma once

#include <chrono>

#include <libasync/net/server_options.hpp>
#include <libasync/net/stream_operations.hpp>

namespace async::inline v0::detail {

// Writes into `info` what the header says. Gives what is wrong with it, or null. `stream` stays, and its connection may
// be closed meanwhile. Throws std::bad_alloc. Cancel class: progress.
task<const char*> read_proxy_header(stream_state& stream, proxy_protocol how, std::chrono::nanoseconds limit,
                                    connection_info& info);

}  // namespace async::inline v0::detail
