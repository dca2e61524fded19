#include <libasync/coro/control_block.hpp>

#include <atomic>

#include <libasync/loop/callback.hpp>

namespace async::inline v0::detail {

task_context& context_outside_tasks() { return require_core("co_await").tasks->outside; }

control_block::~control_block() = default;

void control_block::prepare(loop_core& core, scope& parent, promise_base& p) noexcept {
    root = &p;
    p.context = this;
    p.state = task_state::spawned;
    loop = &core;
    is_task = true;
    number = ++core.tasks->created;
    if (core.current) host = core.current->host;
    const task_context* const creator = running_task(core);
    if (const context_values* inherited = creator ? &creator->values : context_outside_task) values = *inherited;
    current_scope = &own_scope;
    own_scope.attach(parent, this);
    cancelled = own_scope.effective;
    core.tasks->all.push_back(*this);
    retain();
    handle = p.self;
    run = &control_block::start;
}

std::string control_block::display_name() const { return given_name ? *given_name : "task-" + std::to_string(number); }

bool control_block::start(ready_node* node) noexcept {
    auto* self = static_cast<control_block*>(node);
    if (!self->cancelled) {
        self->begin();
        return true;
    }
    // Cancelled before its first step: the body never runs.
    self->destroy(std::exchange(self->root, nullptr)->self);
    self->finish(task_outcome::cancelled);
    return false;
}

// What the destructors of its parameters do, the task does.
void control_block::destroy(std::coroutine_handle<> frame) noexcept {
    loop->current = this;
    frame.destroy();
    loop->current = nullptr;
}

namespace {

task_outcome kind_of(const std::exception_ptr& exception) noexcept {
    try {
        std::rethrow_exception(exception);
    } catch (const cancelled&) {
        return task_outcome::cancelled;
    } catch (...) {
        return task_outcome::exception;
    }
}

}  // namespace

bool control_block::end(ready_node* node) noexcept {
    auto* self = static_cast<control_block*>(node);
    const std::coroutine_handle<> frame = self->root->self;
    const bool threw = self->collect(*std::exchange(self->root, nullptr));
    self->destroy(frame);
    self->finish(threw ? kind_of(self->exception()) : task_outcome::value);
    return false;
}

void control_block::finish(task_outcome outcome) noexcept {
    values = {};
    outcome_kind = outcome;
    own_scope.detach();
    static_cast<task_link*>(this)->unlink();
    loop->ready.splice_back(joiners);
    loop->ready.splice_back(done_callbacks);
    if (on_done) on_done(*this);
    if (references > 1) loop->tasks->ended.push_back(static_cast<task_link&>(*this));
    release();
}

void control_block::add_done_callback(unique_function<void()> fn) {
    done_callbacks.push_back(*new callback(*loop->face, std::move(fn), created));
}

void control_block::nobody_reads() noexcept {
    if (references != 0 && watchers == many_watchers) return;  // or perhaps somebody does
    if (unread()) {
        ++references;  // whoever is told may drop the last of the others
        report_unread();
        --references;
    }
    if (references != 0) return;
    static_cast<task_link*>(this)->unlink_if_linked();
    delete this;
}

void control_block::report_unread() noexcept {
    outcome_read = true;
    try {
        loop->face->report({"nobody waited for the failure of task", display_name(), created, exception()});
    } catch (...) {  // no memory for the name
        loop->face->report({"nobody waited for the failure of task", name(), created, exception()});
    }
}

std::uint64_t task_registry::next_id() noexcept {
    static std::atomic<std::uint64_t> made{0};
    return ++made;
}

task_registry::~task_registry() {
    while (!ended.empty()) {
        const block_ptr<control_block> block(static_cast<control_block*>(ended.pop_front()));
        if (block->unread()) block->report_unread();
        block->loop = nullptr;
    }
    while (!guests.empty()) {
        loop_guest& guest = *guests.pop_front();
        guest.loop_goes(guest);
    }
}

}  // namespace async::inline v0::detail
