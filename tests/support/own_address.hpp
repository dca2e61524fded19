// An address of this machine, and a group, that no other test program uses: who listens there, or does not, is this one.
#pragma once

#include <cstdint>
#include <string>

#ifdef _WIN32
#include <process.h>
#else
#include <unistd.h>
#endif

#include <libasync/io/endpoint.hpp>

namespace async_tests {

// The address in 127.0.0.0/8, or another net of that size, that the number of the process makes.
inline async::endpoint own_address_in(const char* net, std::uint16_t port) {
#ifdef _WIN32
    const auto id = static_cast<std::uint32_t>(::_getpid());
#else
    const auto id = static_cast<std::uint32_t>(::getpid());
#endif
    const std::string text = std::string(net) + "." + std::to_string(1 + id / 64'000 % 250) + "." +
                             std::to_string(id / 250 % 256) + "." + std::to_string(2 + id % 250);
    return async::endpoint(text, port);
}

// A port of 127.0.0.1 that was just closed may be somebody else's at once, where many test programs run. All of
// 127.0.0.0/8 is this machine.
inline async::endpoint own_address(std::uint16_t port = 0) {
#if defined(_WIN32) || defined(__linux__)
    return own_address_in("127", port);
#else  // has 127.0.0.1 alone
    return async::endpoint::loopback(port);
#endif
}

// A multicast group: as long as any program of this machine is a member, others hear it too (IP_MULTICAST_ALL, ip(7)).
inline async::endpoint own_group(std::uint16_t port = 0) { return own_address_in("239", port); }

}  // namespace async_tests
