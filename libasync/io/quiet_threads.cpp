#include <libasync/io/quiet_threads.hpp>

#include <utility>

#ifndef _WIN32
#include <pthread.h>
#include <signal.h>
#endif

namespace async::inline v0::io {

namespace {

// What is started while it lives takes no signals.
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
};

}  // namespace

std::thread quiet_thread(unique_function<void()> body) {
    const signals_blocked blocked;
    return std::thread(std::move(body));
}

}  // namespace async::inline v0::io
