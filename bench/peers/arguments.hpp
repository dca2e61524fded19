// The few command line options of the echo servers: `--name value`, or a bare `--name`.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace peers {

inline const char* value_of(int argc, char** argv, std::string_view name, const char* otherwise) {
    for (int i = 1; i + 1 < argc; ++i)
        if (argv[i] == name) return argv[i + 1];
    return otherwise;
}

inline bool has(int argc, char** argv, std::string_view name) {
    for (int i = 1; i < argc; ++i)
        if (argv[i] == name) return true;
    return false;
}

inline std::uint16_t port_of(int argc, char** argv) {
    const int port = std::atoi(value_of(argc, argv, "--port", "0"));
    if (port <= 0 || port > 65535) {
        std::fprintf(stderr, "usage: %s --port N\n", argv[0]);
        std::exit(2);
    }
    return static_cast<std::uint16_t>(port);
}

}  // namespace peers
