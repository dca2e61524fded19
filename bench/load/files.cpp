// A file over HTTP/1.0: how fast it comes, and whether it is the right one. Such a file consists of blocks of 64 KiB;
// of each the first word of 8 bytes tells its number, the others their place in it. `bench/network` writes it.
#include "net_load.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace load {
namespace {

constexpr std::uint64_t words_of_block = 8192;

std::uint64_t word_at(std::uint64_t position) {
    const auto number = position / 8;
    const auto place = number % words_of_block;
    return (place == 0 ? number / words_of_block : place) * 0x9e3779b97f4a7c15u;
}

class download {
public:
    explicit download(const options& wanted) : fd_(connect_to(wanted)) {
        const auto request = "GET /" + std::string(wanted.name) + " HTTP/1.0\r\n\r\n";
        if (::send(fd_, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size()))
            fail("send");
        read_head();
    }
    download(const download&) = delete;
    download& operator=(const download&) = delete;
    ~download() { ::close(fd_); }

    std::uint64_t size() const { return size_; }

    // What comes is thrown away in the kernel (MSG_TRUNC, tcp(7)).
    void drop_all() {
        for (std::uint64_t left = size_; left > 0;) left -= receive(left, MSG_DONTWAIT | MSG_TRUNC);
    }

    void check_all() {
        for (std::uint64_t position = 0; position < size_;) {
            const auto got = receive(size_ - position, MSG_WAITALL);
            for (std::size_t i = 0; i < got; i += 8) {
                std::uint64_t word;
                std::memcpy(&word, memory_.data() + i, sizeof word);
                if (word != word_at(position + i)) throw std::runtime_error("this is another file");
            }
            position += got;
        }
    }

private:
    void read_head() {
        std::string head;
        while (!head.ends_with("\r\n\r\n")) {
            char next;
            if (::recv(fd_, &next, 1, 0) != 1 || head.size() > 4096) throw std::runtime_error("no HTTP");
            head += next;
        }
        constexpr std::string_view field = "Content-Length: ";
        const auto place = head.find(field);
        if (head.find(" 200 ") == std::string::npos || place == std::string::npos)
            throw std::runtime_error("no such file");
        size_ = std::stoull(head.substr(place + field.size()));
    }

    std::size_t receive(std::uint64_t most, int flags) {
        const auto size = std::min<std::uint64_t>(most, memory_.size());
        const auto got = ::recv(fd_, memory_.data(), size, flags);
        if (got < 0 && errno == EAGAIN) return 0;
        if (got < 0) fail("recv");
        if (got == 0) throw std::runtime_error("the file ended early");
        return static_cast<std::size_t>(got);
    }

    int fd_;
    std::uint64_t size_ = 0;
    std::vector<char> memory_ = std::vector<char>(1024 * 1024);
};

}  // namespace

void fetch_file(const options& wanted) {
    const window measured(wanted);
    std::uint64_t bytes = 0;
    do {
        download one(wanted);
        one.drop_all();
        bytes += one.size();
    } while (now() < measured.from() + from_seconds(wanted.seconds));
    measured.print(static_cast<double>(bytes));
}

void check_file(const options& wanted) {
    const window measured(wanted);
    download one(wanted);
    one.check_all();
    measured.print(static_cast<double>(one.size()));
}

}  // namespace load
