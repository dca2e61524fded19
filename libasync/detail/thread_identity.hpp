// Which thread this is: what std::this_thread::get_id tells, without <thread>, which is a tenth of what the compiler
// reads for <libasync/async.hpp>.
#pragma once

#include <libasync/config.hpp>

namespace async::inline v0::detail {

// Of no other thread as long as this one lives.
using thread_identity = const void*;

thread_identity this_thread_identity() noexcept;

}  // namespace async::inline v0::detail
