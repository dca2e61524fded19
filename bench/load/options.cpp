#include "options.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <getopt.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <system_error>

namespace load {
namespace {

void usage(const char* program) {
    std::fprintf(stderr,
                 "usage: %s --port N|--path PATH [--connections N] [--size BYTES] [--depth N] [--seconds S]\n"
                 "          [--warmup S] [--core N] [--server-pid PID] [--tls] [--sleep]\n"
                 "  of echo_load: [--idle CONNECTIONS]\n"
                 "  of net_load:  --kind send|receive|accept|udp|flood|file|check-file [--name FILE]\n",
                 program);
    std::exit(2);
}

std::size_t number(const char* text, std::size_t least, std::size_t most) {
    return std::clamp<std::size_t>(std::strtoull(text, nullptr, 10), least, most);
}

int connect_unix(const char* path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (std::strlen(path) >= sizeof address.sun_path) throw std::length_error("the path is too long");
    std::strcpy(address.sun_path, path);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) fail("socket");
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("connect");
    return fd;
}

int connect_tcp(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) fail("socket");
    const int on = 1;
    const linger reset{1, 0};  // closing leaves no port in TIME_WAIT
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("connect");
    return fd;
}

}  // namespace

void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

options parse(int argc, char** argv) {
    static const option names[] = {
        {"port", required_argument, nullptr, 'p'},    {"connections", required_argument, nullptr, 'c'},
        {"size", required_argument, nullptr, 'z'},    {"depth", required_argument, nullptr, 'd'},
        {"seconds", required_argument, nullptr, 's'}, {"warmup", required_argument, nullptr, 'w'},
        {"core", required_argument, nullptr, 'k'},    {"server-pid", required_argument, nullptr, 'v'},
        {"idle", required_argument, nullptr, 'i'},    {"path", required_argument, nullptr, 'u'},
        {"kind", required_argument, nullptr, 'q'},    {"name", required_argument, nullptr, 'n'},
        {"tls", no_argument, nullptr, 't'},           {"sleep", no_argument, nullptr, 'l'},
        {nullptr, 0, nullptr, 0}};
    options wanted;
    for (int letter; (letter = ::getopt_long(argc, argv, "", names, nullptr)) != -1;) {
        switch (letter) {
            case 'p': wanted.port = static_cast<std::uint16_t>(number(optarg, 1, 65535)); break;
            case 'u': wanted.path = optarg; break;
            case 'q': wanted.kind = optarg; break;
            case 'n': wanted.name = optarg; break;
            case 'c': wanted.connections = number(optarg, 1, 60000); break;
            case 'z': wanted.size = number(optarg, 8, 1 << 20) / 8 * 8; break;
            case 'd': wanted.depth = number(optarg, 1, 1024); break;
            case 's': wanted.seconds = std::clamp(std::atof(optarg), 0.01, 600.0); break;
            case 'w': wanted.warmup = std::clamp(std::atof(optarg), 0.0, 60.0); break;
            case 'k': wanted.core = std::atoi(optarg); break;
            case 'v': wanted.server = std::atoi(optarg); break;
            case 'i': wanted.idle = number(optarg, 1, 60000); break;
            case 't': wanted.tls = true; break;
            case 'l': wanted.sleeps = true; break;
            default: usage(argv[0]);
        }
    }
    if (wanted.port == 0 && wanted.path == nullptr) usage(argv[0]);
    return wanted;
}

void prepare_process(const options& wanted) {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    if (wanted.core < 0) return;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<unsigned>(wanted.core), &one);
    if (::sched_setaffinity(0, sizeof one, &one) != 0) fail("sched_setaffinity");
}

int connect_to(const options& wanted) {
    return wanted.path != nullptr ? connect_unix(wanted.path) : connect_tcp(wanted.port);
}

}  // namespace load
