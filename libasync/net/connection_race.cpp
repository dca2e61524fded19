#include <libasync/net/connection_race.hpp>

namespace async::inline v0::detail {

void connection_race::start(const endpoint& to, task<tcp_stream> t) {
    attempts_.push_back({to, spawn(core(), children_scope(), std::move(t), {}, std::source_location::current())});
    adopt(*attempts_.back().task, &connection_race::child_done);
}

// A stream that comes too late goes with its task, which closes it.
void connection_race::child_done(control_block& child) noexcept {
    auto& race = *static_cast<connection_race*>(static_cast<child_group*>(child.on_done_argument));
    if (child.outcome_kind == task_outcome::value && race.winner_ == nullptr) {
        race.winner_ = static_cast<block*>(&child);
        race.children_scope().cancel();
    } else if (child.outcome_kind == task_outcome::exception) {
        child.outcome_read = true;
        race.note_failure(child);
    }
    if (race.paused_) race.paused_->wake();
    race.one_ended();
}

void connection_race::note_failure(const control_block& child) noexcept {
    const attempt* failed = attempts_.data();
    while (failed->task.get() != &child) ++failed;
    try {
        std::rethrow_exception(child.exception());
    } catch (const std::system_error& e) {
        failures_.push_back({failed->to, e.code()});
    } catch (...) {
        fail(std::current_exception());
    }
}

tcp_stream connection_race::take_winner(const std::string& what) {
    if (winner_) return winner_->outcome.take();
    if (failure_) std::rethrow_exception(failure_);
    if (failures_.size() != attempts_.size()) cancelled_access::raise();
    throw connect_error(what, std::move(failures_));
}

}  // namespace async::inline v0::detail
