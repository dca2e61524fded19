#include <libasync/net/socket_activation.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <libasync/net/tcp_server.hpp>

#include <tests/support/environment.hpp>
#include <tests/support/expect.hpp>
#include <tests/support/network.hpp>
#include <tests/support/scripted.hpp>
#include <tests/support/system.hpp>

#ifndef _WIN32
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

using namespace async_tests;

TEST_CASE("a process that was started in another way has no inherited sockets") {
    const environment_variable pid("LISTEN_PID", nullptr);
    const environment_variable count("LISTEN_FDS", nullptr);
    CHECK(inherited_sockets().empty());
}

#ifndef _WIN32

namespace {

// A TCP socket on a port of the system's choice that listens, unless it is not to.
int listening_socket(int backlog, std::uint16_t& port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0);
    if (backlog > 0) REQUIRE(::listen(fd, backlog) == 0);
    socklen_t size = sizeof where;
    REQUIRE(::getsockname(fd, reinterpret_cast<sockaddr*>(&where), &size) == 0);
    port = ntohs(where.sin_port);
    return fd;
}

std::string own_pid() { return std::to_string(::getpid()); }

std::error_code error_with(const char* pid, const char* count, const char* names) {
    const environment_variable p("LISTEN_PID", pid);
    const environment_variable c("LISTEN_FDS", count);
    const environment_variable n("LISTEN_FDNAMES", names);
    try {
        const std::vector<inherited_socket> sockets = inherited_sockets();
        CHECK(sockets.empty());
    } catch (const std::system_error& e) {
        CHECK(std::string(e.what()).find("inherited sockets") != std::string::npos);
        return e.code();
    }
    return {};
}

// Runs `body` in a child process, where descriptors from 3 on are `given`, and gives what it wrote to its last pipe.
// Only what may be called after a fork of a single-threaded process: nothing here has other threads.
template <class Body>
std::string in_child(const std::vector<int>& given, Body body) {
    int pipe_ends[2];
    REQUIRE(::pipe(pipe_ends) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        // Out of the way of the numbers that are given.
        const int out = ::fcntl(pipe_ends[1], F_DUPFD, 200);
        std::vector<int> high;
        for (const int fd : given) high.push_back(::fcntl(fd, F_DUPFD, 100));
        for (std::size_t i = 0; i < high.size(); ++i) ::dup2(high[i], 3 + static_cast<int>(i));
        std::string said;
        try {
            said = body();
        } catch (const std::exception& e) {
            said = std::string("threw ") + e.what();
        }
        static_cast<void>(!::write(out, said.data(), said.size()));
        ::_exit(0);
    }
    ::close(pipe_ends[1]);
    std::string said;
    char piece[512];
    for (ssize_t count = 1; count > 0;) {
        count = ::read(pipe_ends[0], piece, sizeof piece);
        if (count > 0) said.append(piece, static_cast<std::size_t>(count));
    }
    ::close(pipe_ends[0]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return said;
}

}  // namespace

TEST_CASE("variables that make no sense are errors that name them; those of another process mean nothing") {
    const std::string pid = own_pid();
    CHECK_FALSE(error_with("1", "2", nullptr));
    CHECK_FALSE(error_with(pid.c_str(), "0", nullptr));
    for (const char* wrong : {"", "x", "-1", "1x", " 1", "99999999999999999999", "2000000"}) {
        CAPTURE(wrong);
        CHECK(error_with(pid.c_str(), wrong, nullptr) == std::errc::invalid_argument);
    }
    for (const char* wrong : {"", "me", "0", "-5", "99999999999999999999"}) {
        CAPTURE(wrong);
        CHECK(error_with(wrong, "1", nullptr) == std::errc::invalid_argument);
    }
    CHECK(error_with(pid.c_str(), "2", "a:b:c") == std::errc::invalid_argument);
    CHECK(error_with(pid.c_str(), "2", "a") == std::errc::invalid_argument);
    CHECK(error_with(pid.c_str(), "1000000", nullptr) == std::errc::bad_file_descriptor);
}

TEST_CASE("inherited sockets come with their names, closed on exec, and once") {
    std::uint16_t port = 0;
    const int listening = listening_socket(5, port);
    const int bound = listening_socket(0, port);
    const int null = ::open("/dev/null", O_RDONLY);
    const std::string said = in_child({listening, bound, null}, [] {
        ::setenv("LISTEN_PID", own_pid().c_str(), 1);
        ::setenv("LISTEN_FDS", "3", 1);
        ::setenv("LISTEN_FDNAMES", "web::log", 1);
        std::string text;
        for (const inherited_socket& s : inherited_sockets()) {
            text += std::to_string(s.handle()) + " " + s.name() + " " + std::to_string(s.is_tcp_listener()) +
                    std::to_string(::fcntl(static_cast<int>(s.handle()), F_GETFD) == FD_CLOEXEC) + "\n";
        }
        text += std::to_string(inherited_sockets().size());
        for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) {
            text += std::getenv(name) == nullptr ? " gone" : " there";
        }
        for (int fd = 3; fd < 6; ++fd) text += ::fcntl(fd, F_GETFD) < 0 ? " closed" : " open";
        return text;
    });
    CHECK(said == "3 web 11\n4  01\n5 log 01\n0 gone gone gone closed closed closed");
    for (const int fd : {listening, bound, null}) ::close(fd);
}

