#include <libasync/io/look_up_threads.hpp>

#include <system_error>
#include <thread>

#include <libasync/io/engine.hpp>
#include <libasync/io/quiet_threads.hpp>

#ifndef _WIN32
#include <unistd.h>
#endif

namespace async::inline v0::io {

namespace {

std::atomic<look_up_threads::function> call{&look_up_natively};

long process_id() noexcept {
#ifndef _WIN32
    return static_cast<long>(::getpid());
#else
    return 0;
#endif
}

[[noreturn]] void throw_too_many(const char* why) {
    throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again), why);
}

}  // namespace

look_up_threads& look_up_threads::of_process() {
    static std::mutex* const guard = new std::mutex;
    static look_up_threads* threads = nullptr;
    static long process = 0;
    const std::lock_guard lock(*guard);
    if (threads == nullptr || process != process_id()) {
        threads = new look_up_threads;
        process = process_id();
    }
    return *threads;
}

look_up_threads::function look_up_threads::replace_call(function f) noexcept { return call.exchange(f); }

void look_up_threads::submit(look_up& l, engine& home) {
    const std::lock_guard lock(mutex_);
    if (queued_ >= most_queued) throw_too_many("too many names are being looked up");
    if (queued_ >= idle_ && threads_ < most_threads) {
        try {
            start_thread();
        } catch (const std::system_error&) {
            if (threads_ == 0) throw_too_many("no thread can be started to look up names");
        }
    }
    l.retain();  // the queue's, and then the thread's
    l.home = &home;
    l.at = look_up::stage::queued;
    queue_.push_back(l);
    ++queued_;
    work_to_do_.notify_one();
}

bool look_up_threads::withdraw(look_up& l) noexcept {
    {
        const std::lock_guard lock(mutex_);
        if (l.at != look_up::stage::queued) return false;
        l.unlink();
        --queued_;
        l.at = look_up::stage::idle;
        l.home = nullptr;
    }
    l.release();
    return true;
}

void look_up_threads::forget(look_up& l) noexcept {
    if (withdraw(l)) return;
    const std::lock_guard lock(mutex_);
    l.home = nullptr;
}

// They tell under the lock.
void look_up_threads::wait_for_tellers() noexcept { const std::lock_guard lock(mutex_); }

std::size_t look_up_threads::queued() const noexcept {
    const std::lock_guard lock(mutex_);
    return queued_;
}

void look_up_threads::start_thread() {
    quiet_thread([this] { run_thread(); }).detach();
    ++threads_;
}

void look_up_threads::run_thread() noexcept {
    std::unique_lock lock(mutex_);
    for (;;) {
        ++idle_;
        work_to_do_.wait(lock, [this] { return queued_ != 0; });
        --idle_;
        look_up& l = *queue_.pop_front();
        --queued_;
        l.at = look_up::stage::running;
        lock.unlock();
        l.answer = call.load()(l.query);
        lock.lock();
        // Under the lock: the engine stays as long as it has not said `forget`.
        if (l.home != nullptr) {
            l.at = look_up::stage::posted;
            l.home->post(l);
        }
        lock.unlock();
        l.release();
        lock.lock();
    }
}

namespace {

class threaded_source final : public name_source {
public:
    explicit threaded_source(engine& home) : threads_(look_up_threads::of_process()), home_(home) {}
    ~threaded_source() override { threads_.wait_for_tellers(); }

    void start(look_up& l) override { threads_.submit(l, home_); }
    bool withdraw(look_up& l) noexcept override { return threads_.withdraw(l); }
    void forget(look_up& l) noexcept override { threads_.forget(l); }

private:
    look_up_threads& threads_;
    engine& home_;
};

}  // namespace

std::unique_ptr<name_source> make_threaded_name_source(engine& home) { return std::make_unique<threaded_source>(home); }

}  // namespace async::inline v0::io
