#include <libasync/coro/current_task.hpp>

namespace async::inline v0 {

task_ref try_current_task() noexcept {
    return task_ref(detail::this_core ? detail::task_of(detail::this_core->current) : nullptr);
}

task_ref current_task() {
    if (task_ref current = try_current_task()) return current;
    throw std::logic_error("current_task: no task runs here");
}

std::vector<task_ref> all_tasks() {
    auto& all = detail::require_core("all_tasks").tasks->all;
    std::vector<task_ref> tasks;
    for (detail::task_link* t = all.first(); t; t = all.after(t)) {
        tasks.emplace_back(static_cast<detail::control_block*>(t));
    }
    return tasks;
}

}  // namespace async::inline v0
