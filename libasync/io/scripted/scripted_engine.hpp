// An engine for tests of what happens at the same instant: a virtual clock, and completions in the order and at the
// time that the test dictates. It knows no kernel: operations stay pending until the script completes them.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <vector>

#include <libasync/detail/unique_function.hpp>
#include <libasync/io/engine.hpp>

namespace async::inline v0::io {

class scripted_engine final : public engine {
public:
    // What a request to cancel does to a pending operation.
    enum class cancel_policy : std::uint8_t {
        at_once,   // it ends as cancelled, in the same visit
        scripted,  // nothing: the script completes it, with a success or error_cancelled
    };

    cancel_policy on_cancel = cancel_policy::at_once;

    // Asked when an operation starts; true means done in place, with the outcome that the hook has recorded.
    unique_function<bool(operation&)> on_start;

    // Runs `event` during the visit in which the clock reaches `when`; events of one instant in the order given.
    void at(time_point when, unique_function<void()> event) { script_.emplace(when, std::move(event)); }
    void after(std::chrono::nanoseconds delay, unique_function<void()> event) { at(now_ + delay, std::move(event)); }

    // Records the outcome of a pending operation.
    void finish(operation& op, std::int64_t result, int error = 0) noexcept;

    // In the order in which they were started.
    const std::vector<operation*>& pending() const noexcept { return pending_; }

    // How often a pending operation was asked to stop, and destroyed while pending.
    unsigned cancels() const noexcept { return cancels_; }
    unsigned waits_for_cancel() const noexcept { return waits_for_cancel_; }

    // Work runs in threads, whatever the script says. The most there are; before the first.
    void set_pool_threads(unsigned count) noexcept { pool_threads_ = count; }

    ~scripted_engine() override { stop_pool(); }

    const char* name() const noexcept override { return "scripted"; }
    time_point clock() const noexcept override { return now_; }
    socket_ptr adopt(native_handle handle, socket_role role) override;
    bool start(operation& op) noexcept override;
    void cancel(operation& op) noexcept override;
    void cancel_and_wait(operation& op) noexcept override;
    native_handle give_away(socket& s) noexcept override { return std::exchange(s.handle, invalid_handle); }
    void release(socket& s) noexcept override { delete &s; }
    void shut_down() noexcept override {}
    void visit(time_point deadline) noexcept override;
    native_handle wait_handle() override;
    engine_statistics statistics() const noexcept override { return statistics_; }

protected:
    void wake() noexcept override;

private:
    bool start_work(operation& op) noexcept;
    void forget(operation& op) noexcept;
    void forget_work(const detail::ready_node* node) noexcept;
    bool run_due_events() noexcept;
    void wait_for_wake() noexcept;

    time_point now_{std::chrono::hours(1)};
    std::multimap<time_point, unique_function<void()>> script_;
    std::vector<operation*> pending_;
    std::vector<operation*> working_;  // in threads: the clock stands still meanwhile
    engine_statistics statistics_;
    unsigned cancels_ = 0;
    unsigned waits_for_cancel_ = 0;
    std::mutex mutex_;
    std::condition_variable woken_;
    bool wake_requested_ = false;
};

}  // namespace async::inline v0::io
