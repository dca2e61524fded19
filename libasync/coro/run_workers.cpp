#include <libasync/coro/run_workers.hpp>

#include <condition_variable>
#include <thread>
#include <vector>

#include <libasync/coro/cancel_scope.hpp>
#include <libasync/coro/gather.hpp>
#include <libasync/coro/run.hpp>
#include <libasync/coro/sleep.hpp>
#include <libasync/io/parallelism.hpp>
#include <libasync/loop/log.hpp>
#include <libasync/loop/notifier.hpp>

namespace async::inline v0 {

worker_failed::worker_failed(unsigned worker, std::exception_ptr cause)
    : std::runtime_error("worker " + std::to_string(worker) + ": " + detail::describe_exception(cause)),
      worker_(worker),
      cause_(std::move(cause)) {}

worker_failed::~worker_failed() = default;

namespace detail {

class worker_crew {
public:
    worker_crew(unsigned count, worker_main main) : expected_(count), main_(std::move(main)) {
        for (unsigned i = 0; i < count; ++i) seats_.push_back(std::make_shared<seat>());
    }
    worker_crew(const worker_crew&) = delete;
    worker_crew& operator=(const worker_crew&) = delete;

    struct seat {
        loop_slot slot;
        notifier* stop = nullptr;  // while the worker can be cancelled
    };

    seat& seat_of(unsigned index) noexcept { return *seats_[index]; }
    std::shared_ptr<loop_slot> slot(unsigned index) {
        const std::shared_ptr<seat>& s = seats_.at(index);
        return {s, &s->slot};
    }
    unsigned count() const noexcept { return static_cast<unsigned>(seats_.size()); }

    task<void> make_main(worker w) {
        const std::lock_guard lock(main_mutex_);
        return main_(std::move(w));
    }

    // Waits until all have come so far.
    void arrive() {
        std::unique_lock lock(mutex_);
        ++arrived_;
        all_here_.notify_all();
        all_here_.wait(lock, [this] { return arrived_ >= expected_; });
    }
    // The others will not come.
    void expect(unsigned count) {
        const std::lock_guard lock(mutex_);
        expected_ = count;
        all_here_.notify_all();
    }

    void stop_all() noexcept {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        for (const auto& s : seats_) {
            if (s->stop) s->stop->notify();
        }
    }

    // The worker can be cancelled from here on, and is if the others were.
    void sit_down(unsigned index, notifier& stop) noexcept {
        const std::lock_guard lock(mutex_);
        seats_[index]->stop = &stop;
        if (stopping_) stop.notify();
    }
    void stand_up(unsigned index) noexcept {
        const std::lock_guard lock(mutex_);
        seats_[index]->stop = nullptr;
    }

    // The first failure is thrown in the end; it stops the others, so those of the others come later.
    void fail(unsigned index, std::exception_ptr failure) noexcept {
        if (is_first(index, failure)) return stop_all();
        try {
            log(log_level::error, worker_failed(index, failure).what());
        } catch (...) {
            log(log_level::error, "another worker has failed too");
        }
    }

    void rethrow_failure() const {
        if (failure_) throw worker_failed(failed_, failure_);
    }

private:
    bool is_first(unsigned index, const std::exception_ptr& failure) noexcept {
        const std::lock_guard lock(mutex_);
        if (failure_) return false;
        failed_ = index;
        failure_ = failure;
        return true;
    }

    std::mutex mutex_;
    std::condition_variable all_here_;
    unsigned arrived_ = 0;
    unsigned expected_;
    bool stopping_ = false;
    unsigned failed_ = 0;
    std::exception_ptr failure_;
    std::vector<std::shared_ptr<seat>> seats_;
    std::mutex main_mutex_;
    worker_main main_;
};

std::shared_ptr<loop_slot> slot_of_worker(const std::shared_ptr<worker_crew>& crew, unsigned index) {
    return crew->slot(index);
}

namespace {

// Tells the others as soon as this worker is cancelled, and not only when it has ended.
task<void> pass_cancellation_on(worker_crew& crew, const bool& ended) {
    try {
        for (;;) co_await sleep(std::chrono::hours(24));
    } catch (const cancelled&) {
        if (!ended) crew.stop_all();
        throw;
    }
}

// What ends with the worker's own task.
struct beside_main {
    cancel_scope scope;
    bool ended = false;
};

task<void> run_main(worker_crew& crew, worker self, beside_main& beside) {
    struct at_end {
        beside_main& beside;
        ~at_end() {
            beside.ended = true;
            beside.scope.cancel();
        }
    };
    const at_end note{beside};
    task<void> main = crew.make_main(std::move(self));
    co_await std::move(main);
}

task<void> run_both(worker_crew& crew, worker self) {
    beside_main beside;
    co_await gather(run_main(crew, std::move(self), beside),
                    beside.scope.run(pass_cancellation_on(crew, beside.ended)));
}

task<void> work(std::shared_ptr<worker_crew> crew, unsigned index) {
    cancel_scope scope;
    notifier stop(this_loop(), [&scope] { scope.cancel(); });
    struct seated {
        worker_crew& crew;
        unsigned index;
        ~seated() { crew.stand_up(index); }
    };
    const seated here{*crew, index};
    crew->sit_down(index, stop);
    try {
        co_await scope.run(run_both(*crew, worker(crew, index)));
    } catch (const cancelled&) {
        crew->stop_all();
        throw;
    }
}

// The loop is there for others, as long as this lives.
class open_slot {
public:
    open_slot(loop_slot& slot, loop& where) : slot_(slot) {
        const std::lock_guard lock(slot_.mutex);
        slot_.where = &where;
    }
    open_slot(const open_slot&) = delete;
    open_slot& operator=(const open_slot&) = delete;
    ~open_slot() {
        const std::lock_guard lock(slot_.mutex);
        slot_.where = nullptr;
    }

private:
    loop_slot& slot_;
};

void be_worker(const std::shared_ptr<worker_crew>& crew, unsigned index, const loop_options& options) noexcept {
    bool arrived = false;
    try {
        runner r(options);
        const open_slot open(crew->seat_of(index).slot, r.loop());
        arrived = true;
        crew->arrive();
        r.run(work(crew, index));
    } catch (...) {
        crew->fail(index, std::current_exception());
    }
    if (!arrived) crew->arrive();
}

}  // namespace

void run_workers(unsigned count, worker_main main, const loop_options& options) {
    if (this_core != nullptr) throw std::logic_error("run_workers: a loop runs on this thread already");
    if (count == 0) count = available_parallelism();
    const auto crew = std::make_shared<worker_crew>(count, std::move(main));
    std::vector<std::thread> threads;
    unsigned index = 1;
    try {
        threads.reserve(count);
        for (; index < count; ++index) threads.emplace_back([crew, index, options] { be_worker(crew, index, options); });
    } catch (...) {
        crew->fail(index, std::current_exception());
        crew->expect(index);
    }
    be_worker(crew, 0, options);
    for (std::thread& t : threads) t.join();
    crew->rethrow_failure();
}

}  // namespace detail

unsigned worker::count() const noexcept { return crew_->count(); }

}  // namespace async::inline v0
