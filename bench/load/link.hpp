// A connection of the generator's, plain or over TLS. Only making it waits.
#pragma once

#include "options.hpp"

#include <cstddef>
#include <memory>
#include <sys/types.h>

namespace load {

class link {
public:
    virtual ~link() = default;
    link(const link&) = delete;
    link& operator=(const link&) = delete;

    int fd() const { return fd_; }

    // How many bytes were taken, none if the socket is full. Throws std::system_error.
    virtual std::size_t send(const char* bytes, std::size_t size) = 0;
    // How many bytes were there, -1 if there are none now; with `drop` they need not be stored. Throws
    // std::runtime_error at the end of the stream, and std::system_error.
    virtual ssize_t receive(char* into, std::size_t size, bool drop) = 0;

protected:
    explicit link(int fd) : fd_(fd) {}
    int fd_;
};

// Throws std::system_error; std::runtime_error without OpenSSL or if the handshake fails.
std::unique_ptr<link> open_link(const options& wanted);

}  // namespace load
