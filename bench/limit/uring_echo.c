// The bare io_uring loop: one multishot accept, per connection one multishot recv over a small and hot ring
// of provided buffers (or one multishot poll and a shared buffer), replies sent directly or through the ring.
#include "bare_loop.h"

#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_FDS = 65536, SQ_ENTRIES = 512, CQ_ENTRIES = 8192, GROUP = 1, HOT_SIZE = 64 * 1024, NONE = -1 };
enum operation { OP_ACCEPT, OP_RECV, OP_POLL, OP_SEND, OP_CANCEL };

// With multishot recv, `head` and `tail` queue the buffers still to be sent, the first of them is in flight.
// With poll, `rest` is what the peer did not take; nothing is read before it is gone.
struct connection {
    int open;
    int in_flight;  // requests of this descriptor that the kernel holds
    int head, tail;
    int waiting, next_waiting;  // in the list of those that found the buffer ring empty
    char* rest;
    unsigned rest_size;
};

// The part of a provided buffer that is still to be sent.
struct slice {
    unsigned from, to;
    int next;
};

struct uring_echo {
    struct io_uring ring;
    struct bare_options options;
    int listener, highest;
    uint64_t echoed;
    struct io_uring_buf_ring* buffers;
    char* memory;
    struct slice* slices;
    unsigned queued;                         // buffers that wait to be sent
    int first_waiting, last_waiting;         // connections
    struct connection connections[MAX_FDS];  // by descriptor; untouched pages cost nothing
    char hot[HOT_SIZE];
};

static struct io_uring_sqe* request(struct uring_echo* loop) {
    struct io_uring_sqe* sqe;
    while ((sqe = io_uring_get_sqe(&loop->ring)) == NULL) io_uring_submit(&loop->ring);
    return sqe;
}

static void tag(struct uring_echo* loop, struct io_uring_sqe* sqe, enum operation operation, int fd) {
    sqe->user_data = (uint64_t)fd << 8 | (uint64_t)operation;
    loop->connections[fd].in_flight++;
}

static void arm_accept(struct uring_echo* loop) {
    struct io_uring_sqe* sqe = request(loop);
    io_uring_prep_multishot_accept(sqe, loop->listener, NULL, NULL, SOCK_CLOEXEC);
    tag(loop, sqe, OP_ACCEPT, loop->listener);
}

static void arm_input(struct uring_echo* loop, int fd) {
    struct io_uring_sqe* sqe = request(loop);
    if (loop->options.recv == BARE_RECV_POLL) {
        io_uring_prep_poll_multishot(sqe, fd, POLLIN | POLLRDHUP);
        tag(loop, sqe, OP_POLL, fd);
        return;
    }
    io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = GROUP;
    tag(loop, sqe, OP_RECV, fd);
}

static void arm_send(struct uring_echo* loop, int fd, const char* bytes, unsigned size) {
    struct io_uring_sqe* sqe = request(loop);
    io_uring_prep_send(sqe, fd, bytes, size, MSG_WAITALL | MSG_NOSIGNAL);
    tag(loop, sqe, OP_SEND, fd);
}

static char* buffer_at(struct uring_echo* loop, int id) {
    return loop->memory + (size_t)id * loop->options.buffer_size;
}

static void give_back(struct uring_echo* loop, int id) {
    io_uring_buf_ring_add(loop->buffers, buffer_at(loop, id), loop->options.buffer_size, (unsigned short)id,
                          io_uring_buf_ring_mask(loop->options.buffers), 0);
    io_uring_buf_ring_advance(loop->buffers, 1);
}

static void send_head(struct uring_echo* loop, int fd) {
    int id = loop->connections[fd].head;
    const struct slice* slice = &loop->slices[id];
    arm_send(loop, fd, buffer_at(loop, id) + slice->from, slice->to - slice->from);
}

static void enqueue(struct uring_echo* loop, int fd, int id, unsigned from, unsigned to) {
    struct connection* connection = &loop->connections[fd];
    loop->slices[id] = (struct slice){from, to, NONE};
    loop->queued++;
    if (connection->head != NONE) {
        loop->slices[connection->tail].next = id;
        connection->tail = id;
        return;
    }
    connection->head = connection->tail = id;
    send_head(loop, fd);
}

static void drop_queue(struct uring_echo* loop, int fd) {
    struct connection* connection = &loop->connections[fd];
    while (connection->head != NONE) {
        int id = connection->head;
        connection->head = loop->slices[id].next;
        loop->queued--;
        give_back(loop, id);
    }
}

// The input has ended: no request but a send is left, and the descriptor goes when that is done.
static void close_if_idle(struct uring_echo* loop, int fd) {
    struct connection* connection = &loop->connections[fd];
    if (!connection->open || connection->in_flight > 0 || connection->waiting) return;
    free(connection->rest);
    memset(connection, 0, sizeof *connection);
    close(fd);
}

