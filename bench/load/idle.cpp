#include "content.hpp"
#include "options.hpp"

#include <cstdio>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <vector>

namespace load {

int hold_idle(const options& wanted) {
    constexpr std::size_t size = 64;
    content messages(size, 1);
    std::vector<int> connections;
    connections.reserve(wanted.idle);
    for (std::size_t i = 0; i < wanted.idle; ++i) {
        const int fd = connect_to(wanted);
        connections.push_back(fd);
        const timeval patience{5, 0};
        ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        char reply[size];
        if (::send(fd, messages.make(i, 0, 1), size, MSG_NOSIGNAL) != size ||
            ::recv(fd, reply, size, MSG_WAITALL) != size)
            fail("echo");
        if (!messages.matches(i, 0, reply, size)) throw std::runtime_error("the echo differs from what was sent");
    }
    std::printf("{\"bench\":\"idle\",\"connections\":%zu}\n", connections.size());
    std::fflush(stdout);
    char ignored[64];
    while (::read(STDIN_FILENO, ignored, sizeof ignored) > 0) {
    }
    for (const int fd : connections) ::close(fd);
    return 0;
}

}  // namespace load
