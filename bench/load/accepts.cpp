// Short connections: connect, one byte there and back, close. `connections` of them are open at a time.
//
// The client closes first, so its ports stay in TIME_WAIT; connections come from many loopback addresses so that there
// are always free ones.
#include "net_load.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace load {
namespace {

constexpr nanoseconds patience = 5'000'000'000;

class short_connections {
public:
    explicit short_connections(const options& wanted) : wanted_(wanted) {
        for (std::size_t i = 0; i < wanted.connections; ++i) open_.push_back(begin());
    }
    short_connections(const short_connections&) = delete;
    short_connections& operator=(const short_connections&) = delete;
    ~short_connections() {
        for (const auto& one : open_) ::close(one.fd);
    }

    // Servers answer roughly in order, so it is enough to look at the oldest.
    std::uint64_t run_until(nanoseconds end) {
        std::uint64_t finished = 0;
        for (; now() < end; oldest_ = (oldest_ + 1) % open_.size(), ++finished) {
            finish(open_[oldest_]);
            open_[oldest_] = begin();
        }
        return finished;
    }

private:
    struct one_connection {
        int fd;
        char sent;
    };

    one_connection begin() {
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0) fail("socket");
        const int on = 1;  // the port is chosen when it is known whom it is for (ip(7))
        ::setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(0x7f010101u + static_cast<std::uint32_t>(begun_ % 200));
        if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("bind");
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(wanted_.port);
        if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("connect");
        const one_connection made{fd, static_cast<char>('a' + begun_++ % 26)};
        if (::send(fd, &made.sent, 1, MSG_NOSIGNAL) != 1) fail("send");
        return made;
    }

    static void finish(const one_connection& one) {
        const auto limit = now() + patience;
        char reply = 0;
        ssize_t got;
        while ((got = ::recv(one.fd, &reply, 1, MSG_DONTWAIT)) < 0) {
            if (errno != EAGAIN) fail("recv");
            if (now() > limit) throw std::runtime_error("the server stopped answering");
        }
        if (got != 1 || reply != one.sent) throw std::runtime_error("the echo differs from what was sent");
        ::close(one.fd);
    }

    options wanted_;
    std::vector<one_connection> open_;
    std::size_t oldest_ = 0;
    std::uint64_t begun_ = 0;
};

}  // namespace

void accepts(const options& wanted) {
    short_connections all(wanted);
    window measured(wanted);
    all.run_until(measured.from() + from_seconds(wanted.warmup));
    measured.open();
    const auto finished = all.run_until(measured.from() + from_seconds(wanted.seconds));
    measured.print(static_cast<double>(finished));
}

}  // namespace load
