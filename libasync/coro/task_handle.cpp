#include <libasync/coro/task_handle.hpp>

namespace async::inline v0::detail {

void require_awaitable_here(const control_block& task, const task_context& waiter) {
    if (task.loop == nullptr) return;
    if (task.loop != waiter.loop) {
        throw std::logic_error("task '" + task.display_name() + "' belongs to another loop and cannot be awaited here");
    }
    for (const scope* s = waiter.current_scope; s; s = s->parent) {
        if (s != &task.own_scope) continue;
        throw std::logic_error("task '" + task.display_name() +
                               "' cannot wait for itself, nor can what it waits for");
    }
}

}  // namespace async::inline v0::detail
