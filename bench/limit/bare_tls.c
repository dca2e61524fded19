// `bare_tls --port N --certificate FILE --key FILE`: an echo over OpenSSL and epoll, level-triggered. It reads ahead,
// so one system call brings a whole record, and asks for another only if OpenSSL still holds something.
#include "bare_loop.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH = 256, BUFFER_SIZE = 64 * 1024 };

// `rest` are bytes that the peer did not take yet; nothing is read from a connection that has some.
struct connection {
    SSL* ssl;
    int fd;
    uint32_t watched;
    char* rest;
    size_t from, to;
};

static char buffer[BUFFER_SIZE];

static void fail_tls(const char* what) {
    fprintf(stderr, "%s: ", what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static SSL_CTX* make_context(const char* certificate, const char* key) {
    SSL_CTX* context = SSL_CTX_new(TLS_server_method());
    if (context == NULL || SSL_CTX_use_certificate_chain_file(context, certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
        fail_tls("certificate");
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context, 1);
    return context;
}

static void drop(struct connection* one) {
    SSL_free(one->ssl);
    close(one->fd);
    free(one->rest);
    free(one);
}

static void accept_all(int epoll, int listener, SSL_CTX* context) {
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        bare_no_delay(fd);
        struct connection* one = calloc(1, sizeof *one);
        if (one == NULL) bare_fail("calloc");
        one->fd = fd;
        one->watched = EPOLLIN;
        one->ssl = SSL_new(context);
        SSL_set_fd(one->ssl, fd);
        SSL_set_accept_state(one->ssl);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = one};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) drop(one);
    }
}

// Returns 0 if OpenSSL has to wait, -1 if the connection is over.
static int wait_or_end(const struct connection* one, int result) {
    int why = SSL_get_error(one->ssl, result);
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

// Returns how many bytes went out, or -1 if the connection is over.
static ssize_t send_some(struct connection* one, const char* bytes, size_t size) {
    size_t sent = 0;
    while (sent < size) {
        int result = SSL_write(one->ssl, bytes + sent, (int)(size - sent));
        if (result <= 0) return wait_or_end(one, result) < 0 ? -1 : (ssize_t)sent;
        sent += (size_t)result;
    }
    return (ssize_t)sent;
}

static int keep(struct connection* one, const char* bytes, size_t size) {
    one->rest = malloc(size);
    if (one->rest == NULL) return -1;
    memcpy(one->rest, bytes, size);
    one->from = 0;
    one->to = size;
    return 0;
}

static int flush(struct connection* one) {
    ssize_t sent = send_some(one, one->rest + one->from, one->to - one->from);
    if (sent < 0) return -1;
    one->from += (size_t)sent;
    if (one->from < one->to) return 0;
    free(one->rest);
    one->rest = NULL;
    return 0;
}

// Returns -1 to drop the connection.
static int echo(struct connection* one) {
    if (one->rest != NULL && flush(one) < 0) return -1;
    while (one->rest == NULL) {
        int got = SSL_read(one->ssl, buffer, BUFFER_SIZE);
        if (got <= 0) return wait_or_end(one, got);
        ssize_t sent = send_some(one, buffer, (size_t)got);
        if (sent < 0) return -1;
        if (sent < got && keep(one, buffer + sent, (size_t)(got - sent)) < 0) return -1;
        if (!SSL_has_pending(one->ssl)) return 0;
    }
    return 0;
}

static void serve(int epoll, struct connection* one) {
    if (echo(one) < 0) return drop(one);
    uint32_t wanted = one->rest != NULL ? EPOLLOUT : EPOLLIN;
    if (wanted == one->watched) return;
    struct epoll_event event = {.events = one->watched = wanted, .data.ptr = one};
    epoll_ctl(epoll, EPOLL_CTL_MOD, one->fd, &event);
}

int main(int argc, char** argv) {
    signal(SIGPIPE, SIG_IGN);
    SSL_CTX* context = make_context(bare_argument(argc, argv, "--certificate", ""), bare_argument(argc, argv, "--key", ""));
    int listener = bare_listen_or_fail(argc, argv);
    int epoll = bare_watch_listener(listener);
    for (;;) {
        struct epoll_event events[BATCH];
        int count = epoll_wait(epoll, events, BATCH, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == NULL)
                accept_all(epoll, listener, context);
            else
                serve(epoll, events[i].data.ptr);
        }
    }
}
