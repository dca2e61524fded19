// Makes steps of several tasks happen in the order of their numbers: trio's Sequencer.
//
//   async::task<void> eat(async::testing::sequencer& order) {
//       {
//           auto turn = co_await order.at(0);
//           ...
//       }  // step 1, in another task, may begin
//       auto turn = co_await order.at(2);
//       ...
//   }
#pragma once

#include <cstddef>
#include <stdexcept>
#include <utility>

#include <libasync/coro/leaf.hpp>

namespace async::inline v0::testing {

class sequencer;

// A step that has begun. It ends when this goes; the next one may begin then. Move-only.
class [[nodiscard]] sequence_step {
public:
    explicit sequence_step(sequencer& s) noexcept : owner_(&s) {}
    sequence_step(sequence_step&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}
    sequence_step& operator=(sequence_step&&) = delete;
    ~sequence_step();

private:
    sequencer* owner_;
};

// Not copyable or movable; used by tasks of one loop. It must outlive the steps that have begun. Steps that wait when
// it goes are told so by an exception.
class sequencer {
    class awaiter;
    struct description;

public:
    sequencer() = default;
    sequencer(const sequencer&) = delete;
    sequencer& operator=(const sequencer&) = delete;
    ~sequencer();

    // Goes on when the steps 0 to number - 1 have begun and ended; gives a guard whose destruction ends step `number`.
    // Each number is used once: a second time throws std::logic_error. Cancel class: poisoning: with a step that is
    // cancelled the sequence is broken, and all that have not begun throw std::runtime_error.
    description at(std::size_t number) noexcept;

private:
    friend sequence_step;

    bool used(std::size_t number) noexcept;
    void end_step() noexcept;
    void break_off() noexcept;

    async::detail::list<awaiter> waiting_;
    std::size_t next_ = 0;  // the step that has begun, or is to begin
    bool begun_ = false;
    bool broken_ = false;
};

class sequencer::awaiter : async::detail::leaf, async::detail::list_node {
public:
    awaiter(sequencer& s, std::size_t number) noexcept : leaf(&awaiter::stop), sequencer_(&s), number_(number) {}
    ~awaiter();

    bool await_ready() const noexcept { return false; }

    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> h) {
        if (sequencer_->used(number_)) throw std::logic_error("a step of a sequence is taken twice");
        if (!enter(h, node_)) {
            sequencer_->break_off();
            return true;
        }
        return begin_or_wait();
    }

    sequence_step await_resume();

private:
    friend sequencer;
    friend async::detail::list<awaiter>;

    // Whether it has to wait.
    bool begin_or_wait() noexcept;
    void go_on() noexcept;
    static void stop(leaf& l) noexcept;

    async::detail::ready_node node_;
    sequencer* sequencer_;
    const std::size_t number_;
    enum class outcome : unsigned char { none, begun, broken, stopped } outcome_ = outcome::none;
};

struct [[nodiscard("a step waits when it is awaited")]] sequencer::description {
    using async_native = void;
    sequencer& owner;
    std::size_t number;
    auto operator co_await() const noexcept { return awaiter(owner, number); }
};

inline sequencer::description sequencer::at(std::size_t number) noexcept { return {*this, number}; }

}  // namespace async::inline v0::testing
