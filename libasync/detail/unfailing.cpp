#include <libasync/detail/unfailing.hpp>

namespace async::inline v0::detail {

constinit thread_local unsigned unfailing_depth = 0;

}  // namespace async::inline v0::detail
