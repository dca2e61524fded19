// Datagrams: an echo with `connections` of them in flight, or a flood of which the kernel tells how many it dropped.
#include "net_load.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace load {
namespace {

constexpr std::size_t batch = 32;
constexpr std::size_t largest = 2048;
constexpr nanoseconds lost_after = 50'000'000;

// A socket that sends and receives up to 32 datagrams by a system call. Each begins with its number.
class datagram_socket {
public:
    explicit datagram_socket(const options& wanted) : size_(std::min(wanted.size, largest)) {
        fd_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(wanted.port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (fd_ < 0 || ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("connect");
        for (std::size_t i = 0; i < batch; ++i) {
            parts_[i] = {memory_.data() + i * largest, size_};
            messages_[i].msg_hdr.msg_iov = &parts_[i];
            messages_[i].msg_hdr.msg_iovlen = 1;
        }
    }
    datagram_socket(const datagram_socket&) = delete;
    datagram_socket& operator=(const datagram_socket&) = delete;
    ~datagram_socket() { ::close(fd_); }

    // At most 32.
    std::size_t send(std::uint64_t first, std::size_t count) {
        count = std::min(count, batch);
        for (std::size_t i = 0; i < count; ++i) {
            const auto number = first + i;
            std::memcpy(memory_.data() + i * largest, &number, sizeof number);
            parts_[i].iov_len = size_;
        }
        const int sent = ::sendmmsg(fd_, messages_.data(), static_cast<unsigned>(count), MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN && errno != ENOBUFS) fail("sendmmsg");
        return sent < 0 ? 0 : static_cast<std::size_t>(sent);
    }

    // Numbers in the replies must be below `sent`.
    std::size_t receive(std::uint64_t sent) {
        for (auto& part : parts_) part.iov_len = largest;
        const int got = ::recvmmsg(fd_, messages_.data(), batch, MSG_DONTWAIT, nullptr);
        if (got < 0 && errno != EAGAIN) fail("recvmmsg");
        for (int i = 0; i < got; ++i) {
            std::uint64_t number;
            std::memcpy(&number, memory_.data() + static_cast<std::size_t>(i) * largest, sizeof number);
            if (messages_[static_cast<std::size_t>(i)].msg_len != size_ || number >= sent)
                throw std::runtime_error("the echo differs from what was sent");
        }
        return static_cast<std::size_t>(std::max(got, 0));
    }

private:
    int fd_;
    std::size_t size_;
    std::vector<char> memory_ = std::vector<char>(batch * largest);
    std::array<iovec, batch> parts_{};
    std::array<mmsghdr, batch> messages_{};
};

struct echo_counts {
    std::uint64_t sent = 0, received = 0, lost = 0;
};

void echo_until(nanoseconds end, datagram_socket& socket, std::size_t in_flight, echo_counts& counts) {
    auto last = now();
    for (auto time = last; time < end; time = now()) {
        const auto missing = counts.sent - counts.received - counts.lost;
        if (missing < in_flight) counts.sent += socket.send(counts.sent, in_flight - missing);
        const auto got = socket.receive(counts.sent);
        counts.received += got;
        if (got > 0) last = time;
        if (time - last < lost_after) continue;
        counts.lost = counts.sent - counts.received;
        last = time;
    }
}

// Datagrams that the kernel threw away since the socket with this port had no room (/proc/net/udp, proc(5)).
std::uint64_t drops_at(std::uint16_t port) {
    char wanted[16];
    std::snprintf(wanted, sizeof wanted, ":%04X", static_cast<unsigned>(port));
    std::ifstream table("/proc/net/udp");
    for (std::string line; std::getline(table, line);) {
        std::istringstream words(line);
        std::string slot, local, word, last;
        words >> slot >> local;
        if (!local.ends_with(wanted)) continue;
        while (words >> word) last = word;
        return std::stoull(last);
    }
    throw std::runtime_error("nobody has this port");
}

}  // namespace

void datagram_echo(const options& wanted) {
    datagram_socket socket(wanted);
    echo_counts counts;
    window measured(wanted);
    echo_until(measured.from() + from_seconds(wanted.warmup), socket, wanted.connections, counts);
    const auto before = counts;
    measured.open();
    echo_until(measured.from() + from_seconds(wanted.seconds), socket, wanted.connections, counts);
    const auto received = counts.received - before.received;
    if (received == 0) throw std::runtime_error("no reply");
    const auto extra = ",\"lost\":" + std::to_string(counts.lost - before.lost);
    measured.print(static_cast<double>(received), extra.c_str());
}

void datagram_flood(const options& wanted) {
    datagram_socket socket(wanted);
    std::uint64_t sent = 0;
    const auto send_until = [&](nanoseconds end) {
        while (now() < end) sent += socket.send(sent, batch);
    };
    window measured(wanted);
    send_until(measured.from() + from_seconds(wanted.warmup));
    const auto sent_before = sent;
    const auto dropped_before = drops_at(wanted.port);
    measured.open();
    send_until(measured.from() + from_seconds(wanted.seconds));
    const auto dropped = drops_at(wanted.port) - dropped_before;
    // Whoever loses nothing could have taken more.
    const bool limited = dropped * 100 < sent - sent_before;
    const auto extra = ",\"sent\":" + std::to_string(sent - sent_before) +
                       ",\"limited_by_generator\":" + (limited ? "true" : "false");
    measured.print(static_cast<double>(sent - sent_before - dropped), extra.c_str());
}

}  // namespace load
