#include <libasync/io/scripted/scripted_engine.hpp>

#include <algorithm>

namespace async::inline v0::io {

namespace {

class scripted_socket final : public socket {
public:
    explicit scripted_socket(socket_role r) noexcept : socket(r) {}
};

}  // namespace

socket_ptr scripted_engine::adopt(native_handle handle, socket_role role) {
    socket_ptr s(new scripted_socket(role));
    s->owner = this;
    s->handle = handle;
    return s;
}

bool scripted_engine::start(operation& op) noexcept {
    ++statistics_.submissions;
    op.state = op_state::pending;
    if (op.kind == op_kind::work) return start_work(op);
    if (on_start && on_start(op)) {
        op.state = op_state::done;
        return true;
    }
    pending_.push_back(&op);
    return false;
}

bool scripted_engine::start_work(operation& op) noexcept {
    if (start_in_pool(op)) return true;
    working_.push_back(&op);
    return false;
}

void scripted_engine::forget_work(const detail::ready_node* node) noexcept {
    working_.erase(std::remove(working_.begin(), working_.end(), node), working_.end());
}

void scripted_engine::forget(operation& op) noexcept {
    pending_.erase(std::remove(pending_.begin(), pending_.end(), &op), pending_.end());
}

void scripted_engine::finish(operation& op, std::int64_t result, int error) noexcept {
    LIBASYNC_ASSERT(op.state == op_state::pending, "an operation finishes once");
    forget(op);
    op.result = result;
    op.error = error;
    ++statistics_.completions;
    complete(op);
}

void scripted_engine::cancel(operation& op) noexcept {
    ++cancels_;
    if (op.kind == op_kind::work) {
        cancel_in_pool(op);
        if (op.state == op_state::done) forget_work(&op);
        return;
    }
    op.cancel_requested = true;
    if (on_cancel == cancel_policy::at_once) finish(op, 0, error_cancelled);
}

void scripted_engine::cancel_and_wait(operation& op) noexcept {
    ++waits_for_cancel_;
    if (op.kind == op_kind::work) {
        forget_work(&op);
        return wait_for_pool(op);
    }
    forget(op);
    op.unlink_if_linked();
}

bool scripted_engine::run_due_events() noexcept {
    bool any = false;
    while (!script_.empty() && script_.begin()->first <= now_) {
        unique_function<void()> event = std::move(script_.begin()->second);
        script_.erase(script_.begin());
        event();
        any = true;
    }
    return any;
}

void scripted_engine::visit(time_point deadline) noexcept {
    ++statistics_.enters;
    const bool any = run_due_events();
    if (!any && completed.empty() && deadline > now_ && begin_wait()) {
        const time_point event = script_.empty() ? time_point::max() : script_.begin()->first;
        const time_point target = std::min(event, deadline);
        if (target == time_point::max() || !working_.empty()) {
            wait_for_wake();
        } else {
            now_ = target;
            run_due_events();
        }
    }
    end_wait();
    collect_posts();
    if (working_.empty()) return;
    for (detail::ready_node* n = completed.first(); n; n = completed.after(n)) forget_work(n);
}

// Only another thread can go on from here; a script that forgot to complete something is told so.
void scripted_engine::wait_for_wake() noexcept {
    std::unique_lock lock(mutex_);
    const bool woken = woken_.wait_for(lock, std::chrono::seconds(20), [this] { return wake_requested_; });
    LIBASYNC_ASSERT(woken, "the script ran out while the loop waits for something");
    wake_requested_ = false;
}

void scripted_engine::wake() noexcept {
    const std::lock_guard lock(mutex_);
    wake_requested_ = true;
    woken_.notify_one();
}

native_handle scripted_engine::wait_handle() {
    throw std::system_error(std::make_error_code(std::errc::function_not_supported), "wait_handle");
}

}  // namespace async::inline v0::io
