// What stands behind a spawned task: its context and scope, its outcome, and who waits for it. Counted by handles,
// by joiners, and by the loop while the task runs. The frame is destroyed when the task ends, before anybody who
// waits is resumed; the outcome stays here.
#pragma once

#include <memory>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>

#include <libasync/coro/frame_allocator.hpp>
#include <libasync/coro/task.hpp>
#include <libasync/detail/exchange.hpp>
#include <libasync/detail/owned.hpp>
#include <libasync/loop/loop.hpp>

namespace async::inline v0::detail {

enum class task_outcome : std::uint8_t { pending, value, exception, cancelled };

// A list link of its own, since the ready_node of the control block is used to start and to end the task.
struct task_link : list_node {};

// Small members stand in the padding of what comes before them: with a small result it takes four cache lines.
struct control_block : ready_node, task_link, task_context {
    control_block() = default;
    virtual ~control_block();

    static void* operator new(std::size_t size) { return allocate_frame(size); }
    static void operator delete(void* block, std::size_t size) noexcept { free_frame(block, size); }

    // Hangs the task under `parent`, to be begun. Takes one count for the loop.
    void prepare(loop_core& core, scope& parent, promise_base& p) noexcept;

    // The same, and puts it into the ready queue.
    void spawn(loop_core& core, scope& parent, promise_base& p) noexcept {
        prepare(core, parent, p);
        core.ready.push_back(static_cast<ready_node&>(*this));
    }

    // The first step begins: the coroutine to resume.
    std::coroutine_handle<> begin() noexcept {
        run = &control_block::end;
        loop->current = this;
        return handle;
    }

    void retain() noexcept { ++references; }
    void release() noexcept {
        if (--references <= watchers) [[unlikely]]
            nobody_reads();
    }

    // References of those who can watch it, but not read its outcome: they do not keep a failure from being reported.
    void retain_watcher() noexcept {
        retain();
        if (watchers != many_watchers) ++watchers;
    }
    void release_watcher() noexcept {
        if (watchers != many_watchers) --watchers;
        release();
    }

    bool done() const noexcept { return outcome_kind != task_outcome::pending; }

    // For the report and for messages; made up from the number if none was given.
    std::string display_name() const;

    // Empty if none was given.
    std::string_view name() const noexcept { return given_name ? std::string_view(*given_name) : std::string_view(); }

    // Throws std::bad_alloc, and the name is as it was then.
    void set_name(std::string_view name) {
        given_name.reset(name.empty() ? nullptr : new std::string(name));
    }

    // All that a callback needs is there from now on: it is called whatever happens to memory. Throws std::bad_alloc.
    void add_done_callback(unique_function<void()> fn);

    // Moves the outcome of the finished frame here. True if it is an exception.
    virtual bool collect(promise_base& p) noexcept = 0;
    virtual const std::exception_ptr& exception() const noexcept = 0;

    // Whether it failed and nobody knows.
    bool unread() const noexcept { return outcome_kind == task_outcome::exception && !outcome_read; }

    // Tells the loop so.
    void report_unread() noexcept;

    task_outcome outcome_kind = task_outcome::pending;
    bool outcome_read = false;
    promise_base* root = nullptr;
    [[no_unique_address]] scope own_scope;
    static constexpr std::uint8_t many_watchers = 255;
    std::uint8_t watchers = 0;  // among the references; so many that they are not counted stay many
    unsigned references = 0;
    ready_list joiners;  // the nodes of those who wait for the end
    ready_list done_callbacks;
    owned<const std::string> given_name;  // most tasks have none
    std::source_location created;
    std::uint64_t number = 0;
    std::uint64_t leads_out_in = 0;  // the round of cancellations in which it was found to wait in no circle of joins
    // Told when the task ends, in place of joiners: for constructs that own their children.
    void (*on_done)(control_block&) noexcept = nullptr;
    void* on_done_argument = nullptr;

private:
    static bool start(ready_node* node) noexcept;
    static bool end(ready_node* node) noexcept;
    void destroy(std::coroutine_handle<> frame) noexcept;
    void finish(task_outcome outcome) noexcept;
    void nobody_reads() noexcept;
};

template <class T>
struct control_block_of : control_block {
    bool collect(promise_base& p) noexcept override {
        try {
            outcome.take_from(static_cast<task_promise<T>&>(p).outcome);
        } catch (...) {
            outcome.set_exception(std::current_exception());
        }
        return outcome.has_exception();
    }
    const std::exception_ptr& exception() const noexcept override { return outcome.exception(); }

    outcome_storage<T> outcome;
};
static_assert(sizeof(void*) != 8 || sizeof(control_block_of<std::uint64_t>) <= 256);

// A counted pointer to a control block.
template <class Block>
class block_ptr {
public:
    block_ptr() = default;
    explicit block_ptr(Block* b) noexcept : block_(b) {
        if (block_) block_->retain();
    }
    block_ptr(const block_ptr& other) noexcept : block_ptr(other.block_) {}
    block_ptr(block_ptr&& other) noexcept : block_(detail::exchange(other.block_, nullptr)) {}
    block_ptr& operator=(block_ptr other) noexcept {
        std::swap(block_, other.block_);
        return *this;
    }
    ~block_ptr() {
        if (block_) block_->release();
    }

    Block* get() const noexcept { return block_; }
    Block* operator->() const noexcept { return block_; }
    Block& operator*() const noexcept { return *block_; }
    explicit operator bool() const noexcept { return block_ != nullptr; }

private:
    Block* block_ = nullptr;
};

// What belongs to a loop and may outlive it: it is told when the loop goes, which can still report then.
struct loop_guest : list_node {
    explicit loop_guest(void (*told)(loop_guest&) noexcept) noexcept : loop_goes(told) {}

    void (*const loop_goes)(loop_guest&) noexcept;  // it is out of the list by then
};

// The tasks of one loop and the root of their scopes.
struct task_registry {
    explicit task_registry(loop_core& core) noexcept : id(next_id()) {
        outside.loop = &core;
        outside.current_scope = &outside_scope;
    }

    task_registry(const task_registry&) = delete;
    task_registry& operator=(const task_registry&) = delete;
    ~task_registry();

    const std::uint64_t id;  // no other registry of the program has it, before or after
    scope root;
    scope outside_scope;  // where coroutines that are not tasks await: never cancelled
    task_context outside;
    list<task_link> all;    // what has not ended
    list<task_link> ended;  // what is still held by a handle
    list<loop_guest> guests;
    std::uint64_t created = 0;

private:
    static std::uint64_t next_id() noexcept;
};

// The task that runs in this loop, or null: outside of tasks, and in a coroutine that is none.
inline task_context* running_task(const loop_core& core) noexcept {
    return core.current == nullptr || core.current == &core.tasks->outside ? nullptr : core.current;
}

// Null if it is no task's.
inline control_block* task_of(task_context* context) noexcept {
    return context != nullptr && context->is_task ? static_cast<control_block*>(context) : nullptr;
}

// Makes the control block of `t` and queues it.
template <class T>
block_ptr<control_block_of<T>> spawn(loop_core& core, scope& parent, task<T> t, std::string_view name,
                                     std::source_location created) {
    if (!t) throw std::logic_error("a task that was moved from or already awaited cannot be started");
    block_ptr<control_block_of<T>> block(new control_block_of<T>);
    block->set_name(name);
    block->created = created;
    block->spawn(core, parent, t.release().promise());
    return block;
}

}  // namespace async::inline v0::detail
