#include <libasync/testing/suspension_watch.hpp>

#include <stdexcept>

namespace async::inline v0::detail {

namespace {

// Calls `f` with each task that runs in `s` or below, until it returns true. True if it did.
template <class F>
bool any_context(scope& s, const F& f) {
    if (s.owner != nullptr && s.owner->current_scope == &s && f(*s.owner)) return true;
    for (scope* child = s.first_child; child; child = child->next_sibling) {
        if (any_context(*child, f)) return true;
    }
    return false;
}

}  // namespace

suspension_watch::suspension_watch(testing::cancel_point point, time_point deadline,
                                   std::chrono::microseconds hesitation) noexcept
    : point_(point),
      deadline_(deadline),
      hesitation_(hesitation),
      probe_(*this,
             [](ready_node* node) noexcept {
                 suspension_watch& self = static_cast<own_node*>(node)->watch;
                 self.after_step();
                 self.look_at_next();
                 return false;
             }),
      later_(*this, [](ready_node* node) noexcept {
          suspension_watch& self = static_cast<own_node*>(node)->watch;
          self.hesitate();
          self.deliver();
          return false;
      }) {}

namespace {

task<void> cancel_from_beside(test_gate& opens, suspension_watch& watch, void (*deliver)(suspension_watch&) noexcept) {
    co_await opens.pass();
    deliver(watch);
}

}  // namespace

task_handle<void> suspension_watch::start_sibling() {
    if (point_.delivery != testing::cancel_delivery::from_sibling) return {};
    return create_task(cancel_from_beside(gate_, *this, [](suspension_watch& w) noexcept { w.deliver(); }), "sibling");
}

task<void> suspension_watch::end_sibling(task_handle<void> sibling) {
    if (!sibling) co_return;
    gate_.open(core_->ready);
    co_await sibling;
}

void suspension_watch::begin(loop_core& core, scope& top) {
    if (std::exchange(began_, true)) throw std::logic_error("a scenario has one part under test");
    core_ = &core;
    top_ = &top;
    inner_ = std::exchange(core.hook, this);
    if (deadline_ != time_point::max() && deadline_ > core.engine->clock()) {
        timer_.emplace(top);
        timer_->arm(core, deadline_);
    }
}

void suspension_watch::begin(loop_core& core, destroyable& victim) {
    begin(core, victim.promise().top);
    victim_ = &victim;
}

void suspension_watch::end() noexcept {
    if (core_ == nullptr || top_ == nullptr) return;
    if (timer_ && top_->called) delivered_ = true;
    timer_.reset();
    probe_.unlink_if_linked();
    later_.unlink_if_linked();
    core_->hook = inner_;
    top_ = nullptr;
    victim_ = nullptr;
}

const promise_base* suspension_watch::innermost(const task_context& c) const noexcept {
    const bool is_victim = victim_ != nullptr && &c == &victim_->promise().own;
    const promise_base* p = is_victim ? &victim_->promise() : static_cast<const control_block&>(c).root;
    while (p != nullptr && p->child != nullptr) p = p->child;
    return p;
}

task_context* suspension_watch::stepping_with(std::coroutine_handle<> h) const noexcept {
    task_context* found = nullptr;
    if (!h) return found;
    any_context(*top_, [&](task_context& c) {
        const promise_base* p = innermost(c);
        if (p == nullptr || p->self != h) return false;
        found = &c;
        return true;
    });
    return found;
}

bool suspension_watch::lives(const task_context& c) const noexcept {
    return any_context(*top_, [&](const task_context& other) { return &other == &c; });
}

bool suspension_watch::has_step_in(ready_list& steps) const noexcept {
    for (ready_node* n = steps.first(); n; n = steps.after(n)) {
        if (stepping_with(n->handle)) return true;
    }
    return false;
}

bool suspension_watch::is_recorded() noexcept {
    return has_step_in(core_->ready) || has_step_in(core_->engine->completed) || has_step_in(*batch_);
}

std::source_location suspension_watch::waits_at() const noexcept {
    std::source_location at{};
    if (top_ == nullptr) return at;
    any_context(*top_, [&](const task_context& c) {
        if (const promise_base* p = innermost(c)) at = p->where;
        return true;
    });
    return at;
}

void suspension_watch::before_steps(ready_list& steps) noexcept {
    if (inner_) inner_->before_steps(steps);
    batch_ = &steps;
    stepping_ = nullptr;
    look_at_next();
}

// Puts the probe behind the next step. A cancellation may take that step out of the queue, so it is looked at again.
void suspension_watch::look_at_next() noexcept {
    probe_.unlink_if_linked();
    for (;;) {
        if (top_ == nullptr || batch_->empty()) return;
        stepping_ = stepping_with(batch_->front()->handle);
        if (stepping_ == nullptr || stepping_ != awaited_) break;
        awaited_ = nullptr;
        if (deadline_ == time_point::max() || timer_) ended_at_ = core_->now();
        if (point_.delivery != testing::cancel_delivery::deadline_at_completion) deliver();
    }
    ready_node& next = *batch_->pop_front();
    batch_->push_front(probe_);
    batch_->push_front(next);
}

void suspension_watch::after_step() noexcept {
    task_context* c = std::exchange(stepping_, nullptr);
    if (top_ != nullptr && c != nullptr && lives(*c)) suspended(*c);
}

void suspension_watch::suspended(task_context& c) noexcept {
    if (suspensions_++ != point_.suspension) return;
    reached_ = true;
    where_ = innermost(c)->where;
    switch (point_.delivery) {
        case testing::cancel_delivery::at_once: deliver(); break;
        case testing::cancel_delivery::next_turn: core_->ready.push_back(later_); break;
        case testing::cancel_delivery::when_completion_is_queued:
        case testing::cancel_delivery::destruction_at_completion:
        case testing::cancel_delivery::deadline_at_completion: awaited_ = &c; break;
        case testing::cancel_delivery::twice:
            deliver();
            core_->ready.push_back(later_);
            break;
        case testing::cancel_delivery::from_sibling: gate_.open(*batch_); break;
        case testing::cancel_delivery::by_destruction: deliver(); break;
    }
}

void suspension_watch::deliver() noexcept {
    if (top_ == nullptr) return;  // it has ended
    if (!std::exchange(delivered_, true)) nothing_recorded_ = !is_recorded();
    end_part();
}

void suspension_watch::end_part() noexcept {
    if (victim_ == nullptr) return top_->cancel();
    test_gate& over = *victim_->promise().over;
    top_ = nullptr;
    core_->hook = inner_;
    std::exchange(victim_, nullptr)->destroy();
    over.open(core_->ready);
}

void suspension_watch::give_up() noexcept {
    awaited_ = nullptr;
    if (top_ != nullptr) end_part();
}

void suspension_watch::hesitate() const noexcept {
    if (hesitation_.count() == 0) return;
    const auto stop = std::chrono::steady_clock::now() + hesitation_;
    while (std::chrono::steady_clock::now() < stop) {
    }
}

}  // namespace async::inline v0::detail
