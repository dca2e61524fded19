// What the two bare echo loops have in common: plain C over the system calls, no framework.
// They are the limit that every other server is compared with.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum bare_recv { BARE_RECV_MULTISHOT, BARE_RECV_POLL };
enum bare_send { BARE_SEND_RING, BARE_SEND_DIRECT };

struct bare_options {
    uint16_t port;  // 0: the kernel chooses
    enum bare_recv recv;
    enum bare_send send;
    unsigned buffers;  // of the provided buffer ring; a power of two
    unsigned buffer_size;
    unsigned spin_us;  // how long to poll before sleeping in the kernel
    const char* path;  // of a unix socket, instead of the port; NULL: none
    unsigned workers;  // loops that share the port (SO_REUSEPORT), a thread each
};

// One kind of loop. `open` returns NULL with errno set on failure; `turn` waits for at least one event and
// handles what has come; `echoed` counts the bytes sent back.
struct bare_kind {
    const char* name;
    void* (*open)(const struct bare_options* options);
    void (*turn)(void* loop);
    uint16_t (*port)(const void* loop);
    uint64_t (*echoed)(const void* loop);
    void (*close)(void* loop);
};

extern const struct bare_kind bare_uring;
extern const struct bare_kind bare_epoll;

static inline struct bare_options bare_defaults(void) {
    struct bare_options options = {0, BARE_RECV_MULTISHOT, BARE_SEND_RING, 256, 4096, 0, NULL, 1};
    return options;
}

// Shared by both loops.
int bare_listen(const struct bare_options* options, int flags);
int bare_listen_tcp(uint16_t port, int flags, int shared);
uint16_t bare_port_of(int listener);
void bare_no_delay(int fd);
uint64_t bare_now_us(void);

// For the small programs: the word after `name` on the command line, or `otherwise`; and an end with a message.
const char* bare_argument(int argc, char** argv, const char* name, const char* otherwise);
void bare_fail(const char* what) __attribute__((noreturn));
// A listener on the port of `--port`, and an epoll set with it, whose event has no pointer. Both end the program if it fails.
int bare_listen_or_fail(int argc, char** argv);
int bare_watch_listener(int listener);

// One breath of a spinning processor.
static inline void bare_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#ifdef __cplusplus
}
#endif
