// The bare epoll loop: edge-triggered, one buffer shared by all connections, recv and send straight away.
// A recv that fills less than the buffer has drained the socket, so no second recv asks for EAGAIN.
#include "bare_loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_FDS = 65536, BATCH = 256, BUFFER_SIZE = 64 * 1024 };

// `rest` are bytes that the peer did not take yet; nothing is read from a connection that has some.
struct connection {
    char* rest;
    size_t from, to;
    int open;
};

struct epoll_echo {
    int epoll, listener;
    unsigned spin_us;
    int highest;  // descriptor seen
    uint64_t echoed;
    struct connection connections[MAX_FDS];  // by descriptor; untouched pages cost nothing
    char buffer[BUFFER_SIZE];
};

static void watch(struct epoll_echo* loop, int fd, uint32_t events) {
    struct epoll_event event = {.events = events | EPOLLET, .data.fd = fd};
    if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) != 0) close(fd);
}

static void drop(struct epoll_echo* loop, int fd) {
    struct connection* connection = &loop->connections[fd];
    free(connection->rest);
    memset(connection, 0, sizeof *connection);
    close(fd);
}

static void accept_all(struct epoll_echo* loop) {
    for (;;) {
        int fd = accept4(loop->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == ECONNABORTED || errno == EINTR) continue;
            return;
        }
        if (fd >= MAX_FDS) {
            close(fd);
            continue;
        }
        bare_no_delay(fd);
        loop->connections[fd].open = 1;
        if (fd > loop->highest) loop->highest = fd;
        watch(loop, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP);
    }
}

// Returns how many bytes went out, or -1 if the connection is broken.
static ssize_t send_some(struct epoll_echo* loop, int fd, const char* bytes, size_t size) {
    ssize_t sent = send(fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN ? 0 : -1;
    loop->echoed += (uint64_t)sent;
    return sent;
}

// Returns 1 when nothing is left over, 0 when the peer must take more first, -1 when it is gone.
static int flush(struct epoll_echo* loop, int fd) {
    struct connection* connection = &loop->connections[fd];
    ssize_t sent = send_some(loop, fd, connection->rest + connection->from, connection->to - connection->from);
    if (sent < 0) return -1;
    connection->from += (size_t)sent;
    if (connection->from < connection->to) return 0;
    free(connection->rest);
    connection->rest = NULL;
    return 1;
}

static int keep(struct epoll_echo* loop, int fd, const char* bytes, size_t size) {
    struct connection* connection = &loop->connections[fd];
    connection->rest = malloc(size);
    if (connection->rest == NULL) return -1;
    memcpy(connection->rest, bytes, size);
    connection->from = 0;
    connection->to = size;
    return 0;
}

// Returns 0 to go on with this connection later, -1 to drop it.
static int echo(struct epoll_echo* loop, int fd, uint32_t events) {
    if (loop->connections[fd].rest != NULL) {
        int flushed = flush(loop, fd);
        if (flushed <= 0) return flushed;
    } else if (events == EPOLLOUT) {
        return 0;
    }
    for (;;) {
        ssize_t got = recv(fd, loop->buffer, BUFFER_SIZE, MSG_DONTWAIT);
        if (got <= 0) return got < 0 && errno == EAGAIN ? 0 : -1;
        ssize_t sent = send_some(loop, fd, loop->buffer, (size_t)got);
        if (sent < 0) return -1;
        if (sent < got) return keep(loop, fd, loop->buffer + sent, (size_t)(got - sent));
        if (got < BUFFER_SIZE && !(events & (EPOLLRDHUP | EPOLLERR | EPOLLHUP))) return 0;
    }
}

static void epoll_turn(void* handle) {
    struct epoll_echo* loop = handle;
    struct epoll_event events[BATCH];
    int count = 0;
    if (loop->spin_us > 0) {
        uint64_t end = bare_now_us() + loop->spin_us;
        do count = epoll_wait(loop->epoll, events, BATCH, 0);
        while (count == 0 && bare_now_us() < end);
    }
    if (count == 0) count = epoll_wait(loop->epoll, events, BATCH, -1);
    for (int i = 0; i < count; i++) {
        int fd = events[i].data.fd;
        if (fd == loop->listener)
            accept_all(loop);
        else if (echo(loop, fd, events[i].events) < 0)
            drop(loop, fd);
    }
}

static void* epoll_open(const struct bare_options* options) {
    struct epoll_echo* loop = calloc(1, sizeof *loop);
    if (loop == NULL) return NULL;
    loop->spin_us = options->spin_us;
    loop->listener = bare_listen(options, SOCK_NONBLOCK);
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (loop->listener < 0 || loop->epoll < 0) {
        free(loop);
        return NULL;
    }
    watch(loop, loop->listener, EPOLLIN);
    return loop;
}

static uint16_t epoll_port(const void* loop) { return bare_port_of(((const struct epoll_echo*)loop)->listener); }

static uint64_t epoll_echoed(const void* loop) { return ((const struct epoll_echo*)loop)->echoed; }

static void epoll_close(void* handle) {
    struct epoll_echo* loop = handle;
    for (int fd = 0; fd <= loop->highest; fd++)
        if (loop->connections[fd].open) drop(loop, fd);
    close(loop->listener);
    close(loop->epoll);
    free(loop);
}

const struct bare_kind bare_epoll = {"epoll", epoll_open, epoll_turn, epoll_port, epoll_echoed, epoll_close};
