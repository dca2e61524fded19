// An address of this machine that no other test program uses: what listens there, or does not, is this one's.
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

// A port of 127.0.0.1 that was just closed may be somebody else's at once, where many test programs run. All of
// 127.0.0.0/8 is this machine, so the number of the process makes an address.
inline async::endpoint own_address(std::uint16_t port = 0) {
#ifdef _WIN32
    const auto id = static_cast<std::uint32_t>(::_getpid());
#elif defined(__linux__)
    const auto id = static_cast<std::uint32_t>(::getpid());
#else  // has 127.0.0.1 alone
    return async::endpoint::loopback(port);
#endif
#if defined(_WIN32) || defined(__linux__)
    const std::string text = "127." + std::to_string(1 + id / 64'000 % 250) + "." + std::to_string(id / 250 % 256) + "." +
                             std::to_string(2 + id % 250);
    return async::endpoint(text, port);
#endif
}

}  // namespace async_tests
