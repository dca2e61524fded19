// generator<T>: a coroutine that gives one item after another to whoever asks for the next, and may await in between.
//
//   async::generator<std::string> lines(tcp_stream& stream) {
//       ...
//       co_yield co_await read_line(stream);
//   }
//
//   auto gen = lines(stream);
//   while (auto line = co_await gen.next()) use(*line);
//   co_await gen.close();  // if the body has clean-up that awaits; to drop it runs destructors only
//
// The body runs inside `next`, as a child of whoever awaits that, in its scopes; each `next` may come from another
// task. A scope cannot be held across a co_yield: it is entered by running a task in it, and a task yields nothing.
// A co_yield hands the item over like the end of a task does its result, so the stack does not grow (promise_base.hpp).
#pragma once

#include <concepts>
#include <coroutine>
#include <cstdint>
#include <exception>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include <libasync/coro/task.hpp>
#include <libasync/detail/exchange.hpp>
#include <libasync/detail/functional.hpp>
#include <libasync/error.hpp>

namespace async::inline v0 {

template <class T>
class generator;

namespace detail {

struct generator_promise_base;

// What a generator object knows of its body.
struct generator_link {
    generator_promise_base* promise = nullptr;
    bool over = false;  // the body has ended
};

enum class generator_state : std::uint8_t {
    fresh,
    running,  // perhaps suspended at an await
    yielded,  // at a co_yield, with an item that nobody has taken
    idle,     // at a co_yield whose item was taken
    ended,    // with an outcome that nobody has taken
};

struct generator_promise_base : promise_common {
    ~generator_promise_base() {
        if (link) *link = {nullptr, true};
    }

    // Leaves the body for the one who awaits the item.
    class leave {
    public:
        leave(generator_promise_base& p, generator_state s) noexcept : promise_(p) { p.body = s; }
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<>) const noexcept {
            if (promise_.state == task_state::parent_suspended) promise_.hand_back();
        }
        void await_resume() const noexcept {}

    protected:
        generator_promise_base& promise_;
    };

    class yield_awaiter : public leave {
    public:
        explicit yield_awaiter(generator_promise_base& p) noexcept : leave(p, generator_state::yielded) {}
        void await_resume() const {
            if (promise_.closing) [[unlikely]]
                cancelled_access::raise();
        }
    };

    leave final_suspend() noexcept { return {*this, generator_state::ended}; }
    void return_void() const noexcept {}
    void unhandled_exception() noexcept { failure = std::current_exception(); }

    bool asked() const noexcept { return parent != nullptr; }

    // Runs the body until it yields, ends or has to wait. True if `asker` is to be suspended.
    bool run_for(promise_base& asker, std::coroutine_handle<>& frame) noexcept {
        loop_core& core = *asker.context->loop;
        context = asker.context;
        parent = &asker;
        owner = &frame;
        asker.child = this;
        body = generator_state::running;
        if (core.depth >= loop_core::max_depth) [[unlikely]] {
            state = task_state::parent_suspended;
            core.next = self;
            return true;
        }
        state = task_state::running_in_place;
        ++core.depth;
        self.resume();
        --core.depth;
        if (body == generator_state::running) {
            state = task_state::parent_suspended;
            return true;
        }
        if (core.may_continue_in_place()) return false;
        resume_later(core);
        return true;
    }

    // The asker goes on.
    void settle() noexcept {
        parent->child = nullptr;
        parent = nullptr;
        if (detail::exchange(queued, false)) context->loop->current = context;
    }

    // The asker is destroyed before it could go on.
    void abandon() noexcept {
        parent = nullptr;
        queued = false;
        node.unlink_if_linked();
    }

    // Destroys the frame if there is no generator any more to do so.
    void drop_if_orphaned() noexcept {
        if (link == nullptr) self.destroy();
    }

    generator_link* link = nullptr;
    ready_node node;  // of the asker, when its step has been long enough
    std::exception_ptr failure;
    generator_state body = generator_state::fresh;
    bool queued = false;
    bool closing = false;

private:
    void hand_back() noexcept {
        loop_core& core = *context->loop;
        if (core.may_continue_in_place()) {
            core.next = parent->self;
        } else {
            resume_later(core);
        }
    }

