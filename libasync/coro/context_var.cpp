#include <libasync/coro/context_var.hpp>

#include <libasync/coro/control_block.hpp>

namespace async::inline v0::detail {

namespace {

// The values of a thread, where none of its tasks or callbacks runs.
struct values_of_thread {
    ~values_of_thread() {
        if (context_outside_task == &values) context_outside_task = nullptr;
    }
    context_values values;
};

context_values& make_values_of_thread() {
    static thread_local values_of_thread own;
    context_outside_task = &own.values;
    return own.values;
}

// Null where no task runs.
context_values* values_of_task() noexcept {
    task_context* const task = this_core ? running_task(*this_core) : nullptr;
    return task ? &task->values : nullptr;
}

}  // namespace

const context_values* values_here() noexcept {
    const context_values* of_task = values_of_task();
    return of_task ? of_task : context_outside_task;
}

context_values& values_to_change() {
    if (context_values* of_task = values_of_task()) return *of_task;
    return context_outside_task ? *context_outside_task : make_values_of_thread();
}

namespace {

std::string about(const std::string& name, const char* what) { return "context_var '" + name + "': " + what; }

}  // namespace

void throw_unset(const std::string& name) {
    throw std::logic_error(about(name, "it has no value here, and no default"));
}

void check_token(const std::string& name, context_id variable, context_id token_variable, context_id token_owner) {
    if (token_owner == 0) throw std::logic_error(about(name, "the token was used before"));
    if (token_variable != variable) throw std::invalid_argument(about(name, "the token is of another variable"));
    const context_values* here = values_here();
    if (here == nullptr || here->owner() != token_owner) {
        throw std::invalid_argument(about(name, "the token comes from another task, callback or thread"));
    }
}

void take_back_here(context_change& change) noexcept {
    if (context_values* of_task = values_of_task()) {
        change.take_back(*of_task);
    } else if (context_outside_task != nullptr) {
        change.take_back(*context_outside_task);
    }
}

}  // namespace async::inline v0::detail
