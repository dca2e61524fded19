// The children of a task group, and their failures.
#pragma once

#include <exception>
#include <source_location>
#include <vector>

#include <libasync/coro/child_group.hpp>

namespace async::inline v0::detail {

// Whatever fails is noted without asking for memory: there is room for each child and the body.
class group_children : public child_group {
public:
    explicit group_children(loop_core& core);
    group_children(const group_children&) = delete;
    group_children& operator=(const group_children&) = delete;
    ~group_children();

    // Throws std::logic_error if the group has ended, std::bad_alloc.
    void prepare_start(const char* operation);

    void adopt(control_block& child) noexcept { child_group::adopt(child, &group_children::child_done); }

    // A child that is counted already, and becomes one like others.
    void take_over(control_block& child) noexcept {
        child.on_done = &group_children::child_done;
        child.on_done_argument = static_cast<child_group*>(this);
        child.own_scope.move_to(children_scope());
    }

    // What a child threw and the body let through counts once.
    void body_failed(const std::exception_ptr& failure) noexcept;

    void body_ended() noexcept { body_runs_ = false; }

    // Whether a child was cancelled that nobody had cancelled for itself.
    bool cut_short() const noexcept { return cut_short_; }

    // Throws them as one exception_group, if there are any.
    void rethrow_failures(const std::source_location& created) const;

private:
    void note(const std::exception_ptr& failure) noexcept;

    static void child_done(control_block& child) noexcept {
        auto& group = *static_cast<group_children*>(static_cast<child_group*>(child.on_done_argument));
        if (child.outcome_kind == task_outcome::exception) {
            child.outcome_read = true;
            group.note(child.exception());
        }
        if (child.outcome_kind == task_outcome::cancelled && !child.own_scope.called) group.cut_short_ = true;
        group.one_ended();
    }

    std::vector<std::exception_ptr> failures_;
    bool body_runs_ = true;
    bool cut_short_ = false;
};

}  // namespace async::inline v0::detail
