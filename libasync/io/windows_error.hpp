// The errors of Windows as errno values.
#pragma once

#include <libasync/config.hpp>

namespace async::inline v0::io {

// `code` is what GetLastError or WSAGetLastError returned.
int errno_from_windows(unsigned long code) noexcept;

}  // namespace async::inline v0::io
