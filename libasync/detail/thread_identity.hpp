// Which thread this is: what std::this_thread::get_id tells, for headers that everybody includes: <thread> brings the
// compiler <stop_token>, <semaphore> and waiting with atomics.
#pragma once

#include <libasync/config.hpp>

namespace async::inline v0::detail {

// Of no other thread as long as this one lives; another may have it afterwards, as a std::thread::id.
using thread_identity = const void*;

thread_identity this_thread_identity() noexcept;

}  // namespace async::inline v0::detail