    // The outcome is recorded, so it stays if the asker is cancelled or destroyed before it goes on.
    void resume_later(loop_core& core) noexcept {
        parent->child = nullptr;
        queued = true;
        node.handle = parent->self;
        core.ready.push_back(node);
    }
};

// What stands for an item outside the body: references are wrapped.
template <class T>
using generator_item =
    std::conditional_t<std::is_reference_v<T>, std::reference_wrapper<std::remove_reference_t<T>>, T>;

template <class U, class T>
concept yieldable_value = !std::is_reference_v<T> && std::is_convertible_v<U&&, T>;
template <class T>
concept yieldable_reference = std::is_reference_v<T>;

template <class T>
struct generator_promise final : generator_promise_base {
    generator<T> get_return_object() noexcept;

    // Lvalues are copied, rvalues moved; what that throws is thrown by the co_yield.
    template <yieldable_value<T> U = T>
    yield_awaiter yield_value(U&& value) {
        item.emplace(std::forward<U>(value));
        return yield_awaiter(*this);
    }

    // To a temporary even, if T is a reference to const: it lives until the body goes on.
    template <yieldable_reference R = T>
    yield_awaiter yield_value(std::type_identity_t<R> value) noexcept {
        item.emplace(value);
        return yield_awaiter(*this);
    }

    std::optional<generator_item<T>> item;
};

// Asks the body to go on, and waits until it yields or ends.
class generator_awaiter {
public:
    explicit generator_awaiter(generator_link& l) noexcept : link_(l), promise_(l.promise) {}
    generator_awaiter(const generator_awaiter&) = delete;
    generator_awaiter& operator=(const generator_awaiter&) = delete;
    ~generator_awaiter() {
        if (!frame_) return;
        if (promise_->body == generator_state::running) {
            destroy_chain(*promise_);
        } else {
            promise_->abandon();
            promise_->drop_if_orphaned();
        }
    }

    template <class Promise>
    requires std::derived_from<Promise, promise_base>
    bool await_suspend(std::coroutine_handle<Promise> h) noexcept {
        frame_ = promise_->self;
        return promise_->run_for(h.promise(), frame_);
    }

protected:
    bool is_over() const noexcept { return link_.over; }

    void require_free(const char* message) const {
        if (promise_->asked()) throw std::logic_error(message);
    }

    void settle() noexcept {
        if (!frame_) return;  // there was nothing to wait for
        frame_ = nullptr;
        promise_->settle();
    }

    // Gives what the body threw, or null.
    std::exception_ptr destroy_frame() noexcept {
        std::exception_ptr failure = std::move(promise_->failure);
        detail::exchange(promise_, nullptr)->self.destroy();
        return failure;
    }

    generator_link& link_;  // gone perhaps once the body has run
    generator_promise_base* promise_;

private:
    std::coroutine_handle<> frame_;  // while the body is asked
};

template <class T>
class [[nodiscard]] next_awaiter : public generator_awaiter {
public:
    using generator_awaiter::generator_awaiter;

    bool await_ready() const {
        if (promise_ == nullptr) {
            if (is_over()) return true;
            throw std::logic_error("next() of a generator that was moved from");
        }
        require_free("next() of a generator whose next() or close() has not ended");
        return promise_->body == generator_state::yielded || promise_->body == generator_state::ended;
    }

    std::optional<generator_item<T>> await_resume() {
        if (promise_ == nullptr) return std::nullopt;
        settle();
        if (promise_->body == generator_state::ended) {
            if (auto failure = destroy_frame()) std::rethrow_exception(std::move(failure));
            return std::nullopt;
        }
        promise_->body = generator_state::idle;
        const drop_at_end end(*promise_);
        std::optional<generator_item<T>>& slot = static_cast<generator_promise<T>*>(promise_)->item;
        std::optional<generator_item<T>> item(std::in_place, std::move(*slot));
        slot.reset();
        return item;
    }

private:
    struct drop_at_end {
        explicit drop_at_end(generator_promise_base& p) noexcept : promise(p) {}
        ~drop_at_end() { promise.drop_if_orphaned(); }
        generator_promise_base& promise;
    };
};

class [[nodiscard]] generator_close_awaiter : public generator_awaiter {
public:
    using generator_awaiter::generator_awaiter;

