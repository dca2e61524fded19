#include <libasync/config.hpp>

#include <cstdio>
#include <cstdlib>

namespace async::inline v0::detail {

void assertion_failed(const char* condition, const char* meaning, const char* file, int line) noexcept {
    std::fprintf(stderr, "libasync: %s:%d: invariant broken: %s (%s)\n", file, line, meaning, condition);
    std::abort();
}

}  // namespace async::inline v0::detail
