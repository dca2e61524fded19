#include <libasync/detail/thread_identity.hpp>

namespace async::inline v0::detail {

thread_identity this_thread_identity() noexcept {
    static thread_local const char here = 0;
    return &here;
}

}  // namespace async::inline v0::detail
