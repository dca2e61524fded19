#include <libasync/coro/submit.hpp>

namespace async::inline v0::detail {

// The loop of who waits cannot go meanwhile: whoever waits there takes the mutex before it goes on.
void submission::ended() noexcept {
    const std::lock_guard lock(home_mutex_);
    if (!wake_) return;
    callback* const node = wake_.release();
    if (!node->owner->core().engine->post(*node)) node->release();
}

void submission::awaiter::begin() {
    auto wake = [call = call_] {
        if (awaiter* waiter = call->waiter_) waiter->core().ready.push_back(waiter->node_);
    };
    call_->wake_.reset(new callback(*core().face, std::move(wake), std::source_location::current()));
    call_->waiter_ = this;
    in_flight_ = true;
    try {
        std::unique_lock<std::mutex> lock;
        if (slot_) {
            lock = std::unique_lock(slot_->mutex);
            if (slot_->where == nullptr) throw std::system_error(make_error_code(errc::closed), "submit");
        }
        threadsafe_call::post(call_);
    } catch (...) {
        end();
        throw;
    }
}

void submission::awaiter::end() noexcept {
    if (!in_flight_) return;
    in_flight_ = false;
    call_->waiter_ = nullptr;
    owned<callback> unused;  // refers to the call, and is destroyed without the lock
    const std::lock_guard lock(call_->home_mutex_);
    unused = std::move(call_->wake_);
}

// Destroyed where it waits: nobody will read the outcome.
submission::awaiter::~awaiter() {
    node_.unlink_if_linked();
    if (!in_flight_) return;
    call_->drop_future();
    call_->cancel();
    end();
}

}  // namespace async::inline v0::detail
