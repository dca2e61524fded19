#include <libasync/coro/run_coroutine_threadsafe.hpp>

namespace async::inline v0::detail {

threadsafe_call::~threadsafe_call() = default;

// Starts the task when it is called; if it goes without having been called, the task will never run.
class threadsafe_call::starter {
public:
    explicit starter(std::shared_ptr<threadsafe_call> call) noexcept : call_(std::move(call)) {}
    starter(starter&&) noexcept = default;
    starter& operator=(starter&&) = delete;
    ~starter() {
        if (call_) call_->lost();
    }

    void operator()() {
        threadsafe_call& call = *call_;
        call.begin(std::move(call_));
    }

private:
    std::shared_ptr<threadsafe_call> call_;
};

namespace {

std::system_error closed_error(const char* operation) { return {make_error_code(errc::closed), operation}; }

}  // namespace

void threadsafe_call::post(const std::shared_ptr<threadsafe_call>& call) {
    starter start(call);
    loop& where = *call->where_;
    auto cancel = [call] {
        if (call->block_ != nullptr && !call->block_->done()) call->block_->own_scope.cancel();
    };
    call->cancellation_.reset(new callback(where, std::move(cancel), call->created_));
    auto node = std::make_unique<callback>(where, std::move(start), call->created_);
    if (!where.core().engine->post(*node)) throw closed_error(call->operation());
    node.release();  // the loop's from here on, and perhaps gone already
}

// The loop cannot go meanwhile: it takes the task out of here first, or what starts it.
void threadsafe_call::cancel() noexcept {
    const std::lock_guard lock(mutex_);
    if (where_ == nullptr || !cancellation_) return;
    callback* const node = cancellation_.release();
    if (!where_->core().engine->post(*node)) node->release();
}

void threadsafe_call::drop_future() noexcept {
    const std::lock_guard lock(mutex_);
    future_dropped_ = true;
}

void threadsafe_call::refuse_own_thread(const char* operation) const {
    if (this_thread_identity() != owner_) return;
    throw std::logic_error(std::string(operation) +
                           ": the loop of the task runs on this thread, which would wait for ever");
}

void threadsafe_call::begin(std::shared_ptr<threadsafe_call> self) noexcept {
    try {
        loop_core& core = where_->core();
        if (core.tasks == nullptr) throw std::logic_error(std::string(operation()) + ": the loop runs no tasks");
        block_ = &start(core);
    } catch (...) {
        leave_loop();
        give_failure(std::current_exception());
        return;
    }
    self_ = std::move(self);
    block_->on_done = [](control_block& b) noexcept { static_cast<threadsafe_call*>(b.on_done_argument)->end(b); };
    block_->on_done_argument = this;
}

namespace {

// What `make` makes, or why it could not be made.
template <class Make>
std::exception_ptr exception_from(const Make& make) noexcept {
    try {
        throw make();
    } catch (...) {
        return std::current_exception();
    }
}

}  // namespace

void threadsafe_call::give_cancellation(const control_block& block) noexcept {
    give_failure(exception_from([&] { return task_cancelled(block.display_name()); }));
}

void threadsafe_call::end(control_block& block) noexcept {
    const std::shared_ptr<threadsafe_call> self = std::move(self_);
    block_ = nullptr;
    const bool wanted = leave_loop();
    switch (block.outcome_kind) {
        case task_outcome::cancelled: return give_cancellation(block);
        case task_outcome::exception:
            if (!wanted) return;  // and so it is reported
            block.outcome_read = true;
            return give_failure(block.exception());
        default: return give_outcome(block);
    }
}

void threadsafe_call::lost() noexcept {
    leave_loop();
    give_failure(exception_from([this] { return closed_error(operation()); }));
}

bool threadsafe_call::leave_loop() noexcept {
    owned<callback> unused;  // refers to this, and is destroyed without the lock
    const std::lock_guard lock(mutex_);
    where_ = nullptr;
    unused = std::move(cancellation_);
    return !future_dropped_;
}

}  // namespace async::inline v0::detail
