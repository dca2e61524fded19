// Children that a construct spawns and waits for: their common scope, how many still run, and what the end of one
// means to the others.
#pragma once

#include <exception>

#include <libasync/coro/control_block.hpp>
#include <libasync/coro/leaf.hpp>
#include <libasync/detail/exchange.hpp>

namespace async::inline v0::detail {

class child_group {
public:
    using on_done_function = void (*)(control_block&) noexcept;

    // The scope of the children hangs under the innermost one of `context`, so its cancellation reaches them by itself.
    explicit child_group(task_context& context) noexcept : core_(*context.loop) {
        scope_.attach(*context.current_scope, nullptr);
    }
    // The scope is entered and left by the construct.
    explicit child_group(loop_core& core) noexcept : core_(core) {}
    child_group(const child_group&) = delete;
    child_group& operator=(const child_group&) = delete;
    ~child_group() { LIBASYNC_ASSERT(running_ == 0, "a group ends after its children"); }

    // Takes over a task that was spawned. `on_done` is told its end, with the group as `on_done_argument`, and calls
    // `one_ended`.
    void adopt(control_block& child, on_done_function on_done) noexcept {
        follow(child, on_done);
        ++running_;
    }

    // The same in two steps: so many will end, and this is one of them.
    void expect(std::size_t children) noexcept { running_ += children; }
    void follow(control_block& child, on_done_function on_done) noexcept {
        child.on_done = on_done;
        child.on_done_argument = this;
    }

    void one_ended() noexcept {
        if (--running_ == 0 && waiter_) core_.ready.push_back(*detail::exchange(waiter_, nullptr));
    }

    loop_core& core() const noexcept { return core_; }
    scope& children_scope() noexcept { return scope_; }
    const scope& children_scope() const noexcept { return scope_; }
    std::size_t running() const noexcept { return running_; }

    // Waits until every child has ended. Not refused in a cancelled scope: the children end soon then.
    class end_awaiter : leaf {
    public:
        explicit end_awaiter(child_group& g) noexcept : leaf([](leaf&) noexcept {}), group_(g) {}
        ~end_awaiter() {
            if (group_.waiter_ == &node_) group_.waiter_ = nullptr;
            node_.unlink_if_linked();
        }
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
    loop_core& core_;
    scope scope_;
    ready_node* waiter_ = nullptr;
    std::size_t running_ = 0;
};

// All children are wanted: the first that fails cancels the others.
class all_children : public child_group {
public:
    using child_group::child_group;

    template <class T>
    block_ptr<control_block_of<T>> start(task<T> t, std::source_location created) {
        auto block = spawn(core(), children_scope(), std::move(t), {}, created);
        adopt(*block, &all_children::child_done);
        return block;
    }

    // Something else failed: as if a child had.
    void fail(std::exception_ptr failure) noexcept {
        if (!failure_) failure_ = std::move(failure);
        children_scope().cancel();
    }

    const std::exception_ptr& failure() const noexcept { return failure_; }
    void rethrow_failure() const {
        if (failure_) std::rethrow_exception(failure_);
    }

protected:
    // The first failure is the group's; a later one is left unread, and so reported when its block goes.
    void child_failed(control_block& child) noexcept {
        if (failure_) return;
        child.outcome_read = true;
        fail(child.exception());
    }

private:
    static void child_done(control_block& child) noexcept {
        auto& group = *static_cast<all_children*>(static_cast<child_group*>(child.on_done_argument));
        if (child.outcome_kind == task_outcome::exception) group.child_failed(child);
        group.one_ended();
    }

    std::exception_ptr failure_;
};

}  // namespace async::inline v0::detail
