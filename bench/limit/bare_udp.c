// `bare_udp --port N --mode many|one [--sink]`: sends datagrams back, or only reads them; up to 32 by one system call
// (recvmmsg, sendmmsg), or one. Reads until there is no more, then waits with poll.
#include "bare_loop.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { BATCH = 32, LARGEST = 2048 };

static struct mmsghdr messages[BATCH];
static struct iovec parts[BATCH];
static struct sockaddr_in peers[BATCH];
static char memory[BATCH][LARGEST];

static void prepare(void) {
    for (int i = 0; i < BATCH; i++) {
        parts[i] = (struct iovec){memory[i], LARGEST};
        messages[i].msg_hdr.msg_name = &peers[i];
        messages[i].msg_hdr.msg_namelen = sizeof peers[i];
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
}

static void wait_readable(int fd) {
    struct pollfd one = {.fd = fd, .events = POLLIN};
    poll(&one, 1, -1);
}

static void serve_many(int fd, int sink) {
    prepare();
    for (;;) {
        int got = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
        if (got < 0) wait_readable(fd);
        if (got < 0) continue;
        if (!sink) {
            for (int i = 0; i < got; i++) parts[i].iov_len = messages[i].msg_len;
            sendmmsg(fd, messages, (unsigned)got, 0);
        }
        for (int i = 0; i < got; i++) {
            parts[i].iov_len = LARGEST;
            messages[i].msg_hdr.msg_namelen = sizeof peers[i];
        }
    }
}

static void serve_one(int fd, int sink) {
    for (;;) {
        socklen_t length = sizeof peers[0];
        ssize_t got = recvfrom(fd, memory[0], LARGEST, MSG_DONTWAIT, (struct sockaddr*)&peers[0], &length);
        if (got < 0) wait_readable(fd);
        if (got >= 0 && !sink) sendto(fd, memory[0], (size_t)got, 0, (struct sockaddr*)&peers[0], length);
    }
}

int main(int argc, char** argv) {
    int sink = strcmp(argv[argc - 1], "--sink") == 0;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_port = htons((uint16_t)atoi(bare_argument(argc, argv, "--port", "0")));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr*)&address, sizeof address) != 0) bare_fail("bind");
    if (strcmp(bare_argument(argc, argv, "--mode", "many"), "one") == 0)
        serve_one(fd, sink);
    else
        serve_many(fd, sink);
}
