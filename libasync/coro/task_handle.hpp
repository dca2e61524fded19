// create_task and what it gives: a task that runs beside its creator.
#pragma once

#include <source_location>
#include <stdexcept>
#include <string>
#include <string_view>

#include <libasync/coro/control_block.hpp>

namespace async::inline v0 {

class task_ref;

namespace detail {

// Throws std::logic_error if `waiter` could not wait for the end of the task: it belongs to another loop, or the waiter
// runs inside the task itself. A task whose loop is gone has ended.
void require_awaitable_here(const control_block& task, const task_context& waiter);

// Waits for the end of a spawned task. With `consume` it joins: a cancellation of the waiter cancels the task, and
// is raised only if the task then has no result to give.
class end_awaiter : protected leaf {
public:
    enum class mode : bool { watch, consume };

    end_awaiter(control_block* block, mode m) noexcept : leaf(&end_awaiter::stop), block_(block), mode_(m) {}
    ~end_awaiter() { node_.unlink_if_linked(); }

    bool await_ready() const noexcept { return false; }

    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> h) {
        if (!block_) throw std::logic_error("co_await of an empty task_handle");
        if (!enter(h, node_)) return true;
        if (!block_->done() || block_->loop != context->loop) require_awaitable_here(*block_, *context);
        if (!block_->done()) {
            block_->joiners.push_back(node_);
        } else if (core().may_continue_in_place()) {
            return false;
        } else {
            core().ready.push_back(node_);
        }
        wait();
        return true;
    }

    void await_resume() {
        leave();
        if (stopped_) cancelled_access::raise();
    }

    // For select: whether the task has ended, and how to go on without it.
    bool has_come() const noexcept { return block_ && block_->done(); }
    void give_up() noexcept { node_.unlink_if_linked(); }

protected:
    // The task that the joined task itself joins, if that is where it waits.
    static control_block* joined_by(const control_block* block) noexcept {
        if (block == nullptr || block->waiting == nullptr || block->waiting->cancel != &end_awaiter::stop)
            return nullptr;
        const auto& join = static_cast<const end_awaiter&>(*block->waiting);
        return join.mode_ == mode::consume ? join.block_.get() : nullptr;
    }

    // Whether the joined task waits, over any number of joins, for the one that joins it. Two walkers of different
    // speed, since the joins may run in a circle elsewhere. Tasks from which the joins lead out of every circle are
    // remembered for the round of cancellations, so that a chain of joins is walked once.
    bool in_circle() const noexcept {
        const std::uint64_t round = cancel_round();
        const auto leads_out = [round](const control_block* b) { return b == nullptr || b->leads_out_in == round; };
        const control_block* slow = block_.get();
        for (const control_block* fast = slow; !leads_out(fast);) {
            if (fast == context) return true;
            fast = joined_by(fast);
            if (leads_out(fast)) break;
            if (fast == context) return true;
            fast = joined_by(fast);
            slow = joined_by(slow);
            if (fast == slow) return false;
        }
        for (control_block* b = block_.get(); !leads_out(b); b = joined_by(b)) b->leads_out_in = round;
        return false;
    }

    static void stop(leaf& l) noexcept {
        auto& self = static_cast<end_awaiter&>(l);
        if (self.block_->done()) return;
        if (self.mode_ == mode::consume) self.block_->own_scope.cancel();
        // Tasks that join each other in a circle would wait for ever: one of them stops waiting.
        if (self.mode_ == mode::consume && !self.in_circle()) return;
        if (self.stopped_) return;
        self.stopped_ = true;
        self.node_.unlink();
        self.core().ready.push_back(self.node_);
    }

    block_ptr<control_block> block_;
    ready_node node_;
    const mode mode_;
    bool stopped_ = false;
};

template <class T>
class join_awaiter final : public end_awaiter {
public:
    explicit join_awaiter(control_block_of<T>* block) noexcept : end_awaiter(block, mode::consume) {}

    void give_up() = delete;  // a join is not selected: cancelled, it cancels its task

    T await_resume() {
        end_awaiter::await_resume();
        return take_outcome(static_cast<control_block_of<T>&>(*block_), context);
    }

