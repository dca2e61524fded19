#include <libasync/io/relay.hpp>

#include <doctest/doctest.h>

#include <cerrno>

#ifdef __linux__
#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libasync/io/native_socket.hpp>
#include <libasync/testing/open_descriptors.hpp>

#include <tests/support/network.hpp>
#include <tests/support/no_descriptors.hpp>
#endif

using namespace async;
using namespace async::io;

#ifndef __linux__

TEST_CASE("where the system has no splice there is no relay") {
    MESSAGE("not run: what a relay moves, for this system has no splice(2)");
    relay none;
    CHECK(none.open() == ENOSYS);
    CHECK_FALSE(none.is_open());
    CHECK(none.fill(invalid_handle, 1).error == ENOSYS);
    CHECK(none.drain(invalid_handle).error == ENOSYS);
    CHECK(none.take_back({}) == 0);
}

#else

namespace {

using async::testing::open_descriptors;
using async_tests::no_descriptors;
using async_tests::pattern;

class descriptor {
public:
    explicit descriptor(int fd) : fd_(fd) { REQUIRE(fd >= 0); }
    descriptor(descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    descriptor& operator=(descriptor&&) = delete;
    ~descriptor() { close(); }

    void close() {
        if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    }
    int number() const { return fd_; }
    native_handle handle() const { return static_cast<native_handle>(fd_); }

private:
    int fd_;
};

// Bytes go from `near` to `far`, and no call waits.
struct way {
    descriptor near;
    descriptor far;