TEST_CASE("without names all are unknown; moving a socket moves what it owns") {
    std::uint16_t port = 0;
    const int fd = listening_socket(5, port);
    const std::string said = in_child({fd, fd}, [] {
        ::setenv("LISTEN_PID", own_pid().c_str(), 1);
        ::setenv("LISTEN_FDS", "2", 1);
        ::unsetenv("LISTEN_FDNAMES");
        std::vector<inherited_socket> sockets = inherited_sockets();
        std::string text = sockets[0].name() + " " + sockets[1].name();
        inherited_socket first = std::move(sockets[0]);
        sockets.clear();
        text += ::fcntl(3, F_GETFD) < 0 ? " closed" : " open";
        text += ::fcntl(4, F_GETFD) < 0 ? " closed" : " open";
        text += first.release() == 3 && first.handle() == invalid_handle ? " released" : " kept";
        return text;
    });
    CHECK(said == "unknown unknown open closed released");
    ::close(fd);
}

TEST_CASE("a listener that was there before serves, also who had connected before") {
    std::uint16_t port = 0;
    const int fd = listening_socket(5, port);
    if (on_sim()) {
        async::run([](int fd) -> task<void> {
            std::error_code code;
            try {
                tcp_listener::adopt(fd);
            } catch (const std::system_error& e) {
                code = e.code();
            }
            CHECK(code == std::errc::function_not_supported);
            co_return;
        }(fd));
        CHECK(::fcntl(fd, F_GETFD) < 0);
        return;
    }
    const int before = open_descriptors();
    async::run([](int fd, std::uint16_t port) -> task<void> {
        tcp_stream early = co_await connect(endpoint::loopback(port));
        auto answer = [](tcp_stream stream) -> task<void> {
            const std::string data = co_await stream.read_exactly(5);
            co_await stream.write(data);
        };
        tcp_server server{tcp_listener::adopt(fd), answer};
        CHECK(server.local_endpoint().port() == port);
        auto serving = create_task(server.serve());
        tcp_stream late = co_await connect(endpoint::loopback(port));
        for (tcp_stream* s : {&early, &late}) {
            co_await s->write("hello");
            const std::string got = co_await read_exactly(*s, 5);
            CHECK(got == "hello");
        }
        server.close();
        co_await serving;
    }(fd, port));
    CHECK(open_descriptors() == before - 1);
}

TEST_CASE("what is no TCP listener cannot be adopted, and is closed") {
    if (on_sim()) return;
    std::uint16_t port = 0;
    const int bound = listening_socket(0, port);
    int unix_pair[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, unix_pair) == 0);
    const int udp = ::socket(AF_INET, SOCK_DGRAM, 0);
    const int null = ::open("/dev/null", O_RDONLY);
    async::run([](std::vector<int> descriptors) -> task<void> {
        for (const int fd : descriptors) {
            std::error_code code;
            try {
                tcp_listener::adopt(fd);
            } catch (const std::system_error& e) {
                code = e.code();
            }
            CHECK(code == std::errc::invalid_argument);
            CHECK(::fcntl(fd, F_GETFD) < 0);
        }
        co_return;
    }({bound, unix_pair[0], unix_pair[1], udp, null}));
    const int outside = listening_socket(5, port);
    CHECK_THROWS_AS(tcp_listener::adopt(outside), std::system_error);
    CHECK(::fcntl(outside, F_GETFD) < 0);
}

TEST_CASE("a child process serves on a socket that its parent has opened") {
    if (on_sim()) return;
    std::uint16_t port = 0;
    const int fd = listening_socket(5, port);
    const int client = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port);
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(client, reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0);
    REQUIRE(::write(client, "hello", 5) == 5);
    const std::string said = in_child({fd}, [] {
        ::setenv("LISTEN_PID", own_pid().c_str(), 1);
        ::setenv("LISTEN_FDS", "1", 1);
        ::setenv("LISTEN_FDNAMES", "echo", 1);
        std::vector<inherited_socket> sockets = inherited_sockets();
        std::string name = sockets.at(0).name();
        async::run([](inherited_socket& s) -> task<void> {
            tcp_listener listener = tcp_listener::adopt(s.release());
            tcp_stream stream = co_await listener.accept();
            const std::string data = co_await stream.read_exactly(5);
            co_await stream.write(data);
            co_await stream.close();
        }(sockets[0]));
        return name;
    });
    CHECK(said == "echo");
    std::string answer;
    char piece[16];
    for (ssize_t got; (got = ::read(client, piece, sizeof piece)) > 0;) answer.append(piece, static_cast<std::size_t>(got));
    CHECK(answer == "hello");
    ::close(client);
    ::close(fd);
}

#endif
