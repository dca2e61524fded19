// Runs one bare loop as a server of its own: `--port N` and the loop's options.
// The build sets BARE_KIND to the loop.
#include "bare_loop.h"

#include <errno.h>
#include <getopt.h>
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

static void usage(const char* program) {
    fprintf(stderr,
            "usage: %s --port N|--path PATH [--spin MICROSECONDS]\n"
            "  of the io_uring loop only:\n"
            "  [--recv multishot|poll] [--send ring|direct] [--buffers N] [--buffer-size N]\n",
            program);
    exit(2);
}

static void parse(int argc, char** argv, struct bare_options* options) {
    static const struct option names[] = {
        {"port", required_argument, NULL, 'p'},
        {"path", required_argument, NULL, 'u'},
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
            case 's': options->spin_us = (unsigned)atoi(optarg); break;
            case 'r': options->recv = strcmp(optarg, "poll") == 0 ? BARE_RECV_POLL : BARE_RECV_MULTISHOT; break;
            case 'w': options->send = strcmp(optarg, "direct") == 0 ? BARE_SEND_DIRECT : BARE_SEND_RING; break;
            case 'n': options->buffers = (unsigned)atoi(optarg); break;
            case 'z': options->buffer_size = (unsigned)atoi(optarg); break;
            default: usage(argv[0]);
        }
    }
}

int main(int argc, char** argv) {
    struct bare_options options = bare_defaults();
    parse(argc, argv, &options);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    struct sigaction action = {.sa_handler = stop};  // no SA_RESTART: the waiting call returns
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);

    void* loop = BARE_KIND.open(&options);
    if (loop == NULL) {
        fprintf(stderr, "%s: %s\n", BARE_KIND.name, strerror(errno));
        return 1;
    }
    printf("listening on %u\n", (unsigned)BARE_KIND.port(loop));
    fflush(stdout);
    while (!stopping) BARE_KIND.turn(loop);
    BARE_KIND.close(loop);
    return 0;
}
