// `bare_file --port N --root DIRECTORY`: answers `GET /NAME` of HTTP/1.0 by sendfile(2) on a non-blocking socket, and
// waits with epoll for room. One download at a time: it is the limit for one.
#include "bare_loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { AT_ONCE = 1 << 30 };

static void wait_for(int fd, uint32_t what) {
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = what};
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) bare_fail("epoll");
    epoll_wait(epoll, &event, 1, -1);
    close(epoll);
}

// The descriptor of the file that is asked for, or -1.
static int read_request(int fd, int root) {
    char request[4096];
    size_t size = 0;
    while (size < 4 || memcmp(request + size - 4, "\r\n\r\n", 4) != 0) {
        wait_for(fd, EPOLLIN);
        ssize_t got = recv(fd, request + size, sizeof request - 1 - size, 0);
        if (got <= 0) return -1;
        size += (size_t)got;
        request[size] = 0;
    }
    char name[256];
    if (sscanf(request, "GET /%255[^ /] ", name) != 1) return -1;
    return openat(root, name, O_RDONLY | O_CLOEXEC);
}

static void send_file(int fd, int file) {
    struct stat about;
    if (fstat(file, &about) != 0) return;
    char head[128];
    int size = snprintf(head, sizeof head, "HTTP/1.0 200 OK\r\nContent-Length: %lld\r\n\r\n", (long long)about.st_size);
    if (send(fd, head, (size_t)size, MSG_NOSIGNAL | MSG_MORE) != size) return;
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLOUT};
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) bare_fail("epoll");
    for (off_t offset = 0; offset < about.st_size;) {
        if (sendfile(fd, file, &offset, AT_ONCE) > 0) continue;
        if (errno != EAGAIN) break;
        epoll_wait(epoll, &event, 1, -1);
    }
    close(epoll);
}

int main(int argc, char** argv) {
    int root = open(bare_argument(argc, argv, "--root", "."), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) bare_fail("--root");
    int listener = bare_listen_or_fail(argc, argv);
    for (;;) {
        wait_for(listener, EPOLLIN);
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) continue;
        int file = read_request(fd, root);
        if (file >= 0) {
            send_file(fd, file);
            close(file);
        }
        close(fd);
    }
}