    // As much as goes.
    std::size_t write(std::string_view text) const {
        std::size_t written = 0;
        while (written < text.size()) {
            const ssize_t count = ::write(near.number(), text.data() + written, text.size() - written);
            if (count <= 0) break;
            written += static_cast<std::size_t>(count);
        }
        return written;
    }
    std::string read(std::size_t most = 16'000'000) const {
        std::string got;
        char part[4096];
        while (got.size() < most) {
            const ssize_t count = ::read(far.number(), part, std::min(sizeof part, most - got.size()));
            if (count <= 0) break;
            got.append(part, static_cast<std::size_t>(count));
        }
        return got;
    }
};

way sockets() {
    int both[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, both) == 0);
    return {descriptor(both[0]), descriptor(both[1])};
}

way tcp_sockets() {
    const descriptor door(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof where;
    auto* address = reinterpret_cast<sockaddr*>(&where);
    REQUIRE(::bind(door.number(), address, size) == 0);
    REQUIRE(::listen(door.number(), 1) == 0);
    REQUIRE(::getsockname(door.number(), address, &size) == 0);
    descriptor near(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::connect(near.number(), address, size) == 0);
    descriptor far(::accept4(door.number(), nullptr, nullptr, SOCK_CLOEXEC));
    for (const int fd : {near.number(), far.number()}) REQUIRE(::fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    return {std::move(near), std::move(far)};
}

way pipe_ends() {
    int ends[2];
    REQUIRE(::pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0);
    return {descriptor(ends[1]), descriptor(ends[0])};
}

relay& opened(relay& r) {
    REQUIRE(r.open() == 0);
    REQUIRE(r.is_open());
    return r;
}

void wait_for(const descriptor& d, short event) {
    pollfd look{d.number(), event, 0};
    REQUIRE(::poll(&look, 1, 10'000) == 1);
}

void fill_up_to(relay& r, const way& from, std::size_t size) {
    while (r.held() < size) {
        wait_for(from.far, POLLIN);
        const std::size_t before = r.held();
        const transfer_result filled = r.fill(from.far.handle(), 1);
        REQUIRE(filled.error == 0);
        REQUIRE(filled.bytes != 0);
        REQUIRE(r.held() == before + filled.bytes);
    }
    REQUIRE(r.held() == size);
}

std::string drain_all(relay& r, const way& to) {
    std::string got;
    while (r.held() != 0) {
        const std::size_t before = r.held();
        const transfer_result drained = r.drain(to.near.handle());
        REQUIRE(drained.error == 0);
        REQUIRE(drained.bytes != 0);
        REQUIRE(r.held() == before - drained.bytes);
        got += to.read();
    }
    return got;
}

std::string taken_back(relay& r) {
    std::string rest(r.held(), '\0');
    const std::size_t size = rest.size();
    CHECK(r.take_back(std::as_writable_bytes(std::span(rest))) == size);
    CHECK(r.held() == 0);
    return rest;
}

}  // namespace

TEST_CASE("a relay has two descriptors, closed on exec, until it is gone, and room within bounds") {
    const int before = open_descriptors();
    {
        descriptor first(::dup(STDERR_FILENO));
        descriptor second(::dup(STDERR_FILENO));
        const int numbers[] = {first.number(), second.number()};  // the lowest: the relay's
        first.close();
        second.close();
        relay r;
        CHECK_FALSE(r.is_open());
        CHECK(r.room() == 0);
        opened(r);
        CHECK(open_descriptors() == before + 2);
        for (const int number : numbers) CHECK((::fcntl(number, F_GETFD) & FD_CLOEXEC) != 0);
        CHECK(r.room() >= 64 * 1024);
        CHECK(r.room() <= 512 * 1024);
        CHECK(r.held() == 0);
    }
    CHECK(open_descriptors() == before);
}

TEST_CASE("a relay that gets no descriptors says so, and is not open") {
    relay r;
    {
        const no_descriptors none;
        CHECK(r.open() == EMFILE);
    }
    CHECK_FALSE(r.is_open());
    CHECK(r.held() == 0);
}

TEST_CASE("a relay moves what has arrived, in order, between sockets and pipes of every kind") {
    way (*const kinds[])() = {sockets, tcp_sockets, pipe_ends};
    const std::string text = pattern(50'000);
    for (const auto from_kind : kinds) {
        for (const auto to_kind : kinds) {
            const way from = from_kind();
            const way to = to_kind();
            relay r;
            opened(r);
            REQUIRE(from.write(text) == text.size());
            fill_up_to(r, from, text.size());
            CHECK(from.read().empty());
            std::string got = drain_all(r, to);
            while (got.size() < text.size()) {
                wait_for(to.far, POLLIN);
                got += to.read();
            }
            CHECK(got == text);
        }
    }
}

TEST_CASE("a relay takes nothing while less has arrived than is worth it") {
    const way from = sockets();
    relay r;
    opened(r);
    const std::string text = pattern(999);
    CHECK(r.fill(from.far.handle(), 1).bytes == 0);
    REQUIRE(from.write(text) == text.size());
    const transfer_result nothing = r.fill(from.far.handle(), 1000);
    CHECK(nothing.bytes == 0);
    CHECK(nothing.error == 0);
    CHECK(from.read() == text);
    REQUIRE(from.write(text + "x") == 1000);
    const transfer_result all = r.fill(from.far.handle(), 1000);
    CHECK(all.bytes != 0);
    CHECK(r.held() == all.bytes);
}

TEST_CASE("neither the end nor a reset is taken by a relay: the read that comes has it") {
    relay r;
    opened(r);
    char byte;
    {
        const way from = tcp_sockets();
        REQUIRE(from.write("last") == 4);
        REQUIRE(::shutdown(from.near.number(), SHUT_WR) == 0);
        fill_up_to(r, from, 4);
        CHECK(taken_back(r) == "last");
        wait_for(from.far, POLLRDHUP);
        const transfer_result nothing = r.fill(from.far.handle(), 1);
        CHECK(nothing.bytes == 0);
        CHECK(nothing.error == 0);
        CHECK(::read(from.far.number(), &byte, 1) == 0);
    }
    way from = tcp_sockets();
    REQUIRE(from.write("last") == 4);
    const linger at_once{1, 0};
    REQUIRE(::setsockopt(from.near.number(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
    from.near.close();
    fill_up_to(r, from, 4);
    CHECK(taken_back(r) == "last");
    wait_for(from.far, POLLERR);
    const transfer_result nothing = r.fill(from.far.handle(), 1);
    CHECK(nothing.bytes == 0);
    CHECK(nothing.error == 0);
    CHECK(::read(from.far.number(), &byte, 1) == -1);
    CHECK(errno == ECONNRESET);
}

TEST_CASE("a relay that is full takes no more, and what it did not take is still there") {
    const way from = sockets();
    const way to = sockets();
    relay r;
    opened(r);
    const std::string text = pattern(2'000'000);
    std::size_t written = 0;
    transfer_result filled;
    while (!would_block(filled.error)) {
        written += from.write(std::string_view(text).substr(written, 100'000));
        filled = r.fill(from.far.handle(), 1);
        REQUIRE(r.held() <= r.room());
    }
    CHECK(r.held() >= 64 * 1024);
    std::string got = drain_all(r, to);
    while (got.size() < written) {
        REQUIRE(r.fill(from.far.handle(), 1).bytes != 0);
        got += drain_all(r, to);
    }
    CHECK(got == text.substr(0, written));
}

TEST_CASE("a target that has no room gets nothing more, and the relay keeps it") {
    const way from = sockets();
    const way to = sockets();
    relay r;
    opened(r);
    const std::string text = pattern(100'000);
    const std::size_t before = to.write(std::string(2'000'000, 'b'));
    REQUIRE(before < 2'000'000);
    REQUIRE(from.write(text) == text.size());
    fill_up_to(r, from, text.size());
    const transfer_result refused = r.drain(to.near.handle());
    CHECK(refused.bytes == 0);
    CHECK(would_block(refused.error));
    CHECK(r.held() == text.size());
    CHECK(to.read(before).size() == before);
    CHECK(drain_all(r, to) == text);
}

TEST_CASE("what a relay was not rid of is taken back whole, and in order") {
    const way from = sockets();
    const way to = sockets();
    relay r;
    opened(r);
    const std::string text = pattern(100'000);
    const std::size_t room = 100'000 + to.write(std::string(2'000'000, 'b'));
    static_cast<void>(to.read(150'000));  // so that a part of it fits
    REQUIRE(from.write(text) == text.size());
    fill_up_to(r, from, text.size());
    const transfer_result drained = r.drain(to.near.handle());
    CHECK(drained.bytes != 0);
    const std::string rest = taken_back(r);
    const std::string got = to.read(room);
    CHECK(got.substr(got.size() - drained.bytes) + rest == text);
    // It may go on afterwards.
    REQUIRE(from.write("more") == 4);
    fill_up_to(r, from, 4);
    CHECK(drain_all(r, to) == "more");
}

TEST_CASE("a target whose reader is gone is an error, and the relay keeps what it holds") {
    way (*const kinds[])() = {sockets, pipe_ends};
    for (const auto kind : kinds) {
        const way from = sockets();
        way to = kind();
        to.far.close();
        relay r;
        opened(r);
        REQUIRE(from.write("text") == 4);
        fill_up_to(r, from, 4);
        CHECK(r.drain(to.near.handle()).error == EPIPE);
        CHECK(taken_back(r) == "text");
    }
}

TEST_CASE("handles of a kind that has no splice are refused, and nothing is lost") {
    const std::string name = "libasync-relay-" + std::to_string(::getpid());
    const std::string path = (std::filesystem::temp_directory_path() / name).string();
    const descriptor log(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    REQUIRE(::unlink(path.c_str()) == 0);
    const way from = sockets();
    relay r;
    opened(r);
    REQUIRE(from.write("text") == 4);
    fill_up_to(r, from, 4);
    CHECK(r.drain(log.handle()).error == EINVAL);
    CHECK(taken_back(r) == "text");
    const descriptor listening(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::listen(listening.number(), 1) == 0);
    for (const native_handle none : {listening.handle(), invalid_handle}) {
        const transfer_result refused = r.fill(none, 1);
        CHECK(refused.error != 0);
        CHECK(refused.bytes == 0);
        CHECK(r.held() == 0);
    }
}

#endif
