// Threads of the library take no signals: those are for the program's own. For .cpp files.
#pragma once

#ifndef _WIN32
#include <pthread.h>
#include <signal.h>
#endif

namespace async::inline v0::io {

// Threads that are started while it lives take none.
class signals_blocked {
public:
#ifndef _WIN32
    signals_blocked() noexcept {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~signals_blocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_;
#else
    signals_blocked() noexcept {}
#endif
    signals_blocked(const signals_blocked&) = delete;
    signals_blocked& operator=(const signals_blocked&) = delete;
};

}  // namespace async::inline v0::io
