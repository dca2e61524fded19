#include <libasync/testing/crash_note.hpp>

#include <doctest/doctest.h>

#ifndef _WIN32

#include <csignal>
#include <cstdlib>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

using async::testing::internal::crash_note;

namespace {

struct death {
    std::string said;  // on stderr
    int signal = 0;
};

// What becomes of a child process that runs `body`.
death death_of(void (*body)()) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        ::dup2(ends[1], STDERR_FILENO);
        std::signal(SIGABRT, SIG_DFL);
        body();
        ::_exit(0);
    }
    ::close(ends[1]);
    death d;
    char part[256];
    for (ssize_t count; (count = ::read(ends[0], part, sizeof part)) > 0;)
        d.said.append(part, static_cast<std::size_t>(count));
    ::close(ends[0]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    if (WIFSIGNALED(status)) d.signal = WTERMSIG(status);
    return d;
}

}  // namespace

TEST_CASE("a program that aborts says what it was trying, and still aborts") {
    const death d = death_of([] {
        const crash_note note("allocation 7 failing once");
        std::abort();
    });
    CHECK(d.said == "libasync: with allocation 7 failing once the program crashes\n");
    CHECK(d.signal == SIGABRT);
}

TEST_CASE("a program can be ended with a note and a reason") {
    const death d = death_of([] {
        const crash_note note("allocation 7 failing once");
        crash_note::abort_with("cannot be ended");
    });
    CHECK(d.said == "libasync: with allocation 7 failing once the run cannot be ended\n");
    CHECK(d.signal == SIGABRT);
}

TEST_CASE("a note that has gone is not said") {
    const death d = death_of([] {
        {
            const crash_note note("allocation 7 failing once");
        }
        std::abort();
    });
    CHECK(d.said == "");
    CHECK(d.signal == SIGABRT);
}

#else

TEST_CASE("what a crash says is not tested on Windows") { MESSAGE("skipped: there is no fork"); }

#endif
