// The socket calls both bare loops need.
#include "bare_loop.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

int bare_listen_tcp(uint16_t port, int flags, int shared) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    if (fd < 0) return -1;
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (shared) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    struct sockaddr_in address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (struct sockaddr*)&address, sizeof address) == 0 && listen(fd, 4096) == 0) return fd;
    close(fd);
    return -1;
}

static int listen_unix(const char* path, int flags) {
    struct sockaddr_un address;
    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    if (strlen(path) >= sizeof address.sun_path) return -1;
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    if (fd < 0) return -1;
    unlink(path);
    if (bind(fd, (struct sockaddr*)&address, sizeof address) == 0 && listen(fd, 4096) == 0) return fd;
    close(fd);
    return -1;
}

int bare_listen(const struct bare_options* options, int flags) {
    return options->path ? listen_unix(options->path, flags) : bare_listen_tcp(options->port, flags, options->workers > 1);
}

uint16_t bare_port_of(int listener) {
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    if (getsockname(listener, (struct sockaddr*)&address, &length) != 0) return 0;
    return ntohs(address.sin_port);
}

void bare_no_delay(int fd) {
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

uint64_t bare_now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

const char* bare_argument(int argc, char** argv, const char* name, const char* otherwise) {
    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], name) == 0) return argv[i + 1];
    return otherwise;
}

void bare_fail(const char* what) {
    perror(what);
    exit(1);
}

int bare_listen_or_fail(int argc, char** argv) {
    int listener = bare_listen_tcp((uint16_t)atoi(bare_argument(argc, argv, "--port", "0")), SOCK_NONBLOCK, 0);
    if (listener < 0) bare_fail("listen");
    return listener;
}

int bare_watch_listener(int listener) {
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) != 0) bare_fail("epoll");
    return epoll;
}
