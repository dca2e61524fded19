// The values of context variables, as tasks, callbacks and threads hold them; see coro/context_var.hpp.
//
// They stand in an immutable, counted snapshot: who begins beside another shares its snapshot, on whatever thread, and
// a change makes a new one. Who has no values holds a null pointer.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include <libasync/config.hpp>
#include <libasync/detail/exchange.hpp>

namespace async::inline v0::detail {

// Names a variable, or a context that has changed variables. Unique in the program.
using context_id = std::uint64_t;
context_id next_context_id() noexcept;

using context_value = std::shared_ptr<const void>;
struct context_snapshot;

// The context of one task, callback or thread. A copy is a context of its own, with the same values.
class context_values {
public:
    context_values() = default;
    context_values(const context_values& other) noexcept : word_(other.word_ & ~changed_here) {
        if (word_ != 0) retain();
    }
    context_values(context_values&& other) noexcept : word_(detail::exchange(other.word_, 0)) {}
    context_values& operator=(context_values other) noexcept {
        std::swap(word_, other.word_);
        return *this;
    }
    ~context_values() {
        if (word_ != 0) release();
    }

    // Null if the variable has no value here.
    const void* find(context_id variable) const noexcept { return word_ == 0 ? nullptr : find_value(variable); }
    context_value share(context_id variable) const noexcept;

    // Gives the variable a value, or takes it away. Throws std::bad_alloc, and nothing has changed then.
    void set(context_id variable, context_value value);

    // Whose changes these are; 0 if nothing was changed here.
    context_id owner() const noexcept;

private:
    friend class context_change;

    static constexpr std::uintptr_t changed_here = 1;  // beside the pointer
    static context_snapshot* snapshot_of(std::uintptr_t word) noexcept {
        return reinterpret_cast<context_snapshot*>(word & ~changed_here);
    }

    void retain() const noexcept;
    void release() noexcept;
    const void* find_value(context_id variable) const noexcept;

    std::uintptr_t word_ = 0;
};

// Changes a variable and, however memory stands, changes it back. What was changed meanwhile by others stays.
class context_change {
public:
    // Throws std::bad_alloc, and nothing has changed then.
    context_change(context_values& values, context_id variable, context_value value);
    context_change(const context_change&) = delete;
    context_change& operator=(const context_change&) = delete;
    ~context_change();

    // Unless `values` is another context.
    void take_back(context_values& values) noexcept;

private:
    context_values before_;
    context_snapshot* made_;
    context_snapshot* spare_;
    context_id owner_ = 0;
};

// What holds where no task runs, or null: the context of a callback, or else of the thread.
extern constinit thread_local context_values* context_outside_task;

// The context of the task that runs on this thread, else the one outside tasks. `here` may be null: no values.
const context_values* values_here() noexcept;
context_values& values_to_change();

inline context_values copy_of_values_here() noexcept {
    const context_values* here = values_here();
    return here ? *here : context_values();
}

// A stretch of code outside tasks that runs in a context of its own.
class context_entry {
public:
    explicit context_entry(context_values values) noexcept
        : values_(std::move(values)),
          outer_(detail::exchange(context_outside_task, &values_)) {}
    context_entry(const context_entry&) = delete;
    context_entry& operator=(const context_entry&) = delete;
    ~context_entry() { context_outside_task = outer_; }

private:
    context_values values_;
    context_values* outer_;
};

}  // namespace async::inline v0::detail