// Returns the bytes sent, or -1 if the connection is broken.
static int send_now(struct uring_echo* loop, int fd, const char* bytes, unsigned size) {
    ssize_t sent = send(fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN ? 0 : -1;
    loop->echoed += (uint64_t)sent;
    return (int)sent;
}

static void on_accept(struct uring_echo* loop, const struct io_uring_cqe* cqe) {
    int fd = cqe->res;
    if (!(cqe->flags & IORING_CQE_F_MORE) && cqe->res != -ECANCELED) arm_accept(loop);
    if (fd < 0) return;
    if (fd >= MAX_FDS) {
        close(fd);
        return;
    }
    bare_no_delay(fd);
    loop->connections[fd] = (struct connection){.open = 1, .head = NONE, .tail = NONE};
    if (fd > loop->highest) loop->highest = fd;
    arm_input(loop, fd);
}

static void wait_for_buffer(struct uring_echo* loop, int fd) {
    struct connection* connection = &loop->connections[fd];
    connection->waiting = 1;
    connection->next_waiting = NONE;
    if (loop->first_waiting == NONE)
        loop->first_waiting = fd;
    else
        loop->connections[loop->last_waiting].next_waiting = fd;
    loop->last_waiting = fd;
}

static void on_recv(struct uring_echo* loop, int fd, const struct io_uring_cqe* cqe) {
    struct connection* connection = &loop->connections[fd];
    int ended = !(cqe->flags & IORING_CQE_F_MORE);
    if (cqe->res == -ENOBUFS) {
        wait_for_buffer(loop, fd);
        return;
    }
    if (cqe->res <= 0) {
        close_if_idle(loop, fd);
        return;
    }
    int id = (int)(cqe->flags >> IORING_CQE_BUFFER_SHIFT);
    int sent = 0;
    if (loop->options.send == BARE_SEND_DIRECT && connection->head == NONE)
        sent = send_now(loop, fd, buffer_at(loop, id), (unsigned)cqe->res);
    if (sent == cqe->res || sent < 0)
        give_back(loop, id);
    else
        enqueue(loop, fd, id, (unsigned)sent, (unsigned)cqe->res);
    if (ended) arm_input(loop, fd);
}

static void read_hot(struct uring_echo* loop, int fd, int hang_up) {
    struct connection* connection = &loop->connections[fd];
    for (;;) {
        ssize_t got = recv(fd, loop->hot, HOT_SIZE, MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN) return;
        int sent = got <= 0 ? -1 : send_now(loop, fd, loop->hot, (unsigned)got);
        if (sent < 0) {
            shutdown(fd, SHUT_RDWR);
            struct io_uring_sqe* sqe = request(loop);
            io_uring_prep_cancel_fd(sqe, fd, IORING_ASYNC_CANCEL_ALL);
            tag(loop, sqe, OP_CANCEL, fd);
            return;
        }
        if (sent < got) {
            connection->rest_size = (unsigned)(got - sent);
            connection->rest = malloc(connection->rest_size);
            memcpy(connection->rest, loop->hot + sent, connection->rest_size);
            arm_send(loop, fd, connection->rest, connection->rest_size);
            return;
        }
        if (got < HOT_SIZE && !hang_up) return;
    }
}

static void on_poll(struct uring_echo* loop, int fd, const struct io_uring_cqe* cqe) {
    struct connection* connection = &loop->connections[fd];
    if (cqe->res < 0) {
        close_if_idle(loop, fd);
        return;
    }
    if (connection->rest == NULL) read_hot(loop, fd, (cqe->res & (POLLRDHUP | POLLHUP | POLLERR)) != 0);
    if (!(cqe->flags & IORING_CQE_F_MORE) && connection->open) arm_input(loop, fd);
}

static void on_send(struct uring_echo* loop, int fd, const struct io_uring_cqe* cqe) {
    struct connection* connection = &loop->connections[fd];
    if (cqe->res > 0) loop->echoed += (uint64_t)cqe->res;
    if (connection->rest != NULL) {
        free(connection->rest);
        connection->rest = NULL;
        read_hot(loop, fd, 1);
        return;
    }
    int id = connection->head;
    unsigned wanted = loop->slices[id].to - loop->slices[id].from;
    if (cqe->res < 0 || (unsigned)cqe->res < wanted) {
        shutdown(fd, SHUT_RDWR);
        drop_queue(loop, fd);
    } else {
        connection->head = loop->slices[id].next;
        loop->queued--;
        give_back(loop, id);
        if (connection->head != NONE) send_head(loop, fd);
    }
    if (connection->in_flight == 0) close_if_idle(loop, fd);
}

static void dispatch(struct uring_echo* loop, const struct io_uring_cqe* cqe) {
    enum operation operation = (enum operation)(cqe->user_data & 0xff);
    int fd = (int)(cqe->user_data >> 8);
    if (!(cqe->flags & IORING_CQE_F_MORE)) loop->connections[fd].in_flight--;
    switch (operation) {
        case OP_ACCEPT: on_accept(loop, cqe); break;
        case OP_RECV: on_recv(loop, fd, cqe); break;
        case OP_POLL: on_poll(loop, fd, cqe); break;
        case OP_SEND: on_send(loop, fd, cqe); break;
        case OP_CANCEL: close_if_idle(loop, fd); break;
    }
}

static void serve_waiting(struct uring_echo* loop) {
    while (loop->first_waiting != NONE && loop->queued < loop->options.buffers) {
        int fd = loop->first_waiting;
        loop->first_waiting = loop->connections[fd].next_waiting;
        loop->connections[fd].waiting = 0;
        arm_input(loop, fd);
    }
}

// Polls without a system call: task work that waits is shown in the flags of the submission queue.
static void spin(struct uring_echo* loop) {
    io_uring_submit(&loop->ring);
    uint64_t end = bare_now_us() + loop->options.spin_us;
    do {
        if (io_uring_cq_ready(&loop->ring) > 0 ||
            (__atomic_load_n(loop->ring.sq.kflags, __ATOMIC_RELAXED) & IORING_SQ_TASKRUN))
            return;
        for (int i = 0; i < 16; i++) bare_pause();
    } while (bare_now_us() < end);
}

static void uring_turn(void* handle) {
    struct uring_echo* loop = handle;
    if (loop->options.spin_us > 0) spin(loop);
    io_uring_submit_and_wait(&loop->ring, 1);
    struct io_uring_cqe* cqe;
    unsigned head, count = 0;
    io_uring_for_each_cqe(&loop->ring, head, cqe) {
        dispatch(loop, cqe);
        count++;
    }
    io_uring_cq_advance(&loop->ring, count);
    if (loop->first_waiting != NONE) serve_waiting(loop);
}

static int make_buffers(struct uring_echo* loop) {
    unsigned count = loop->options.buffers;
    size_t ring_size = count * sizeof(struct io_uring_buf);
    size_t memory_size = (size_t)count * loop->options.buffer_size;
    void* memory = mmap(NULL, ring_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    loop->slices = calloc(count, sizeof *loop->slices);
    if (memory == MAP_FAILED || loop->slices == NULL || posix_memalign((void**)&loop->memory, 4096, memory_size) != 0)
        return -1;
    loop->buffers = memory;
    io_uring_buf_ring_init(loop->buffers);
    struct io_uring_buf_reg registration = {.ring_addr = (uintptr_t)memory, .ring_entries = count, .bgid = GROUP};
    if (io_uring_register_buf_ring(&loop->ring, &registration, 0) != 0) return -1;
    for (unsigned id = 0; id < count; id++) give_back(loop, (int)id);
    return 0;
}

static void uring_close(void* handle) {
    struct uring_echo* loop = handle;
    shutdown(loop->listener,
             SHUT_RDWR);  // the ring lets go of a pending accept late; the port is free at once
    io_uring_queue_exit(&loop->ring);
    close(loop->listener);
    for (int fd = 0; fd <= loop->highest; fd++) {
        if (!loop->connections[fd].open) continue;
        free(loop->connections[fd].rest);
        close(fd);
    }
    munmap(loop->buffers, loop->options.buffers * sizeof(struct io_uring_buf));
    free(loop->memory);
    free(loop->slices);
    free(loop);
}

static void* uring_open(const struct bare_options* options) {
    struct uring_echo* loop = calloc(1, sizeof *loop);
    if (loop == NULL) return NULL;
    loop->options = *options;
    loop->first_waiting = NONE;
    loop->listener = bare_listen(options, 0);
    struct io_uring_params params = {.cq_entries = CQ_ENTRIES,
                                     .flags = IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER |
                                              IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP |
                                              (options->spin_us ? IORING_SETUP_TASKRUN_FLAG : 0)};
    if (loop->listener < 0 || loop->listener >= MAX_FDS ||
        io_uring_queue_init_params(SQ_ENTRIES, &loop->ring, &params) != 0 || make_buffers(loop) != 0)
        return NULL;  // the program ends here
    io_uring_register_ring_fd(&loop->ring);
    arm_accept(loop);
    io_uring_submit(&loop->ring);
    return loop;
}

static uint16_t uring_port(const void* loop) { return bare_port_of(((const struct uring_echo*)loop)->listener); }

static uint64_t uring_echoed(const void* loop) { return ((const struct uring_echo*)loop)->echoed; }

const struct bare_kind bare_uring = {"uring", uring_open, uring_turn, uring_port, uring_echoed, uring_close};
