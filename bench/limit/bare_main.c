// Runs a bare loop as a server of its own, or several that share a port: `--port N` and the loop's options.
// The build sets BARE_KIND to the loop.
#include "bare_loop.h"

#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static volatile sig_atomic_t stopping;

static void stop(int signal_number) {
    (void)signal_number;
    stopping = 1;
}

enum { MOST_WORKERS = 64 };

static void usage(const char* program) {
    fprintf(stderr,
            "usage: %s --port N|--path PATH [--workers N] [--spin MICROSECONDS]\n"
            "  of the io_uring loop only:\n"
            "  [--recv multishot|poll] [--send ring|direct] [--buffers N] [--buffer-size N]\n",
            program);
    exit(2);
}

static void parse(int argc, char** argv, struct bare_options* options) {
    static const struct option names[] = {
        {"port", required_argument, NULL, 'p'},
        {"path", required_argument, NULL, 'u'},
        {"workers", required_argument, NULL, 't'},
        {"spin", required_argument, NULL, 's'},
        {"recv", required_argument, NULL, 'r'},
        {"send", required_argument, NULL, 'w'},
        {"buffers", required_argument, NULL, 'n'},
        {"buffer-size", required_argument, NULL, 'z'},
        {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (option) {
            case 'p': options->port = (uint16_t)atoi(optarg); break;
            case 'u': options->path = optarg; break;
            case 't': options->workers = (unsigned)atoi(optarg); break;
            case 's': options->spin_us = (unsigned)atoi(optarg); break;
            case 'r': options->recv = strcmp(optarg, "poll") == 0 ? BARE_RECV_POLL : BARE_RECV_MULTISHOT; break;
            case 'w': options->send = strcmp(optarg, "direct") == 0 ? BARE_SEND_DIRECT : BARE_SEND_RING; break;
            case 'n': options->buffers = (unsigned)atoi(optarg); break;
            case 'z': options->buffer_size = (unsigned)atoi(optarg); break;
            default: usage(argv[0]);
        }
    }
}

// One loop, in the thread that uses it. With a signal that ends the program one thread alone wakes: the others go with it.
static void* serve(void* argument) {
    const struct bare_options* options = argument;
    void* loop = BARE_KIND.open(options);
    if (loop == NULL) {
        fprintf(stderr, "%s: %s\n", BARE_KIND.name, strerror(errno));
        exit(1);
    }
    printf("listening on %u\n", (unsigned)BARE_KIND.port(loop));
    fflush(stdout);
    while (!stopping) BARE_KIND.turn(loop);
    BARE_KIND.close(loop);
    return NULL;
}

int main(int argc, char** argv) {
    struct bare_options options = bare_defaults();
    parse(argc, argv, &options);
    if (options.workers == 0 || options.workers > MOST_WORKERS) usage(argv[0]);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    struct sigaction action = {.sa_handler = stop};  // no SA_RESTART: the waiting call returns
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);

    for (unsigned i = 1; i < options.workers; i++) {
        pthread_t worker;
        if (pthread_create(&worker, NULL, serve, &options) != 0) bare_fail("pthread_create");
    }
    serve(&options);
    return 0;
}
