// The command line of the load generator, and what it and the idle mode share.
#pragma once

#include <cstddef>
#include <cstdint>

namespace load {

struct options {
    std::uint16_t port = 0;
    std::size_t connections = 50;
    std::size_t size = 64;
    std::size_t depth = 1;
    std::size_t idle = 0;  // connections to hold open; 0: measure
    double seconds = 1;
    double warmup = 0.2;
    int core = -1;
    int server = 0;  // process whose CPU time is read over the measured seconds
};

options parse(int argc, char** argv);

// A connected TCP socket to the loopback address. Throws std::system_error.
int connect_to(std::uint16_t port);

[[noreturn]] void fail(const char* what);

// Opens connections, has one message echoed on each, prints a line and holds them until stdin closes.
int hold_idle(const options& wanted);

// Runs the closed loop and prints the result. Returns the exit code.
int measure(const options& wanted);

}  // namespace load
