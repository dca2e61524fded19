// Threads of the library take no signals: those are for the program's own.
#pragma once

#include <thread>

#include <libasync/detail/unique_function.hpp>

namespace async::inline v0::io {

// Starts one that takes none. Throws std::system_error, std::bad_alloc.
std::thread quiet_thread(unique_function<void()> body);

}  // namespace async::inline v0::io
