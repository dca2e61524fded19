#include <libasync/testing/crash_note.hpp>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace async::inline v0::testing::internal {

namespace {

char note[256];

void print(const char* what) noexcept {
    std::fputs("libasync: with ", stderr);
    std::fputs(note, stderr);
    std::fputs(what, stderr);
    std::fflush(stderr);
}

constexpr int fatal[] = {SIGABRT, SIGSEGV};

#ifdef _WIN32
using saved_handler = void (*)(int);
void install(int signal, saved_handler& saved, void (*handler)(int)) { saved = std::signal(signal, handler); }
void restore(int signal, saved_handler& saved) { std::signal(signal, saved); }
#else
using saved_handler = struct sigaction;
void install(int signal, saved_handler& saved, void (*handler)(int)) {
    struct sigaction ours = {};
    ours.sa_handler = handler;
    ours.sa_flags = SA_ONSTACK;
    ::sigaction(signal, &ours, &saved);
}
void restore(int signal, saved_handler& saved) { ::sigaction(signal, &saved, nullptr); }
#endif

saved_handler saved[std::size(fatal)];

void restore_all() noexcept {
    for (std::size_t i = 0; i < std::size(fatal); ++i) restore(fatal[i], saved[i]);
}

// A fault is repeated by the return from here, an abort is not.
extern "C" void libasync_testing_on_crash(int signal) {
    restore_all();
    print(" the program crashes\n");
    if (signal == SIGABRT) std::raise(signal);
}

}  // namespace

crash_note::crash_note(std::string_view text) noexcept {
    *std::copy_n(text.data(), std::min(text.size(), sizeof note - 1), note) = '\0';
    for (std::size_t i = 0; i < std::size(fatal); ++i) install(fatal[i], saved[i], &libasync_testing_on_crash);
}

crash_note::~crash_note() {
    restore_all();
    note[0] = '\0';
}

void crash_note::abort_with(const char* why) noexcept {
    restore_all();
    print(" the run ");
    std::fputs(why, stderr);
    std::fputs("\n", stderr);
    std::abort();
}

}  // namespace async::inline v0::testing::internal
