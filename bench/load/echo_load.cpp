// A closed-loop load generator for echo servers: `depth` messages are in flight on every connection.
// It spins and never sleeps unless told so, so no server pays for waking it, checks what comes back, and prints a JSON
// line.
#include "options.hpp"

#include <csignal>
#include <cstdio>
#include <exception>

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    try {
        const auto wanted = load::parse(argc, argv);
        load::prepare_process(wanted);
        return wanted.idle > 0 ? load::hold_idle(wanted) : load::measure(wanted);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "echo_load: %s\n", error.what());
        return 1;
    }
}
