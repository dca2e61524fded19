#include <libasync/io/parallelism.hpp>

#include <algorithm>
#include <thread>

#ifdef __linux__
#include <cstdio>

#include <sched.h>
#endif

namespace async::inline v0 {

namespace {

#ifdef __linux__
unsigned allowed_processors() noexcept {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (::sched_getaffinity(0, sizeof set, &set) == 0) return static_cast<unsigned>(CPU_COUNT(&set));
    return std::thread::hardware_concurrency();  // more processors than the set has room for
}

// 0 if there is no limit.
unsigned group_share() noexcept {
    std::FILE* file = std::fopen("/sys/fs/cgroup/cpu.max", "re");
    if (file == nullptr) return 0;
    unsigned long quota = 0;
    unsigned long period = 0;
    const int found = std::fscanf(file, "%lu %lu", &quota, &period);  // "max 100000" has no number in front
    std::fclose(file);
    if (found != 2 || quota == 0 || period == 0) return 0;
    return static_cast<unsigned>(std::min((quota + period - 1) / period, 1'000'000ul));
}
#else
unsigned allowed_processors() noexcept { return std::thread::hardware_concurrency(); }
unsigned group_share() noexcept { return 0; }
#endif

}  // namespace

unsigned available_parallelism() noexcept {
    const unsigned processors = std::max(allowed_processors(), 1u);
    const unsigned share = group_share();
    return share == 0 ? processors : std::min(processors, share);
}

}  // namespace async::inline v0
