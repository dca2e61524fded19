#include <libasync/testing/allocation_failure.hpp>

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include <libasync/coro/exception_group.hpp>
#include <libasync/coro/sleep.hpp>
#include <libasync/testing/crash_note.hpp>
#include <libasync/testing/open_descriptors.hpp>

namespace async::inline v0::testing::internal {

namespace {

// Ends a run that takes too long: cancels its tasks, and aborts the program if that does not help either. A thread,
// since a timer of the loop would make room for the timers of the scenario.
class watchdog {
public:
    explicit watchdog(std::chrono::milliseconds patience) : patience_(patience), thread_([this] { watch(); }) {}
    watchdog(const watchdog&) = delete;
    watchdog& operator=(const watchdog&) = delete;
    ~watchdog() {
        change([this] { stopping_ = true; });
        thread_.join();
    }

    // The time runs while this lives, and then for what takes the loop down.
    class watch_over {
    public:
        watch_over(watchdog& dog, loop& l) : dog_(dog) { dog_.start(l); }
        watch_over(const watch_over&) = delete;
        watch_over& operator=(const watch_over&) = delete;
        ~watch_over() { dog_.loop_goes(); }

    private:
        watchdog& dog_;
    };

    bool bitten() {
        const std::lock_guard lock(mutex_);
        return bitten_;
    }

private:
    void start(loop& l) {
        change([&] {
            loop_ = &l;
            bitten_ = false;
            ++round_;
        });
    }
    void loop_goes() {
        change([this] {
            loop_ = nullptr;
            ++round_;
        });
    }
    template <class Change>
    void change(Change what) {
        {
            const std::lock_guard lock(mutex_);
            what();
        }
        changed_.notify_one();
    }

    void watch() {
        std::unique_lock lock(mutex_);
        while (!stopping_) {
            const std::uint64_t round = round_;
            const auto moved_on = [&] { return stopping_ || round_ != round; };
            if (round == 0) {
                changed_.wait(lock, moved_on);
            } else if (!changed_.wait_for(lock, patience_, moved_on)) {
                bite();
                if (!changed_.wait_for(lock, patience_, moved_on)) crash_note::abort_with("cannot be ended");
            }
        }
    }

    void bite() {
        bitten_ = true;
        if (loop_) loop_->post([l = loop_] { l->core().tasks->root.cancel(); });
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    loop* loop_ = nullptr;
    std::uint64_t round_ = 0;
    bool bitten_ = false;
    bool stopping_ = false;
    const std::chrono::milliseconds patience_;
    std::thread thread_;
};

// What an exception is to us: nothing if it means that memory is short, a description otherwise.
std::optional<std::string> complaint_about(const std::exception_ptr& exception) {
    try {
        std::rethrow_exception(exception);
    } catch (const std::bad_alloc&) {
        return std::nullopt;
    } catch (const exception_group& group) {
        for (const std::exception_ptr& failure : group.exceptions()) {
            if (auto complaint = complaint_about(failure)) return complaint;
        }
        return std::nullopt;
    } catch (const std::system_error& e) {
        if (e.code() == std::errc::not_enough_memory || e.code() == std::errc::no_buffer_space) return std::nullopt;
        return e.what();
    } catch (const std::exception& e) {
        return e.what();
    } catch (const cancelled&) {
        return "a cancellation";
    } catch (...) {
        return "an exception of unknown type";
    }
}

task<int> child() {
    co_await yield();
    co_return 1;
}

task<int> another_task() {
    task_handle<int> handle = create_task(child());
    co_await yield();
    co_return co_await handle;
}

struct resources {
    std::int64_t allocations = live_allocations();
    int descriptors = open_descriptors();
};

class trial {
public:
    trial(unique_function<void(runner&)> scenario, const allocation_failure_options& options,
          const std::source_location& where)
        : scenario_(std::move(scenario)),
          options_(options),
          where_(where),
          dog_(options.patience) {}

    allocation_failure_report run() {
        const frames_from_heap all_frames;
        attempt_ = "no allocation failing";
        for (int i = 0; i < 2; ++i) run_without_failure();
        for (std::uint64_t k = 0;; ++k) {
            if (k == options_.most) fail("the scenario goes on without end");
            if (!run_with(k, how::once)) break;
            run_with(k, how::from_here_on);
        }
        return report_;
    }

private:
    [[noreturn]] void fail(const std::string& what) {
        throw check_failure("memory runs out with " + attempt_, what, where_);
    }

    void run_without_failure() {
        const crash_note note(attempt_);
        runner r(options_.loop);
        const watchdog::watch_over watched(dog_, r.loop());
        repeat_with_memory(r);
    }

    // False if there was no allocation number `k`.
    bool run_with(std::uint64_t k, how mode) {
        attempt_ = "allocation " + std::to_string(k) + " failing " + (mode == how::once ? "once" : "and all after it");
        const crash_note note(attempt_);
        // What stays behind in caches does so once; a leak is there each time.
        for (int tries = 0;; ++tries) {
            const resources before;
            const outcome end = run_once(k, mode);
            const resources after;
            if (before.allocations == after.allocations && before.descriptors == after.descriptors) return count(end);
            if (tries != 2) continue;
            fail("leaked " + std::to_string(after.allocations - before.allocations) + " allocations and " +
                 std::to_string(after.descriptors - before.descriptors) + " descriptors");
        }
    }

    enum class outcome : std::uint8_t { no_such_allocation, did_without, failed };

    bool count(outcome end) {
        if (end == outcome::no_such_allocation) return false;
        ++report_.runs;
        if (end == outcome::failed) ++report_.failed_runs;
        return true;
    }

    outcome run_once(std::uint64_t k, how mode) {
        runner r(options_.loop);
        std::optional<std::string> reported;
        r.loop().set_exception_handler([&reported](const exception_context& c) {
            const no_failures meanwhile;
            if (!reported && c.exception) reported = complaint_about(c.exception);
        });
        const watchdog::watch_over watched(dog_, r.loop());
        fail_allocation armed(k, mode);
        std::exception_ptr thrown;
        try {
            scenario_(r);
        } catch (...) {
            thrown = std::current_exception();
        }
        armed.disarm();
        if (dog_.bitten()) fail("the run hangs");
        if (const auto complaint = thrown ? complaint_about(thrown) : std::nullopt) fail("the run threw " + *complaint);
        if (reported) fail("the exception handler was given " + *reported);
        const outcome end = thrown ? outcome::failed : outcome::did_without;
        thrown = nullptr;
        repeat_with_memory(r);
        r.loop().set_exception_handler({});
        return armed.fired() ? end : outcome::no_such_allocation;
    }

    void repeat_with_memory(runner& r) {
        const char* step = "another task";
        try {
            if (r.run(another_task()) != 1) fail("another task gave a wrong result");
            step = "the same scenario";
            scenario_(r);
        } catch (const check_failure&) {
            throw;
        } catch (...) {
            fail(std::string(step) +
                 " failed afterwards: " + complaint_about(std::current_exception()).value_or("a lack of memory"));
        }
        if (dog_.bitten()) fail(std::string(step) + " hangs afterwards");
    }

    unique_function<void(runner&)> scenario_;
    const allocation_failure_options& options_;
    const std::source_location where_;
    std::string attempt_;
    allocation_failure_report report_;
    watchdog dog_;
};

}  // namespace

allocation_failure_report fail_every_allocation(unique_function<void(runner&)> scenario,
                                                const allocation_failure_options& options,
                                                const std::source_location& where) {
    return trial(std::move(scenario), options, where).run();
}

}  // namespace async::inline v0::testing::internal
