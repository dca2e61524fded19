#include <libasync/testing/sequencer.hpp>

#include <string>

namespace async::inline v0::testing {

sequence_step::~sequence_step() {
    if (owner_) owner_->end_step();
}

sequencer::~sequencer() {
    LIBASYNC_ASSERT(!begun_, "a sequencer outlives the steps that have begun");
    break_off();
}

bool sequencer::used(std::size_t number) noexcept {
    if (number < next_ || (number == next_ && begun_)) return true;
    for (awaiter* a = waiting_.first(); a; a = waiting_.after(a)) {
        if (a->number_ == number) return true;
    }
    return false;
}

void sequencer::end_step() noexcept {
    begun_ = false;
    ++next_;
    for (awaiter* a = waiting_.first(); a; a = waiting_.after(a)) {
        if (a->number_ != next_) continue;
        begun_ = true;
        a->outcome_ = awaiter::outcome::begun;
        return a->go_on();
    }
}

// Those that wait are told in the next turn.
void sequencer::break_off() noexcept {
    broken_ = true;
    while (!waiting_.empty()) {
        awaiter& a = *waiting_.front();
        a.outcome_ = awaiter::outcome::broken;
        a.go_on();
        a.sequencer_ = nullptr;
    }
}

sequencer::awaiter::~awaiter() {
    // Destroyed before it could go on: the step will never be.
    if (outcome_ == outcome::begun) {
        sequencer_->begun_ = false;
        sequencer_->break_off();
    } else if (linked()) {
        unlink();
        sequencer_->break_off();
    }
    node_.unlink_if_linked();
}

bool sequencer::awaiter::begin_or_wait() noexcept {
    if (sequencer_->broken_) {
        outcome_ = outcome::broken;
        return false;
    }
    if (number_ == sequencer_->next_) {
        sequencer_->begun_ = true;
        outcome_ = outcome::begun;
        return false;
    }
    sequencer_->waiting_.push_back(*this);
    wait();
    return true;
}

void sequencer::awaiter::go_on() noexcept {
    unlink();
    core().ready.push_back(node_);
}

void sequencer::awaiter::stop(leaf& l) noexcept {
    auto& self = static_cast<awaiter&>(l);
    if (self.outcome_ != outcome::none) return;
    self.outcome_ = outcome::stopped;
    self.go_on();
    self.sequencer_->break_off();
}

sequence_step sequencer::awaiter::await_resume() {
    leave();
    const outcome got = std::exchange(outcome_, outcome::none);
    if (got == outcome::stopped) cancelled_access::raise();
    if (got == outcome::broken) {
        throw std::runtime_error("the sequence is broken: step " + std::to_string(number_) + " cannot begin");
    }
    return sequence_step(*sequencer_);
}

}  // namespace async::inline v0::testing