    bool await_ready() {
        if (promise_ == nullptr) return true;
        require_free("close() of a generator whose next() or close() has not ended");
        if (promise_->body == generator_state::fresh) static_cast<void>(destroy_frame());
        if (promise_ == nullptr || promise_->body == generator_state::ended) return true;
        promise_->closing = true;
        return false;
    }

    void await_resume() {
        if (promise_ == nullptr) return;
        settle();
        const bool ended = promise_->body == generator_state::ended;
        const std::exception_ptr failure = destroy_frame();
        if (!ended) throw std::logic_error("a generator that was closed has yielded another item");
        if (!failure) return;
        try {
            std::rethrow_exception(failure);
        } catch (const cancelled&) {  // the one of close(), or one that the next await raises again
        }
    }
};

template <class T>
struct [[nodiscard("an item is made when it is awaited")]] next_description {
    using async_native = void;
    generator_link* link;
    auto operator co_await() const noexcept { return next_awaiter<T>(*link); }
};

struct [[nodiscard("a generator is closed when that is awaited")]] generator_close_description {
    using async_native = void;
    generator_link* link;
    auto operator co_await() const noexcept { return generator_close_awaiter(*link); }
};

}  // namespace detail

// A function that returns a generator<T> is its body: lazy, with `co_yield item` for each item, and no result. T may be
// a reference, to what lives until the body goes on.
//
// With g++ 12 an aggregate with class members is yielded from a variable (`co_yield std::move(row)`), or as what a
// function or an await gives: that compiler destroys a temporary made in braces there twice.
//
// Move-only. One next() or close() at a time, of whichever task: another one meanwhile throws std::logic_error. A
// generator may be moved while one is under way. If it is dropped then, the body is destroyed when that has ended;
// otherwise at once, where it stands: destructors run, and nothing is awaited. Generators that hold each other go in
// the order of those destructors, so to drop a nest of them takes stack for each.
template <class T>
class [[nodiscard("the body of a generator runs when its next item is awaited")]] generator {
    static_assert(!std::is_void_v<T> && !std::is_rvalue_reference_v<T>, "an item is a value or an lvalue reference");

public:
    using promise_type = detail::generator_promise<T>;
    using value_type = T;

    generator() = default;
    generator(generator && other) noexcept : link_(detail::exchange(other.link_, {})) { adopt(); }
    generator& operator=(generator&& other) noexcept {
        if (this != &other) {
            drop();
            link_ = detail::exchange(other.link_, {});
            adopt();
        }
        return *this;
    }
    ~generator() { drop(); }

    // Runs the body up to its next co_yield. Gives a std::optional<T>, for a reference of std::reference_wrapper;
    // empty when the body has ended, and from then on. Not itself a point of cancellation; the awaits in the body are.
    // One that never waits cannot be cancelled, but lets others run: after 128 items that were there at once, the
    // asker goes on in a later turn.
    // Throws what the body throws, a cancellation included; the generator is over then. Throws std::logic_error for a
    // generator that was moved from. Cancel class: that of the awaits in its body.
    auto next() noexcept { return detail::next_description<T>{&link_}; }

    // Raises `cancelled` at the co_yield where the body stands, and waits for its end: the body may catch it and await
    // what is left to do. Destroys a body that has not begun. Does nothing to a generator that is over or was moved
    // from. Takes effect in a cancelled scope too; the awaits in the body raise there as usual.
    // Throws what the body throws, except `cancelled`; std::logic_error if the body yields again, which destroys it.
    // Cancel class: that of the awaits in its body.
    auto close() noexcept { return detail::generator_close_description{&link_}; }

private:
    friend promise_type;
    explicit generator(detail::generator_promise_base & p) noexcept : link_{&p, false} { adopt(); }

    void adopt() noexcept {
        if (link_.promise) link_.promise->link = &link_;
    }

    void drop() noexcept {
        if (link_.promise == nullptr) return;
        link_.promise->link = nullptr;
        if (!link_.promise->asked()) link_.promise->self.destroy();
    }

    detail::generator_link link_;
};

namespace detail {

template <class T>
generator<T> generator_promise<T>::get_return_object() noexcept {
    self = std::coroutine_handle<generator_promise>::from_promise(*this);
    return generator<T>(*this);
}

}  // namespace detail

}  // namespace async::inline v0
