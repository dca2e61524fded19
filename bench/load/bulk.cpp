// Bulk transfer over N connections: writes of 64 KiB to a server that reads them, or reads from one that writes them.
#include "net_load.hpp"

#include <array>
#include <cerrno>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace load {
namespace {

constexpr std::size_t block = 64 * 1024;

// The descriptors of all connections, and an epoll set that tells which are ready.
class crowd {
public:
    crowd(const options& wanted, std::uint32_t events) : poll_(::epoll_create1(EPOLL_CLOEXEC)) {
        if (poll_ < 0) fail("epoll_create1");
        for (std::size_t i = 0; i < wanted.connections; ++i) {
            const int fd = connect_to(wanted);
            fds_.push_back(fd);
            epoll_event event{};
            event.events = events;
            event.data.fd = fd;
            if (::epoll_ctl(poll_, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
        }
    }
    crowd(const crowd&) = delete;
    crowd& operator=(const crowd&) = delete;
    ~crowd() {
        for (const int fd : fds_) ::close(fd);
        ::close(poll_);
    }

    // Calls work(fd), which gives a number of bytes, for each that is ready; gives their sum up to `end`.
    template <typename Work>
    std::uint64_t run_until(nanoseconds end, Work work) {
        std::array<epoll_event, 128> ready;
        std::uint64_t bytes = 0;
        while (now() < end) {
            const int count = ::epoll_wait(poll_, ready.data(), static_cast<int>(ready.size()), 0);
            for (int i = 0; i < count; ++i) bytes += work(ready[static_cast<std::size_t>(i)].data.fd);
        }
        return bytes;
    }

private:
    int poll_;
    std::vector<int> fds_;
};

template <typename Work>
void transfer(const options& wanted, std::uint32_t events, Work work) {
    crowd all(wanted, events);
    window measured(wanted);
    all.run_until(measured.from() + from_seconds(wanted.warmup), work);
    measured.open();
    const auto bytes = all.run_until(measured.from() + from_seconds(wanted.seconds), work);
    if (bytes == 0) throw std::runtime_error("not one byte went over");
    measured.print(static_cast<double>(bytes));
}

std::vector<char> memory(block, 'x');

}  // namespace

void bulk_send(const options& wanted) {
    transfer(wanted, EPOLLOUT, [](int fd) {
        const auto sent = ::send(fd, memory.data(), block, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) fail("send");
        return sent < 0 ? 0 : static_cast<std::uint64_t>(sent);
    });
}

// The bytes of every 64th read are looked at, the others thrown away in the kernel (MSG_TRUNC, tcp(7)).
void bulk_receive(const options& wanted) {
    transfer(wanted, EPOLLIN, [reads = 0u](int fd) mutable {
        const bool look = reads++ % 64 == 0;
        const auto got = ::recv(fd, memory.data(), block, MSG_DONTWAIT | (look ? 0 : MSG_TRUNC));
        if (got < 0 && errno == EAGAIN) return std::uint64_t{0};
        if (got < 0) fail("recv");
        if (got == 0) throw std::runtime_error("the server closed a connection");
        for (ssize_t i = 0; look && i < got; ++i)
            if (memory[static_cast<std::size_t>(i)] != 'x') throw std::runtime_error("the server sent something else");
        return static_cast<std::uint64_t>(got);
    });
}

}  // namespace load
