#include "self_echo.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <netinet/tcp.h>
#include <stdexcept>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace self_echo {
namespace {

using steady = std::chrono::steady_clock;

constexpr std::size_t warm_up_rounds = 20;
constexpr std::size_t least_rounds = 40;

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

// One blocking client. Closing resets the connection, so that no port stays in TIME_WAIT.
class client {
public:
    explicit client(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        if (fd_ < 0) fail("socket");
        const int on = 1;
        const linger reset{1, 0};
        ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("connect");
    }
    client(client&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    client& operator=(client&&) = delete;
    ~client() {
        if (fd_ >= 0) ::close(fd_);
    }

    void send(const std::vector<std::uint64_t>& words) const {
        const auto size = words.size() * sizeof(std::uint64_t);
        if (::send(fd_, words.data(), size, MSG_NOSIGNAL) != static_cast<ssize_t>(size)) fail("send");
    }

    void receive(std::vector<std::uint64_t>& words) const {
        const auto size = words.size() * sizeof(std::uint64_t);
        if (::recv(fd_, words.data(), size, MSG_WAITALL) != static_cast<ssize_t>(size)) fail("recv");
    }

private:
    int fd_;
};

// All clients and the two buffers they share. Every word of a message depends on the client and on the round.
class clients {
public:
    clients(server& subject, const echo_case& shape)
        : subject_(subject),
          shape_(shape),
          words_(shape.size / 8),
          reply_(shape.size / 8) {
        members_.reserve(shape.connections);
        for (std::size_t i = 0; i < shape.connections; ++i) {
            members_.emplace_back(subject.port());
            send(i);
            subject.serve_until(expected_);
            receive(i);
        }
        ++round_;
    }

    struct times {
        double server, whole;
    };

    times run_round() {
        const auto start = steady::now();
        for (std::size_t i = 0; i < members_.size(); ++i) send(i);
        const auto before = steady::now();
        subject_.serve_until(expected_);
        const auto after = steady::now();
        for (std::size_t i = 0; i < members_.size(); ++i) receive(i);
        const auto end = steady::now();
        ++round_;
        return {std::chrono::duration<double, std::nano>(after - before).count(),
                std::chrono::duration<double, std::nano>(end - start).count()};
    }

private:
    void fill(std::size_t index) {
        const std::uint64_t first = (round_ << 32 | index) * 0x9e3779b97f4a7c15u;
        for (std::size_t i = 0; i < words_.size(); ++i) words_[i] = first + i;
    }

    void send(std::size_t index) {
        fill(index);
        members_[index].send(words_);
        expected_ += shape_.size;
    }

    void receive(std::size_t index) {
        members_[index].receive(reply_);
        fill(index);
        if (words_ != reply_) throw std::runtime_error("the echo differs from what was sent");
    }

    server& subject_;
    echo_case shape_;
    std::vector<client> members_;
    std::vector<std::uint64_t> words_, reply_;
    std::uint64_t round_ = 0;
    std::uint64_t expected_ = 0;
};

double tenth_percentile(std::vector<double>& values) {
    const auto place = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 10);
    std::nth_element(values.begin(), place, values.end());
    return *place;
}

}  // namespace

pass_result run_pass(server& subject, const echo_case& shape, std::size_t messages) {
    ::alarm(60);  // a server that loses a message must not hang the benchmark
    clients all(subject, shape);
    for (std::size_t i = 0; i < warm_up_rounds; ++i) all.run_round();
    const auto rounds = std::max(least_rounds, messages / shape.connections);
    std::vector<double> server_part, whole;
    server_part.reserve(rounds);
    whole.reserve(rounds);
    for (std::size_t i = 0; i < rounds; ++i) {
        const auto times = all.run_round();
        server_part.push_back(times.server);
        whole.push_back(times.whole);
    }
    ::alarm(0);
    const auto count = static_cast<double>(shape.connections);
    return {tenth_percentile(server_part) / count, tenth_percentile(whole) / count};
}

}  // namespace self_echo
