// select: waits for several things at once and takes exactly one of them: Go's select.
//
//   auto which = co_await async::select(jobs.receive(), stop.wait(), async::sleep(1min));
//   if (which.index() == 0) work(std::get<0>(which));
//
// race runs tasks and cancels the losers; select starts nothing: what it does not take is not touched.
#pragma once

#include <type_traits>
#include <tuple>
#include <utility>
#include <variant>

#include <libasync/coro/outcome.hpp>
#include <libasync/coro/sleep.hpp>
#include <libasync/coro/task_handle.hpp>
#include <libasync/sync/waiter.hpp>

namespace async::inline v0 {

namespace detail {

// One of several waits. What is handed over decides when that happens, and the other waits are given up at once; what
// merely becomes true, such as a time, decides when the task goes on.
struct selected_wait {
    template <class Awaiter>
    static constexpr bool hands_over = requires(Awaiter& a) { a.begin(), a.line_up(); };
    template <class Awaiter>
    static constexpr bool becomes_true = requires(Awaiter& a) { a.has_come(), a.give_up(); };

    // Whether it was done at once; `suspends` tells whether the task goes on in a later step.
    template <class Awaiter, class Promise>
    static bool begin(Awaiter& awaiter, std::coroutine_handle<Promise> h, selection& s, bool& suspends) {
        if constexpr (hands_over<Awaiter>) {
            sync_waiter& w = awaiter;
            w.enter_always(h, w);
            w.selection_ = &s;
            if (!awaiter.begin()) return false;
            suspends = w.granted_at_once();
            return true;
        } else if constexpr (requires { awaiter.begin_at_once(h, suspends); }) {
            return awaiter.begin_at_once(h, suspends);
        } else {
            if (!awaiter.has_come()) return false;
            suspends = awaiter.await_suspend(h);
            return true;
        }
    }

    // False if it was done at once after all, and the task goes on in place.
    template <class Awaiter, class Promise>
    static bool line_up(Awaiter& awaiter, std::coroutine_handle<Promise> h) {
        if constexpr (hands_over<Awaiter>) {
            awaiter.line_up();
            return true;
        } else {
            return awaiter.await_suspend(h);
        }
    }

    // Whether its outcome is there: it cannot be given up any more.
    template <class Awaiter>
    static bool recorded(const Awaiter& awaiter) noexcept {
        if constexpr (hands_over<Awaiter>) {
            const sync_waiter& w = awaiter;
            return w.state_ != sync_waiter::state::idle && w.state_ != sync_waiter::state::waiting;
        } else {
            return awaiter.has_come();
        }
    }

    // Does nothing to one whose outcome was handed over.
    template <class Awaiter>
    static void give_up(Awaiter& awaiter) noexcept {
        if constexpr (hands_over<Awaiter>) {
            sync_waiter& w = awaiter;
            if (w.state_ != sync_waiter::state::waiting) return;
            w.leave_queue();
            w.state_ = sync_waiter::state::idle;
        } else {
            awaiter.give_up();
        }
    }
};

// An awaiter that cannot be moved, made in place.
template <class Description>
struct select_arm {
    using awaiter_type = decltype(std::declval<Description>().operator co_await());
    using result = optional_result<decltype(std::declval<awaiter_type&>().await_resume())>;
    static constexpr bool hands_over = selected_wait::hands_over<awaiter_type>;
    static_assert(hands_over || selected_wait::becomes_true<awaiter_type>,
                  "select takes what hands over or becomes true: ends of channels, queues, locks, semaphores, events, "
                  "futures, sleeps, handle.wait(), readable and writable. Use race for other operations and for tasks");

    explicit select_arm(Description& d) : awaiter(std::move(d).operator co_await()) {}

    awaiter_type awaiter;
};

template <class... Descriptions>
class select_awaiter : leaf, selection {
    using result = std::variant<typename select_arm<Descriptions>::result...>;
    static constexpr std::size_t nobody = sizeof...(Descriptions);

public:
    explicit select_awaiter(std::tuple<Descriptions...>& d)
        : select_awaiter(d, std::index_sequence_for<Descriptions...>()) {}
    ~select_awaiter() { node_.unlink_if_linked(); }

    bool await_ready() const noexcept { return false; }

    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> h) {
        if (!enter(h, node_)) return true;
        try {
            if (!begin_all(h)) return false;
        } catch (...) {
            give_up_all();
            throw;
        }
        wait();
        return true;
    }

