// The command line of the load generators, and what they share.
#pragma once

#include <cstddef>
#include <cstdint>

namespace load {

struct options {
    std::uint16_t port = 0;
    const char* path = nullptr;  // of a unix socket, instead of the port
    const char* kind = "";       // of net_load
    const char* name = "";       // of a file that is asked for
    std::size_t connections = 50;
    std::size_t size = 64;
    std::size_t depth = 1;
    std::size_t idle = 0;  // connections to hold open; 0: measure
    double seconds = 1;
    double warmup = 0.2;
    int core = -1;
    int server = 0;  // process whose CPU time is read over the measured seconds
    bool tls = false;
    bool sleeps = false;  // instead of spinning while there is nothing to do
};

// Ends the program if there is no server to ask.
options parse(int argc, char** argv);

// Has the process run on `core`, unless that is negative, with as many descriptors as it may have.
void prepare_process(const options& wanted);

// A connected socket to the server, blocking. Throws std::system_error.
int connect_to(const options& wanted);

[[noreturn]] void fail(const char* what);

// Opens connections, has one message echoed on each, prints a line and holds them until stdin closes.
int hold_idle(const options& wanted);

// Runs the closed loop and prints the result. Returns the exit code.
int measure(const options& wanted);

}  // namespace load
