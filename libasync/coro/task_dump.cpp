#include <libasync/coro/task_dump.hpp>

#include <libasync/coro/control_block.hpp>

namespace async::inline v0::detail {

namespace {

constexpr unsigned most_tasks = 200;
constexpr unsigned most_awaits = 50;

void append_place(std::string& text, const std::source_location& where) {
    text.append(where.file_name()).append(":").append(std::to_string(where.line()));
}

void append_awaits(std::string& text, const promise_base* p) {
    unsigned awaits = 0;
    for (; p != nullptr; p = p->child) {
        if (++awaits > most_awaits) {
            text.append("\n    ... and so on");
            return;
        }
        text.append("\n    awaits at ");
        append_place(text, p->where);
        text.append(", in ").append(p->where.function_name());
    }
}

void append_task(std::string& text, const control_block& task) {
    text.append("\n  task '").append(task.display_name()).append("', created at ");
    append_place(text, task.created);
    if (task.cancelled) text.append(", cancelled");
    if (task.root == nullptr) return;
    if (task.root->where.line() == 0) {
        text.append("\n    has not begun");
    } else {
        append_awaits(text, task.root);
    }
}

}  // namespace

std::string describe_tasks(loop_core& core) {
    std::string text;
    unsigned count = 0;
    list<task_link>& all = core.tasks->all;
    for (task_link* t = all.first(); t; t = all.after(t)) {
        if (++count > most_tasks) continue;
        append_task(text, *static_cast<const control_block*>(t));
    }
    if (count > most_tasks) text.append("\n  and ").append(std::to_string(count - most_tasks)).append(" more tasks");
    return text;
}

}  // namespace async::inline v0::detail