    result await_resume() {
        leave();
        if (stopped_) cancelled_access::raise();
        const std::size_t taken = chosen();
        give_up_all_but(taken);
        return take<0>(taken);
    }

private:
    template <std::size_t... I>
    select_awaiter(std::tuple<Descriptions...>& d, std::index_sequence<I...>)
        : leaf(&select_awaiter::stop),
          selection{&select_awaiter::one_decided},
          arms_(std::get<I>(d)...) {}

    // What can be done at once is, the first in the order of the arguments; else all line up. So no two of them ever meet
    // each other. False if the task goes on in place.
    template <class Promise>
    bool begin_all(std::coroutine_handle<Promise> h) {
        bool suspends = false;
        const auto begin = [&](auto& arm) { return selected_wait::begin(arm.awaiter, h, *this, suspends); };
        if (std::apply([&](auto&... arm) { return (begin(arm) || ...); }, arms_)) return suspends;
        // The first that is done at once after all is the last to line up.
        return std::apply([&](auto&... arm) { return (selected_wait::line_up(arm.awaiter, h) && ...); }, arms_);
    }

    template <class Function>
    void for_each(Function f) noexcept {
        std::size_t index = 0;
        std::apply([&](auto&... arm) { (f(arm.awaiter, index++), ...); }, arms_);
    }

    void give_up_all() noexcept {
        for_each([](auto& awaiter, std::size_t) { selected_wait::give_up(awaiter); });
    }
    void give_up_all_but(std::size_t taken) noexcept {
        for_each([&](auto& awaiter, std::size_t index) {
            if (index != taken) selected_wait::give_up(awaiter);
        });
    }
    // Whose outcome is there: what was handed over comes before what has become true.
    std::size_t chosen() noexcept {
        std::size_t handed_over = nobody;
        std::size_t has_come = nobody;
        for_each([&](auto& awaiter, std::size_t index) {
            constexpr bool hands_over = selected_wait::hands_over<std::remove_reference_t<decltype(awaiter)>>;
            std::size_t& found = hands_over ? handed_over : has_come;
            if (found == nobody && selected_wait::recorded(awaiter)) found = index;
        });
        return handed_over != nobody ? handed_over : has_come;
    }

    template <std::size_t I>
    result take(std::size_t taken) {
        if constexpr (I + 1 < sizeof...(Descriptions)) {
            if (I != taken) return take<I + 1>(taken);
        }
        auto& awaiter = std::get<I>(arms_).awaiter;
        using value = decltype(awaiter.await_resume());
        if constexpr (std::is_void_v<value>) {
            awaiter.await_resume();
            return result(std::in_place_index<I>);
        } else if constexpr (std::is_reference_v<value>) {
            return result(std::in_place_index<I>, std::ref(awaiter.await_resume()));
        } else {
            return result(std::in_place_index<I>, awaiter.await_resume());
        }
    }

    static void one_decided(selection& s) noexcept { static_cast<select_awaiter&>(s).give_up_all(); }

    static void stop(leaf& l) noexcept {
        auto& self = static_cast<select_awaiter&>(l);
        if (self.stopped_ || self.chosen() != nobody) return;
        self.give_up_all();
        self.stopped_ = true;
        self.core().ready.push_back(self.node_);
    }

    std::tuple<select_arm<Descriptions>...> arms_;
    ready_node node_;
    bool stopped_ = false;
};

// A class with a constructor: what g++ 12 does to aggregates in an await would destroy what is sent twice.
template <class... Descriptions>
class [[nodiscard("nothing is selected until it is awaited")]] select_description {
public:
    using async_native = void;
    explicit select_description(Descriptions&&... d) : descriptions_(std::move(d)...) {}
    auto operator co_await() { return select_awaiter<Descriptions...>(descriptions_); }

private:
    std::tuple<Descriptions...> descriptions_;
};

}  // namespace detail

// Waits until one of the operations can be done, does exactly that one, and gives its result as the alternative of its
// place in a std::variant; void becomes std::monostate, a reference std::reference_wrapper. If several can be done at once,
// the first in the order of the arguments is. What is not done has no effect: nothing is sent, received, or acquired.
// Takes the operations of channels, queues, locks, semaphores, capacity limiters, events and futures, sleep and
// sleep_until, handle.wait(), and readable and writable, of a handle or a socket: these are asked of the system, so to
// give one up costs a system call on io_uring. Throws what the operation that was done throws, std::bad_alloc.
// Cancel class: lossless.
template <class... Operations>
    requires(sizeof...(Operations) > 0)
detail::select_description<std::remove_cvref_t<Operations>...> select(Operations&&... operations) {
    static_assert((!std::is_lvalue_reference_v<Operations> && ...), "operations are given away");
    return detail::select_description<std::remove_cvref_t<Operations>...>(std::move(operations)...);
}

}  // namespace async::inline v0
