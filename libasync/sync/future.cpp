#include <libasync/sync/future.hpp>

#include <string>

#include <libasync/loop/callback.hpp>

namespace async::inline v0 {

broken_promise::broken_promise(const char* why) : std::runtime_error(why) {}
broken_promise::~broken_promise() = default;

namespace detail {

namespace {

bool is_cancellation(const std::exception_ptr& exception) noexcept {
    try {
        std::rethrow_exception(exception);
    } catch (const cancelled&) {
        return true;
    } catch (...) {
        return false;
    }
}

// Callbacks of a loop that goes, which will not be called.
void drop_callbacks(ready_list& waiting) noexcept {
    ready_list tasks;
    while (!waiting.empty()) {
        ready_node* node = waiting.pop_front();
        if (node->run != &callback::call) {
            tasks.push_back(*node);
            continue;
        }
        auto* dropped = static_cast<callback*>(node);
        dropped->function.reset();
        dropped->release();
    }
    waiting.splice_back(tasks);
}

}  // namespace

void future_state::require_same_loop(const loop_core& core, const char* operation) const {
    if (waiting_.empty() || loop_ == &core) return;
    throw std::logic_error(std::string(operation) + ": tasks of another loop wait for the same object");
}

void future_state::require_unset(const char* operation) const {
    if (done()) throw std::logic_error(std::string(operation) + ": the promise was set before");
    if (this_core) require_same_loop(*this_core, operation);
}

void future_state::set_exception(std::exception_ptr exception) {
    require_unset("promise::set_exception");
    if (!exception) throw std::invalid_argument("promise::set_exception: there is none");
    if (is_cancellation(exception)) return end(kind::cancelled);
    exception_ = std::move(exception);
    end(kind::exception);
}

void future_state::end(kind k) noexcept {
    kind_ = k;
    loop_core* const waited_in = waiting_.empty() ? nullptr : loop_;
    if (waited_in) waited_in->ready.splice_back(waiting_);
    unlink_if_linked();
    loop_ = this_core ? this_core : waited_in;
    if (k == kind::exception && loop_ && loop_->tasks) loop_->tasks->guests.push_back(*this);
}

void future_state::add_waiter(ready_node& waiter, loop_core& core) {
    require_same_loop(core, "co_await of a future");
    loop_ = &core;
    waiting_.push_back(waiter);
}

void future_state::add_done_callback(unique_function<void()> fn, std::source_location created) {
    loop_core& core = require_core("future::add_done_callback");
    if (done()) {
        core.face->call_soon(std::move(fn), created);
        return;
    }
    require_same_loop(core, "future::add_done_callback");
    waiting_.push_back(*new callback(*core.face, std::move(fn), created));
    loop_ = &core;
    if (!linked() && core.tasks) core.tasks->guests.push_back(*this);
}

void future_state::note_read() noexcept {
    read_ = true;
    unlink_if_linked();
}

const char* future_state::why_broken() const noexcept {
    if (kind_ == kind::abandoned) return "the promise went without being set";
    if (kind_ == kind::cancelled) return "who was to set the promise was cancelled";
    return nullptr;
}

void future_state::read() {
    note_read();
    if (exception_) std::rethrow_exception(exception_);
    if (const char* why = why_broken()) throw broken_promise(why);
}

std::exception_ptr future_state::exception() {
    if (const char* why = why_broken()) return std::make_exception_ptr(broken_promise(why));
    note_read();
    return exception_;
}

// To the log without a loop.
void future_state::report(loop* to) noexcept {
    note_read();
    const exception_context context{"nobody read the exception of a promise", {}, created_, exception_};
    if (to) {
        to->report(context);
    } else {
        log_report(context);
    }
}

void future_state::drop() noexcept {
    if (unread()) report(linked() ? loop_->face : nullptr);
    unlink_if_linked();
    delete this;
}

void future_state::loop_is_gone(loop_guest& guest) noexcept {
    auto& self = static_cast<future_state&>(guest);
    const block_ptr<future_state> meanwhile(&self);
    if (self.unread()) self.report(self.loop_->face);
    drop_callbacks(self.waiting_);
}

void future_waiter::require_state() const {
    if (!state_) throw std::logic_error("co_await of an empty future");
}

void future_waiter::stop(leaf& l) noexcept {
    auto& self = static_cast<future_waiter&>(l);
    if (self.stopped_ || self.state_->done()) return;
    self.stopped_ = true;
    self.node_.unlink();
    self.core().ready.push_back(self.node_);
}

}  // namespace detail

}  // namespace async::inline v0
