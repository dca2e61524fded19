// The node behind call_soon, call_at and post. Counted by its handle and, while it waits, by the loop.
#pragma once

#include <libasync/loop/context.hpp>
#include <libasync/loop/loop.hpp>

namespace async::inline v0::detail {

struct callback : timer_node {
    callback(loop& l, unique_function<void()> f, std::source_location c)
        : owner(&l),
          function(std::move(f)),
          created(c) {
        if (!function) throw std::invalid_argument("a callback must not be empty");
        run = &callback::call;
    }

    void release() noexcept {
        if (--references == 0) delete this;
    }

    bool pending() const noexcept { return static_cast<bool>(function); }

    void cancel() noexcept;

    static bool call(ready_node* node) noexcept;

    loop* owner;
    unique_function<void()> function;
    std::source_location created;
    context_values context = copy_of_values_here();  // in which it is called
    unsigned references = 1;  // the loop's own
};

}  // namespace async::inline v0::detail
