// Wakes a loop from anywhere, signal handlers included: libuv's uv_async_t. Allocates nothing after construction.
#pragma once

#include <atomic>

#include <libasync/loop/context.hpp>
#include <libasync/loop/loop.hpp>

namespace async::inline v0 {

// Built and destroyed on the loop's thread, before the loop goes.
class notifier : detail::ready_node {
public:
    // `fn` is called on the loop after a `notify`.
    notifier(loop& owner, unique_function<void()> fn, std::source_location created = std::source_location::current())
        : owner_(&owner),
          function_(std::move(fn)),
          created_(created) {
        if (!function_) throw std::invalid_argument("a callback must not be empty");
        run = &notifier::call;
    }

    ~notifier() {
        owner_->core().engine->collect_posts();
        unlink_if_linked();
    }

    // Makes the loop call back soon. Calls that come before it does are taken together. From any thread and from
    // signal handlers. False once the loop has closed.
    bool notify() noexcept {
        if (pending_.exchange(true, std::memory_order_acq_rel)) return true;
        if (owner_->core().engine->post(*this)) return true;
        pending_.store(false, std::memory_order_release);
        return false;
    }

private:
    static bool call(detail::ready_node* node) noexcept {
        auto* self = static_cast<notifier*>(node);
        self->pending_.store(false, std::memory_order_release);
        const detail::context_entry inside(self->context_);
        try {
            self->function_();
        } catch (...) {
            self->owner_->report({"a notifier's callback threw", {}, self->created_, std::current_exception()});
        }
        return false;
    }

    loop* owner_;
    unique_function<void()> function_;
    std::source_location created_;
    const detail::context_values context_ = detail::copy_of_values_here();  // in which it is called
    std::atomic<bool> pending_{false};
};

}  // namespace async::inline v0
