#include <libasync/testing/open_descriptors.hpp>

#include <libasync/io/sim/thread_world.hpp>

#ifdef __linux__
#include <dirent.h>
#endif

namespace async::inline v0::testing {

int open_descriptors() noexcept {
    int count = 0;
#ifdef __linux__
    if (DIR* directory = ::opendir("/proc/self/fd")) {
        while (::readdir(directory)) ++count;
        ::closedir(directory);
        count -= 3;  // ".", ".." and the directory itself
    }
#endif
    return count + static_cast<int>(io::sim::open_in_world_of_thread());
}

}  // namespace async::inline v0::testing
