// What load tests share: a second process, so that the descriptors of both sides fit and the memory of one side is
// measured alone, and what they measure. Counts are checked, and never times.
#pragma once

#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <libasync/async.hpp>
#include <libasync/testing/open_descriptors.hpp>

namespace async_tests {

using async::testing::open_descriptors;

// Under a sanitizer everything takes longer, and memory is its own.
#if LIBASYNC_SANITIZED
inline constexpr bool memory_tells = false;
inline constexpr int full_load(int count) { return count / 20; }
#else
inline constexpr bool memory_tells = true;
inline constexpr int full_load(int count) { return count; }
#endif

// Memory of this process that is in use now, in KiB, without what is free already.
inline long resident_kib() {
#ifdef __GLIBC__
    ::malloc_trim(0);
#endif
    long all = 0;
    long resident = 0;
    if (std::FILE* statm = std::fopen("/proc/self/statm", "re")) {
        if (std::fscanf(statm, "%ld %ld", &all, &resident) != 2) resident = 0;
        std::fclose(statm);
    }
    if (resident == 0) throw std::runtime_error("/proc/self/statm cannot be read");
    return resident * (::sysconf(_SC_PAGESIZE) / 1024);
}

// Whether a process of this user can have so many descriptors; it asks for them.
inline bool can_open(int count) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    return ::setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max >= static_cast<rlim_t>(count);
}

// A talk between two processes, line by line.
class talk {
public:
    explicit talk(async::unix_stream stream) noexcept : stream_(std::move(stream)) {}

    async::task<void> say(std::string text) {
        text += '\n';
        co_await stream_.write(text);
    }

    // What the other one says next; empty when it has ended.
    async::task<std::string> hear() {
        std::string line = co_await stream_.read_line();
        if (!line.empty() && line.back() == '\n') line.pop_back();
        co_return line;
    }

    // The port of a server on this machine.
    async::task<async::endpoint> hear_of_server() {
        const std::string port = co_await hear();
        co_return async::endpoint("127.0.0.1", static_cast<std::uint16_t>(std::stoi(port)));
    }

    // Throws std::runtime_error if it says anything else.
    async::task<void> expect(std::string text) {
        const std::string said = co_await hear();
        if (said != text) throw std::runtime_error("the other process says \"" + said + "\" instead of " + text);
    }

    // Says something, and waits for the answer.
    async::task<void> order(std::string text) {
        co_await say(text);
        co_await expect("done " + text);
    }

private:
    async::unix_stream stream_;
};

// Forks a process that runs `main` on a loop of its own; what that throws is said on stderr. To be made while this
// process has no loop. The process does not outlive this one.
class second_process {
public:
    using main_function = async::task<void>(talk& with);

    explicit second_process(main_function& main) {
        std::array<int, 2> ends{};
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) throw std::runtime_error("socketpair");
        std::fflush(nullptr);
        id_ = ::fork();
        if (id_ < 0) throw std::runtime_error("fork");
        if (id_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            ::close(ends[0]);
            ::_exit(live(main, ends[1]));
        }
        ::close(ends[1]);
        handle_ = ends[0];
    }
    second_process(const second_process&) = delete;
    second_process& operator=(const second_process&) = delete;
    ~second_process() {
        if (handle_ >= 0) ::close(handle_);
        if (id_ <= 0) return;
        ::kill(id_, SIGKILL);
        wait();
    }

    pid_t id() const noexcept { return id_; }

    // To talk to it, on the loop of this thread; once.
    talk connect() { return talk(async::unix_stream::adopt(std::exchange(handle_, -1))); }

    // Waits for its end and gives its exit code; -1 if a signal ended it.
    int wait() noexcept {
        int status = 0;
        while (::waitpid(id_, &status, 0) < 0 && errno == EINTR) {
        }
        id_ = 0;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

private:
    static async::task<void> talk_in(main_function& main, int handle) {
        talk with(async::unix_stream::adopt(handle));
        co_await main(with);
    }

    static int live(main_function& main, int handle) noexcept {
        try {
            async::run(talk_in(main, handle));
            return 0;
        } catch (const std::exception& e) {
            std::fprintf(stderr, "the second process: %s\n", e.what());
            return 1;
        }
    }

    pid_t id_ = 0;
    int handle_ = -1;
};

// How often the loop turned, and entered the kernel, since this was made: what a busy loop betrays itself by.
class effort {
public:
    std::uint64_t turns() const { return async::this_loop().statistics().turns - start_.turns; }
    std::uint64_t enters() const { return async::this_loop().statistics().engine.enters - start_.engine.enters; }

private:
    async::loop_statistics start_ = async::this_loop().statistics();
};

// What the loop does while nothing happens for a moment: next to nothing, however long that moment is. Streams that gave
// data are looked at once more first, which takes a while for thousands of them; a loop that never falls quiet is told
// as the last moment was.
inline async::task<std::uint64_t> turns_of_a_quiet_moment() {
    constexpr int most_moments = 1000;
    constexpr std::uint64_t few = 10;
    std::uint64_t turns = 0;
    for (int i = 0; i < most_moments; ++i) {
        const effort since;
        co_await async::sleep(std::chrono::milliseconds(50));
        turns = since.turns();
        if (turns <= few) break;
    }
    co_return turns;
}

// Waits until something is so. The test's time limit ends it if it never is.
template <class Condition>
async::task<void> until(Condition condition) {
    while (!condition()) co_await async::sleep(std::chrono::milliseconds(1));
}

// A piece of a text in which shows what is missing, doubled or moved. It ends at most_letters.
inline constexpr std::size_t most_letters = 300'000;
inline std::string_view letters(std::size_t from, std::size_t count) {
    static const std::string text = [] {
        std::string all(most_letters, '\0');
        for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<char>('a' + (i * 7 + i / 26 + i / 1000) % 26);
        return all;
    }();
    return std::string_view(text).substr(from, count);
}

}  // namespace async_tests
