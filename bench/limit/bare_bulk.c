// `bare_bulk --port N --mode sink|source`: reads all that comes, or writes blocks of 64 KiB for ever. One read or write
// for each connection that is ready, level-triggered.
#include "bare_loop.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH = 256, BLOCK = 64 * 1024 };

static char block[BLOCK];

static void accept_all(int epoll, int listener, uint32_t events) {
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        bare_no_delay(fd);
        struct epoll_event event = {.events = events, .data.ptr = (void*)(intptr_t)fd};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) close(fd);
    }
}

static void transfer(int fd, int source) {
    ssize_t done = source ? send(fd, block, BLOCK, MSG_NOSIGNAL) : recv(fd, block, BLOCK, 0);
    if (done == 0 || (done < 0 && errno != EAGAIN)) close(fd);
}

int main(int argc, char** argv) {
    int source = strcmp(bare_argument(argc, argv, "--mode", "sink"), "source") == 0;
    int listener = bare_listen_or_fail(argc, argv);
    int epoll = bare_watch_listener(listener);
    memset(block, 'x', BLOCK);
    for (;;) {
        struct epoll_event events[BATCH];
        int count = epoll_wait(epoll, events, BATCH, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == NULL)
                accept_all(epoll, listener, source ? EPOLLOUT : EPOLLIN);
            else
                transfer((int)(intptr_t)events[i].data.ptr, source);
        }
    }
}
