#include <libasync/coro/scope.hpp>

#include <libasync/coro/leaf.hpp>

namespace async::inline v0::detail {

namespace {

// Asking a task to stop may cancel a further scope (that of a task it joins), so the scopes stand in a queue: a
// chain of joins of any length is worked off without recursion.
struct cancel_queue {
    scope* first = nullptr;
    scope* last = nullptr;
    bool busy = false;
    std::uint64_t round = 0;
};
constinit thread_local cancel_queue to_cancel;

void stop(scope& s) noexcept {
    task_context* context = s.owner;
    if (context == nullptr || context->current_scope != &s) return;
    context->cancelled = true;
    if (context->waiting) context->waiting->cancel(*context->waiting);
}

// The next scope below `top` in the order of a walk that skips what lies below `s` if `descend` is false.
scope* next_in_walk(scope* s, const scope* top, bool descend) noexcept {
    if (descend && s->first_child) return s->first_child;
    while (s != top) {
        if (s->next_sibling) return s->next_sibling;
        s = s->parent;
    }
    return nullptr;
}

}  // namespace

void scope::push_down() noexcept {
    if (effective) return;
    effective = true;
    stop(*this);
    scope* s = next_in_walk(this, this, true);
    while (s) {
        const bool reached = !s->shielded && !s->effective;
        if (reached) {
            s->effective = true;
            stop(*s);
        }
        s = next_in_walk(s, this, reached);
    }
}

// The walk of push_down with the opposite sign.
void scope::take_back() noexcept {
    for (scope* s = this; s;) {
        const bool changed = s->effective && !s->called && (s->shielded || !s->parent->effective);
        if (changed) {
            s->effective = false;
            if (s->owner && s->owner->current_scope == s) s->owner->cancelled = false;
        }
        s = next_in_walk(s, this, changed);
    }
}

void scope::set_shielded(bool on) noexcept {
    if (shielded == on) return;
    shielded = on;
    if (parent == nullptr || !parent->effective) return;
    on ? take_back() : push_down_in_turn();
}

void scope::cancel() noexcept {
    if (called) return;
    called = true;
    push_down_in_turn();
}

void scope::push_down_in_turn() noexcept {
    (to_cancel.last ? to_cancel.last->next_to_cancel : to_cancel.first) = this;
    to_cancel.last = this;
    if (to_cancel.busy) return;
    to_cancel.busy = true;
    ++to_cancel.round;
    while (scope* s = to_cancel.first) {
        to_cancel.first = s->next_to_cancel;
        if (to_cancel.first == nullptr) to_cancel.last = nullptr;
        s->next_to_cancel = nullptr;
        s->push_down();
    }
    to_cancel.busy = false;
}

void scope::move_to(scope& under) noexcept {
    const bool was_cancelled = effective;
    unlink_from_parent();
    link_to(under);
    if (was_cancelled) {
        called = true;
    } else if (!shielded && under.effective) {
        push_down_in_turn();
    }
}

std::uint64_t cancel_round() noexcept { return to_cancel.round; }

void task_context::enter(scope& s) noexcept {
    s.attach(*current_scope, this);
    current_scope = &s;
    cancelled = s.effective;
}

void task_context::leave(scope& s) noexcept {
    LIBASYNC_ASSERT(current_scope == &s, "scopes are left innermost first");
    current_scope = s.parent;
    cancelled = current_scope->effective;
    s.detach();
}

}  // namespace async::inline v0::detail
