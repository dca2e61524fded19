#include <libasync/coro/wait.hpp>

#include <algorithm>

namespace async::inline v0::detail {

wait_awaiter::wait_awaiter(watched_tasks tasks, when until, time_point deadline) noexcept
    : leaf(&wait_awaiter::stop),
      tasks_(std::move(tasks)),
      until_(until),
      deadline_(deadline) {
    timer_.run = [](ready_node*) noexcept { return true; };
}

wait_awaiter::~wait_awaiter() {
    give_up();
    delete[] watchers_;
}

bool wait_awaiter::satisfied() const noexcept {
    const auto ended = [](const auto& t) { return t->done(); };
    const auto failed = [](const auto& t) { return t->outcome_kind == task_outcome::exception; };
    if (until_ == when::first_completed) return std::any_of(tasks_.begin(), tasks_.end(), ended);
    if (until_ == when::first_exception && std::any_of(tasks_.begin(), tasks_.end(), failed)) return true;
    return std::all_of(tasks_.begin(), tasks_.end(), ended);
}

void wait_awaiter::watch_all(std::coroutine_handle<> h) {
    for (const auto& t : tasks_) {
        if (!t->done()) require_awaitable_here(*t, *context);
    }
    watchers_ = new watcher[tasks_.size()];
    if (deadline_ != time_point::max()) core().timers.set(timer_, deadline_);
    for (std::size_t i = 0; i < tasks_.size(); ++i) {
        if (tasks_[i]->done()) continue;
        watcher& w = watchers_[i];
        w.waiter = this;
        w.task = tasks_[i].get();
        w.handle = h;
        w.run = [](ready_node* node) noexcept {
            const auto* self = static_cast<watcher*>(node);
            return self->waiter->satisfied_by(*self->task);
        };
        tasks_[i]->joiners.push_back(w);
        ++pending_;
    }
}

void wait_awaiter::give_up() noexcept {
    if (timer_.armed()) core().timers.cancel(timer_);
    timer_.unlink_if_linked();
    if (!watchers_) return;
    for (std::size_t i = 0; i < tasks_.size(); ++i) watchers_[i].unlink_if_linked();
}

void wait_awaiter::stop(leaf& l) noexcept {
    auto& self = static_cast<wait_awaiter&>(l);
    if (self.stopped_ || self.time_is_over() || self.satisfied()) return;
    self.give_up();
    self.stopped_ = true;
    self.core().ready.push_back(self.timer_);
}

wait_result wait_awaiter::await_resume() {
    leave();
    give_up();
    if (stopped_) cancelled_access::raise();
    wait_result result;
    for (std::size_t i = 0; i < tasks_.size(); ++i) (tasks_[i]->done() ? result.done : result.pending).push_back(i);
    return result;
}

}  // namespace async::inline v0::detail
