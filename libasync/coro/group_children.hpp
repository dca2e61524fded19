// The children of a task group, and their failures.
#pragma once

#include <algorithm>
#include <exception>
#include <source_location>
#include <stdexcept>
#include <string>
#include <vector>

#include <libasync/coro/child_group.hpp>

namespace async::inline v0::detail {

// Whatever fails is noted without asking for memory: there is room for each child and the body.
class group_children : public child_group {
public:
    explicit group_children(loop_core& core) : child_group(core) { failures_.reserve(2); }

    // Throws std::logic_error if the group has ended, std::bad_alloc.
    void prepare_start(const char* operation) {
        if (!body_runs_ && running() == 0) throw std::logic_error(std::string(operation) + ": the group has ended");
        const std::size_t needed = failures_.size() + running() + 2;
        if (needed > failures_.capacity()) failures_.reserve(std::max(needed, 2 * failures_.capacity()));
    }

    void adopt(control_block& child) noexcept { child_group::adopt(child, &group_children::child_done); }

    // A child that is counted already, and becomes one like others.
    void take_over(control_block& child) noexcept {
        child.on_done = &group_children::child_done;
        child.on_done_argument = static_cast<child_group*>(this);
        child.own_scope.move_to(children_scope());
    }

    // What a child threw and the body let through counts once.
    void body_failed(const std::exception_ptr& failure) noexcept {
        const bool known = std::find(failures_.begin(), failures_.end(), failure) != failures_.end();
        if (!known) note(failure);
    }

    void body_ended() noexcept { body_runs_ = false; }

    // Throws them as one exception_group, if there are any.
    void rethrow_failures(const std::source_location& created) const;

private:
    void note(const std::exception_ptr& failure) noexcept {
        failures_.push_back(failure);
        children_scope().cancel();
    }

    static void child_done(control_block& child) noexcept {
        auto& group = *static_cast<group_children*>(static_cast<child_group*>(child.on_done_argument));
        if (child.outcome_kind == task_outcome::exception) {
            child.outcome_read = true;
            group.note(child.exception());
        }
        group.one_ended();
    }

    std::vector<std::exception_ptr> failures_;
    bool body_runs_ = true;
};

}  // namespace async::inline v0::detail
