#include <libasync/sync/barrier.hpp>

namespace async::inline v0 {

broken_barrier::broken_barrier() : std::runtime_error("barrier::wait: the barrier was reset or aborted") {}

broken_barrier::~broken_barrier() = default;

}  // namespace async::inline v0
