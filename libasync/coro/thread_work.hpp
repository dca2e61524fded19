// Functions in threads, awaited: what to_thread and thread_pool::run are made of.
#pragma once

#include <memory>
#include <stdexcept>
#include <tuple>
#include <type_traits>
#include <utility>

#include <libasync/coro/callable.hpp>
#include <libasync/coro/io_awaiter.hpp>
#include <libasync/coro/task_handle.hpp>
#include <libasync/detail/functional.hpp>
#include <libasync/loop/context.hpp>

namespace async::inline v0 {

struct abandon_on_cancel_t {
    explicit abandon_on_cancel_t() = default;
};

// Asks that an await of work in a thread end as soon as it is cancelled, though the work goes on.
inline constexpr abandon_on_cancel_t abandon_on_cancel{};

namespace detail {

// Where work runs, and what its errors are called. A null pool is that of the loop.
struct workplace {
    std::shared_ptr<io::thread_pool> pool;
    const char* operation;
};

// Throws why the work did not run.
[[noreturn]] void throw_no_work(const io::work_op& op, const char* operation);

// A function with its arguments, its own copies of both, and then what came of it. Called as by std::async.
template <class F, class... Args>
class thread_call {
public:
    using value_type = std::invoke_result_t<F, Args...>;
    static_assert(!std::is_rvalue_reference_v<value_type>, "what it gives would be gone by then");

    template <class G, class... As>
    explicit thread_call(std::in_place_t, G&& fn, As&&... args)
        : parts_(std::forward<G>(fn), std::forward<As>(args)...) {}
    thread_call(thread_call&& other) : parts_(std::move(other.parts_)) {}  // before it is called

    // On the thread of the task that waits.
    void bring_context() noexcept { context_ = copy_of_values_here(); }

    // On a thread of the pool.
    void run() noexcept {
        const context_entry inside(std::move(context_));
        try {
            if constexpr (std::is_void_v<value_type>) {
                std::apply(call, std::move(parts_));
                outcome_.set_value();
            } else {
                outcome_.set_value(std::apply(call, std::move(parts_)));
            }
        } catch (...) {
            outcome_.set_exception(std::current_exception());
        }
    }

    value_type take() { return outcome_.take(); }

private:
    static value_type call(F&& fn, Args&&... args) { return detail::invoke(std::move(fn), std::move(args)...); }

    std::tuple<F, Args...> parts_;
    outcome_storage<value_type> outcome_;
    context_values context_;
};

// The operation of the engine that runs a thread_call.
template <class Call>
struct call_work : io_description<call_work<Call>> {
    struct operation : io::work_op {
        operation(Call* c, io::thread_pool* pool) noexcept
            : work_op([](work_op& op) noexcept { static_cast<operation&>(op).call->run(); }, pool),
              call(c) {}
        Call* call;
    };
    using value_type = typename Call::value_type;

    call_work(Call& c, const workplace& w) noexcept : call(&c), place(&w) {}

    operation make() const noexcept { return {call, place->pool.get()}; }
    void check(operation&) const noexcept { call->bring_context(); }
    value_type finish(operation&) const { return call->take(); }
    std::string what() const { return place->operation; }

    Call* call;
    const workplace* place;
};

template <class Call>
struct call_and_place {
    Call call;
    workplace place;
};

// Waits until the function has run, or has been taken out of the queue.
template <class Call>
class call_awaiter : call_and_place<Call>, public io_awaiter<call_work<Call>> {
    using parts = call_and_place<Call>;
    using base = io_awaiter<call_work<Call>>;

public:
    explicit call_awaiter(parts&& p) : parts(std::move(p)), base(call_work<Call>(parts::call, parts::place)) {}

    typename Call::value_type await_resume() {
        this->settle();
        if (this->operation_.error != 0) [[unlikely]]
            throw_no_work(this->operation_, parts::place.operation);
        return parts::call.take();
    }

    // Takes it out of the queue. False if it stays: it runs.
    static bool stop_if_queued(leaf& waiting) noexcept {
        base::stop(waiting);
        return static_cast<call_awaiter&>(waiting).operation_.state != io::op_state::pending;
    }
};

// What to_thread gives. Move-only.
template <class Call, template <class> class Awaiter>
class [[nodiscard("a function is called in a thread when this is awaited")]] call_description {
public:
    using async_native = void;

    explicit call_description(call_and_place<Call>&& p) : parts_(std::move(p)) {}

    auto operator co_await() && { return Awaiter<Call>(std::move(parts_)); }
    auto operator co_await() & = delete;  // it is awaited once: co_await std::move(call)

private:
    call_and_place<Call> parts_;
};

template <class Call>
task<typename Call::value_type> call_in_thread(call_and_place<Call> parts) {
    co_return co_await call_description<Call, call_awaiter>(std::move(parts));
}

// Waits for a task of its own, which waits for the function: if that runs already, this one can leave it.
template <class Call>
class abandoning_awaiter : leaf {
    using value_type = typename Call::value_type;

public:
    explicit abandoning_awaiter(call_and_place<Call>&& p)
        : leaf(&abandoning_awaiter::stop),
          parts_(std::move(p)) {}
    ~abandoning_awaiter() {
        if (!block_) return;
        node_.unlink_if_linked();
        block_->outcome_read = true;
        if (!block_->done()) block_->own_scope.cancel();
    }

    bool await_ready() const noexcept { return false; }

    // No scope cancels that task but through its waiter: a shielded one has its work done in a loop that ends, too.
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> h) {
        if (!enter(h, node_)) return true;
        std::source_location where;
        if constexpr (is_task_promise<Promise>) where = h.promise().where;
        const char* const name = parts_.place.operation;
        block_ = spawn(core(), core().tasks->outside_scope, call_in_thread(std::move(parts_)), name, where);
        block_->joiners.push_back(node_);
        wait();
        return true;
    }

    value_type await_resume() {
        leave();
        if (left_ || (stopped_ && block_->outcome_kind == task_outcome::cancelled)) cancelled_access::raise();
        return join_awaiter<value_type>::take_outcome(*block_, context);
    }

private:
    // The cancellation of that task may come through later: what it waits for is asked to stop at once.
    static void stop(leaf& l) noexcept {
        auto& self = static_cast<abandoning_awaiter&>(l);
        if (self.stopped_ || self.block_->done()) return;
        self.stopped_ = true;
        leaf* const waiting = self.block_->waiting;
        self.block_->own_scope.cancel();
        if (waiting == nullptr || call_awaiter<Call>::stop_if_queued(*waiting)) return;
        self.left_ = true;
        self.block_->outcome_read = true;
        self.node_.unlink();
        self.core().ready.push_back(self.node_);
    }

    call_and_place<Call> parts_;
    block_ptr<control_block_of<value_type>> block_;
    ready_node node_;
    bool stopped_ = false;
    bool left_ = false;  // while it runs
};

template <class F, class... Args>
using call_of = thread_call<std::decay_t<F>, std::decay_t<Args>...>;

template <class F, class... Args>
concept callable_in_thread = std::invocable<std::decay_t<F>, std::decay_t<Args>...>;

template <template <class> class Awaiter, class F, class... Args>
auto describe_call(workplace place, F&& fn, Args&&... args) {
    require_named_closure<F>();
    using call = call_of<F, Args...>;
    return call_description<call, Awaiter>(
        {call(std::in_place, std::forward<F>(fn), std::forward<Args>(args)...), std::move(place)});
}

}  // namespace detail

}  // namespace async::inline v0
