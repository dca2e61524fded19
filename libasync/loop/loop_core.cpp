#include <libasync/loop/loop_core.hpp>

#include <algorithm>
#include <stdexcept>
#include <string>

#include <libasync/loop/log.hpp>

namespace async::inline v0::detail {

constinit thread_local loop_core* this_core = nullptr;

loop_core& require_core(const char* operation) {
    if (this_core == nullptr) throw std::system_error(make_error_code(errc::no_loop), operation);
    return *this_core;
}

namespace {

constexpr time_point no_wait = time_point::min();
constexpr time_point for_ever = time_point::max();

}  // namespace

[[gnu::hot]] void loop_core::turn(wait may_wait) {
    ++turns;
    const bool skip_visit =
        !ready.empty() && !engine->has_queued() && !engine->has_news() && steps_since_visit < max_steps_between_visits;
    if (!skip_visit) {
        visit(may_wait);
    } else if (!engine->completed.empty()) [[unlikely]] {
        ready.splice_back(engine->completed);  // recorded outside of a visit, by a destructor that had to wait
    }
    run_ready();
}

[[gnu::hot]] void loop_core::visit(wait may_wait) {
    steps_since_visit = 0;
    const bool somebody_asks = ready.empty() && !when_idle.empty();
    if (may_wait == wait::yes && ready.empty() && !somebody_asks) {
        wait_for_engine();
    } else {
        engine->visit(no_wait);
    }
    now_known_ = false;
    ready.splice_back(engine->completed);
    if (!timers.empty()) timers.collect_due(now(), ready);
    if (somebody_asks && ready.empty()) {
        ++idle_rounds;
        ready.splice_back(when_idle);
    }
}

[[gnu::hot]] void loop_core::wait_for_engine() {
    const time_point deadline = timers.empty() ? for_ever : timers.next();
    engine->linger();
    if (spin.count() != 0) {
        wait_with_spin(deadline);
    } else {
        engine->visit(deadline);
    }
}

// Polls before it sleeps, as long as polling has paid off lately: the credit rises when something came within the
// budget and falls when nothing did; without credit every 16th wait tries again.
void loop_core::wait_with_spin(time_point deadline) {
    constexpr unsigned max_credit = 8;
    if (spin_credit == 0 && turns % 16 != 0) return engine->visit(deadline);
    const bool can_tell = engine->can_tell_news();
    engine->visit(no_wait);
    const time_point stop = std::min(deadline, engine->clock() + spin);
    while (engine->completed.empty() && engine->clock() < stop) {
        if (!can_tell || engine->has_news()) engine->visit(no_wait);
    }
    if (!engine->completed.empty()) {
        spin_credit = std::min(spin_credit + 1, max_credit);
        return;
    }
    if (spin_credit != 0) --spin_credit;
    engine->visit(deadline);
}

[[gnu::hot]] void loop_core::run_ready() {
    batch_.splice_back(ready);
    if (hook != nullptr) [[unlikely]]
        hook->before_steps(batch_);
    try {
        while (!batch_.empty()) {
            ready_node& node = *batch_.pop_front();
            ++steps;
            ++steps_since_visit;
            if (slow_step.count() == 0) [[likely]] {
                run_step(node);
            } else {
                run_step_timed(node);
            }
        }
    } catch (...) {  // from a coroutine that is no task: the others run in the next turn
        current = nullptr;
        batch_.splice_back(ready);
        ready.splice_back(batch_);
        throw;
    }
}

void loop_core::check_thread(const char* operation) const {
    if (debug && this_thread_identity() != owner) {
        throw std::logic_error(std::string(operation) + ": the loop belongs to another thread; use loop.post");
    }
}

void loop_core::run_step_timed(ready_node& node) {
    const auto started = std::chrono::steady_clock::now();
    run_step(node);
    const auto took = std::chrono::steady_clock::now() - started;
    if (took < slow_step) return;
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
    log(log_level::warning, "a step of the loop took " + std::to_string(ms) + " ms");
}

}  // namespace async::inline v0::detail
