// Follows one part of a scenario step by step, and delivers the cancellation when its time has come.
//
// A probe stands in the queue behind whatever runs next. So the watch sees each step before and after it: a step of the
// part, or of a child that hangs under its scope, after which the child is still there has ended in a suspension.
#pragma once

#include <source_location>

#include <libasync/coro/cancel_scope.hpp>
#include <libasync/coro/task_handle.hpp>
#include <libasync/testing/cancel_options.hpp>
#include <libasync/testing/destroyable.hpp>

namespace async::inline v0::detail {

class suspension_watch final : public turn_hook {
public:
    // `deadline` is for deadline_at_completion; max() if it is still to be found out.
    suspension_watch(testing::cancel_point point, time_point deadline, std::chrono::microseconds hesitation) noexcept;
    suspension_watch(const suspension_watch&) = delete;
    suspension_watch& operator=(const suspension_watch&) = delete;

    bool destroys() const noexcept { return testing::destroys(point_.delivery); }
    testing::cancel_point point() const noexcept { return point_; }

    // Starts the task that cancels the part, if that is the delivery. Before the part starts.
    task_handle<void> start_sibling();
    task<void> end_sibling(task_handle<void> sibling);

    // From `begin` to `end` the part is followed. One part only: throws std::logic_error for a second.
    void begin(loop_core& core, scope& top);
    void begin(loop_core& core, destroyable& victim);
    void end() noexcept;

    void before_steps(ready_list& steps) noexcept override;

    // Ends the part, by cancellation or destruction, because nothing else will.
    void give_up() noexcept;

    unsigned suspensions() const noexcept { return suspensions_; }
    bool began() const noexcept { return began_; }
    bool over() const noexcept { return began_ && top_ == nullptr; }
    bool reached() const noexcept { return reached_; }      // the suspension in question
    bool delivered() const noexcept { return delivered_; }  // the cancellation
    bool nothing_recorded() const noexcept { return nothing_recorded_; }

    // When the suspension in question ended; max() if it did not.
    time_point ended_at() const noexcept { return ended_at_; }

    // Where it was, of the innermost await.
    std::source_location where() const noexcept { return where_; }
    // Where the part waits now; empty once it has ended.
    std::source_location waits_at() const noexcept;

    struct guard {
        suspension_watch& watch;
        explicit guard(suspension_watch& w) noexcept : watch(w) {}
        guard(const guard&) = delete;
        guard& operator=(const guard&) = delete;
        ~guard() { watch.end(); }
    };

private:
    struct own_node : ready_node {
        own_node(suspension_watch& w, bool (*f)(ready_node*) noexcept) noexcept : watch(w) { run = f; }
        suspension_watch& watch;
    };

    const promise_base* innermost(const task_context& c) const noexcept;
    task_context* stepping_with(std::coroutine_handle<> h) const noexcept;
    bool lives(const task_context& c) const noexcept;
    bool is_recorded() noexcept;
    bool has_step_in(ready_list& steps) const noexcept;

    void look_at_next() noexcept;
    void after_step() noexcept;
    void suspended(task_context& c) noexcept;
    void deliver() noexcept;
    void end_part() noexcept;
    void hesitate() const noexcept;

    const testing::cancel_point point_;
    const time_point deadline_;
    const std::chrono::microseconds hesitation_;

    loop_core* core_ = nullptr;
    turn_hook* inner_ = nullptr;
    scope* top_ = nullptr;
    destroyable* victim_ = nullptr;
    std::optional<deadline_timer> timer_;
    ready_list* batch_ = nullptr;
    own_node probe_;
    own_node later_;
    test_gate gate_;

    task_context* stepping_ = nullptr;  // whose step runs next
    task_context* awaited_ = nullptr;   // at the suspension in question
    unsigned suspensions_ = 0;
    time_point ended_at_ = time_point::max();
    std::source_location where_{};
    bool began_ = false;
    bool reached_ = false;
    bool delivered_ = false;
    bool nothing_recorded_ = false;
};

}  // namespace async::inline v0::detail