    static T take_outcome(control_block_of<T>& block, const task_context* reader) {
        if (block.outcome_kind == task_outcome::cancelled) {
            if (reader && reader->cancelled) cancelled_access::raise();
            throw task_cancelled(block.display_name());
        }
        if (block.outcome_kind == task_outcome::value && block.outcome_read) {
            throw std::logic_error("the result of task '" + block.display_name() + "' was taken before");
        }
        block.outcome_read = true;
        return block.outcome.take();
    }
};

struct [[nodiscard]] watch_description {
    using async_native = void;
    control_block* block;
    auto operator co_await() const noexcept { return end_awaiter(block, end_awaiter::mode::watch); }
    void retain() const noexcept {
        if (block) block->retain();
    }
    void release() const noexcept {
        if (block) block->release();
    }
};

}  // namespace detail

// A running task. Move-only; dropping it lets the task run on by itself. A failure that nobody reads goes to the
// loop's exception handler.
template <class T = void>
class task_handle {
public:
    using value_type = T;
    using async_native = void;

    task_handle() = default;
    task_handle(task_handle&&) noexcept = default;
    task_handle& operator=(task_handle&&) noexcept = default;
    explicit task_handle(detail::block_ptr<detail::control_block_of<T>> block) noexcept : block_(std::move(block)) {}

    explicit operator bool() const noexcept { return static_cast<bool>(block_); }

    // Asks the task to stop: every await in it raises `cancelled` from now on. May be repeated; does nothing to a
    // task that has ended, and to an empty handle. The other members throw std::logic_error on an empty handle.
    void cancel() noexcept {
        if (block_ && !block_->done()) block_->own_scope.cancel();
    }

    bool done() const { return require_block().done(); }
    bool cancelled() const { return require_block().outcome_kind == detail::task_outcome::cancelled; }
    std::string name() const { return require_block().display_name(); }

    // Moves the result out, or throws what the task threw; task_cancelled if it was cancelled.
    // Throws std::logic_error if the task has not ended, or its result was taken before.
    T result() {
        require_done();
        return detail::join_awaiter<T>::take_outcome(*block_, nullptr);
    }

    // What the task threw, or null. Throws task_cancelled if it was cancelled, std::logic_error if it has not ended.
    std::exception_ptr exception() const {
        require_done();
        if (cancelled()) throw task_cancelled(name());
        block_->outcome_read = block_->outcome_read || block_->exception();
        return block_->exception();
    }

    // Calls `fn` in a turn after the task has ended, in the order of registration. Throws std::system_error (errc::closed)
    // if the loop is gone, std::invalid_argument if `fn` is empty, std::bad_alloc.
    void add_done_callback(unique_function<void()> fn) {
        if (done()) {
            if (!block_->loop) throw std::system_error(make_error_code(errc::closed), "add_done_callback");
            block_->loop->face->call_soon(std::move(fn));
        } else {
            block_->add_done_callback(std::move(fn));
        }
    }

    // Waits for the end of the task and moves its result out. If the waiter is cancelled meanwhile, it cancels the
    // task, waits for it, and delivers the result if there is one after all.
    // Throws what the task threw; task_cancelled if it was cancelled and the waiter was not; std::logic_error if the task
    // belongs to another loop, unless that is gone.
    // Cancel class: deferred.
    auto operator co_await() noexcept { return detail::join_awaiter<T>(block_.get()); }

    // Waits for the end without touching the result. Throws std::logic_error as above. Cancel class: lossless.
    auto wait() const noexcept { return detail::watch_description{block_.get()}; }

    // The task without its result, to be kept and passed on by anybody: see current_task.hpp.
    task_ref ref() const;

    detail::control_block* block() const noexcept { return block_.get(); }

private:
    detail::control_block& require_block() const {
        if (!block_) throw std::logic_error("the task_handle is empty");
        return *block_;
    }

    void require_done() const {
        if (!done()) throw std::logic_error("task '" + name() + "' has not ended");
    }

    detail::block_ptr<detail::control_block_of<T>> block_;
};

// Starts `t` beside the caller, on this thread's loop; it runs from a later turn on. The loop keeps it alive.
// Throws std::system_error (errc::no_loop) outside a loop, std::logic_error for an empty task, std::bad_alloc.
template <class T>
task_handle<T> create_task(task<T> t, std::string_view name = {},
                           std::source_location created = std::source_location::current()) {
    detail::loop_core& core = detail::require_core("create_task");
    return task_handle<T>(detail::spawn(core, core.tasks->root, std::move(t), name, created));
}

}  // namespace async::inline v0
