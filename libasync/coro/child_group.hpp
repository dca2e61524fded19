// Children that a construct spawns and waits for: their common scope, how many still run, and the first failure.
#pragma once

#include <exception>

#include <libasync/coro/control_block.hpp>
#include <libasync/coro/leaf.hpp>

namespace async::inline v0::detail {

class child_group {
public:
    // The children hang under the innermost scope of `context`, so its cancellation reaches them by itself.
    explicit child_group(task_context& context) noexcept : core_(*context.loop) {
        scope_.attach(*context.current_scope, nullptr);
    }
    child_group(const child_group&) = delete;
    child_group& operator=(const child_group&) = delete;
    ~child_group() { LIBASYNC_ASSERT(running_ == 0, "a group ends after its children"); }

    template <class T>
    block_ptr<control_block_of<T>> start(task<T> t, std::source_location created) {
        auto block = spawn(core_, scope_, std::move(t), {}, created);
        block->on_done = &child_group::child_done;
        block->on_done_argument = this;
        ++running_;
        return block;
    }

    // Something else failed: as if a child had.
    void fail(std::exception_ptr failure) noexcept {
        if (!failure_) failure_ = std::move(failure);
        scope_.cancel();
    }

    const std::exception_ptr& failure() const noexcept { return failure_; }

    // Waits until every child has ended. Not refused in a cancelled scope: the children end soon then.
    class end_awaiter : leaf {
    public:
        explicit end_awaiter(child_group& g) noexcept : leaf([](leaf&) noexcept {}), group_(g) {}
        ~end_awaiter() { node_.unlink_if_linked(); }
        bool await_ready() const noexcept { return false; }

        template <class Promise>
        bool await_suspend(std::coroutine_handle<Promise> h) {
            enter_always(h, node_);
            if (group_.running_ == 0) return false;
            group_.waiter_ = &node_;
            wait();
            return true;
        }
        void await_resume() { leave(); }

    private:
        child_group& group_;
        ready_node node_;
    };
    struct end_description {
        using async_native = void;
        child_group& group;
        auto operator co_await() const noexcept { return end_awaiter(group); }
    };
    end_description end() noexcept { return {*this}; }

private:
    static void child_done(control_block& child) noexcept {
        auto& group = *static_cast<child_group*>(child.on_done_argument);
        if (child.outcome_kind == task_outcome::exception) group.child_failed(child);
        if (--group.running_ == 0 && group.waiter_) group.core_.ready.push_back(*group.waiter_);
    }

    // The first failure is the group's; a later one is left unread, and so reported when its block goes.
    void child_failed(control_block& child) noexcept {
        if (failure_) return;
        child.outcome_read = true;
        fail(child.exception());
    }

    loop_core& core_;
    scope scope_;
    std::exception_ptr failure_;
    ready_node* waiter_ = nullptr;
    std::size_t running_ = 0;
};

}  // namespace async::inline v0::detail
