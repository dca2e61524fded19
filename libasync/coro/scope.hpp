// The mechanism of cancellation: a tree of scopes, each with a flag that is pushed down to where it is read.
//
// Cancellation is a level, not an edge: once a scope is cancelled, every await inside raises `cancelled` until the
// scope is left. A task runs in one scope at a time, its innermost; the task keeps a copy of that scope's effective
// flag, so a check is one load.
#pragma once

#include <coroutine>
#include <cstdint>

#include <libasync/detail/exchange.hpp>
#include <libasync/detail/list.hpp>
#include <libasync/loop/context.hpp>

namespace async::inline v0::detail {

struct loop_core;
struct task_context;

struct scope {
    enum class shield : bool { no, yes };

    scope() = default;
    scope(const scope&) = delete;
    scope& operator=(const scope&) = delete;
    ~scope() { detach(); }

    // Hangs the scope under `parent`, and takes over its cancellation unless shielded. `owner` is the task that runs
    // inside; null for a scope that only has children.
    void attach(scope& parent, task_context* owner) noexcept;
    void detach() noexcept;

    // Hangs the scope, with all that is below, under another parent, and takes over that one's cancellation; its own stays.
    void move_to(scope& parent) noexcept;

    // Begins or ends to keep away what comes from above: here and below the flags are as if it had always been so.
    void set_shielded(bool on) noexcept;

    // Sets the flag here and below, and asks every task that waits inside to stop. Resumes nothing.
    void cancel() noexcept;

    // Whether a `cancelled` that arrives at this scope was meant for it alone.
    bool absorbs() const noexcept { return called && !(parent && !shielded && parent->effective); }

    scope* parent = nullptr;
    scope* first_child = nullptr;
    scope* next_sibling = nullptr;  // in the order in which they came; null after the last
    scope* prev_sibling = nullptr;  // before the first: the last
    task_context* owner = nullptr;
    scope* next_to_cancel = nullptr;  // while its cancellation is being pushed down
    bool called = false;              // cancelled itself
    bool effective = false;           // cancelled itself or from above
    bool shielded = false;

private:
    void link_to(scope& under) noexcept;
    void unlink_from_parent() noexcept;
    void push_down_in_turn() noexcept;
    void push_down() noexcept;
    void take_back() noexcept;
};

inline void scope::attach(scope& under, task_context* inside) noexcept {
    LIBASYNC_ASSERT(parent == nullptr, "a scope is entered once at a time");
    owner = inside;
    link_to(under);
    effective = called || (!shielded && under.effective);
}

inline void scope::link_to(scope& under) noexcept {
    parent = &under;
    if (scope* first = under.first_child) {
        prev_sibling = detail::exchange(first->prev_sibling, this);
        prev_sibling->next_sibling = this;
    } else {
        under.first_child = prev_sibling = this;
    }
}

inline void scope::unlink_from_parent() noexcept {
    (parent->first_child == this ? parent->first_child : prev_sibling->next_sibling) = next_sibling;
    if (scope* after = next_sibling ? next_sibling : parent->first_child) after->prev_sibling = prev_sibling;
    parent = next_sibling = prev_sibling = nullptr;
}

inline void scope::detach() noexcept {
    if (parent == nullptr) return;
    LIBASYNC_ASSERT(first_child == nullptr, "scopes are left innermost first");
    unlink_from_parent();
    owner = nullptr;
}

// Numbers the calls of `scope::cancel` on this thread, together with those that follow from them.
std::uint64_t cancel_round() noexcept;

// Where a task is suspended. Part of each awaiter that ends in the scheduler or the engine.
struct leaf;

// What the awaits of one task share: the loop, the innermost scope, and the place where it waits.
struct task_context {
    loop_core* loop = nullptr;
    scope* current_scope = nullptr;
    leaf* waiting = nullptr;
    context_values values;   // of context variables; children inherit them
    std::uint32_t host = 0;  // the machine of a simulated world that the task runs on; children inherit it
    bool cancelled = false;  // copy of current_scope->effective
    bool is_task = false;    // part of a control block

    void enter(scope& s) noexcept;
    void leave(scope& s) noexcept;
};

// The scope of a block: entered by the constructor, left by the destructor.
class scope_entry {
public:
    scope_entry(task_context& context, scope& s) noexcept : context_(context), scope_(s) { context_.enter(scope_); }
    scope_entry(const scope_entry&) = delete;
    scope_entry& operator=(const scope_entry&) = delete;
    ~scope_entry() { context_.leave(scope_); }

private:
    task_context& context_;
    scope& scope_;
};

}  // namespace async::inline v0::detail
