#include <libasync/coro/promise_base.hpp>

#include <libasync/coro/control_block.hpp>

namespace async::inline v0::detail {

void final_awaiter::hand_over(promise_base& p, task_state state) noexcept {
    loop_core& core = *p.context->loop;
    if (state == task_state::parent_suspended) {
        core.next = p.parent->self;
    } else {
        core.epilogue = static_cast<control_block*>(p.context);
    }
}

void destroy_chain(promise_base& p) noexcept {
    promise_base* innermost = &p;
    while (innermost->child) innermost = innermost->child;
    while (innermost != &p) {
        promise_base* parent = innermost->parent;
        *innermost->owner = nullptr;
        innermost->self.destroy();
        innermost = parent;
    }
    p.self.destroy();
}

}  // namespace async::inline v0::detail
